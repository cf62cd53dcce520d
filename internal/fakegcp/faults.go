package fakegcp

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// When says on which side of a call's effect a fault strikes.
type When string

// The sides of the effect.
const (
	Before When = "before"
	After  When = "after"
)

// FaultKind is what a fault does.
type FaultKind string

// The kinds of faults.
const (
	// FaultError answers with Code and Message.
	FaultError FaultKind = "error"
	// FaultReset resets the caller's connection, with every other call on it.
	FaultReset FaultKind = "reset"
	// FaultHang answers nothing until the caller gives up.
	FaultHang FaultKind = "hang"
	// FaultMalformed answers with bytes that do not decode.
	FaultMalformed FaultKind = "malformed"
	// FaultTruncated sends half of the answer and ends the connection, or the stream of HTTP/2. A call that is refused is
	// refused as without the fault.
	FaultTruncated FaultKind = "truncated"
	// FaultUnchecked serves AddSecretVersion as if no checksum had come with the payload, as what stands between client and
	// server may have it: the answer does not confirm the payload.
	FaultUnchecked FaultKind = "unchecked"
	// FaultDamaged is FaultUnchecked, and a bit of the payload is turned over before it is stored.
	FaultDamaged FaultKind = "damaged"
)

var faultKinds = []FaultKind{FaultError, FaultReset, FaultHang, FaultMalformed, FaultTruncated, FaultUnchecked, FaultDamaged}

// OperationMethod as a Fault's Method ends an operation in an error instead of striking a call; Resource is then matched
// against the operation's target.
const OperationMethod = "operation"

// Fault is trouble to be had with a call.
type Fault struct {
	// Method is part of the full gRPC method name ("AddSecretVersion"), or OperationMethod; empty matches every method. One
	// that begins with KubernetesMethod is about the Kubernetes API of clusters instead, which no other Method matches.
	Method string `json:"method"`
	// Resource is part of the name that the call is about; empty matches every name.
	Resource string `json:"resource"`
	// Occurrence is which of the matching calls is struck, from 1; 0 strikes each of them.
	Occurrence int `json:"occurrence"`
	// Times is how many calls from Occurrence on are struck, 1 by default. It needs an Occurrence.
	Times int `json:"times"`
	// When is Before by default.
	When When `json:"when"`
	// Kind is FaultError by default.
	Kind FaultKind `json:"kind"`
	// Code is the gRPC code of FaultError, UNAVAILABLE by default; in JSON its name or number.
	Code codes.Code `json:"code"`
	// Message is the text of FaultError.
	Message string `json:"message"`
}

// check refuses faults that could never strike, and fills defaults.
func (f Fault) check() (Fault, error) {
	if f.When == "" {
		f.When = Before
	}
	if f.Kind == "" {
		f.Kind = FaultError
	}
	if f.Code == codes.OK {
		f.Code = codes.Unavailable
	}
	if f.Times == 0 && f.Occurrence > 0 {
		f.Times = 1
	}
	if f.Message == "" {
		f.Message = "injected fault"
	}
	switch {
	case f.When != Before && f.When != After:
		return f, fmt.Errorf("fault: when %q is neither %q nor %q", f.When, Before, After)
	case f.Occurrence < 0:
		return f, fmt.Errorf("fault: occurrence %d: 1 is the next matching call, 0 every one", f.Occurrence)
	case f.Times < 0, f.Times > 0 && f.Occurrence == 0:
		return f, fmt.Errorf("fault: times %d with occurrence %d: name the first call by an occurrence and how many are struck from there", f.Times, f.Occurrence)
	}
	if !slices.Contains(faultKinds, f.Kind) {
		return f, fmt.Errorf("fault: kind %q is none of %q", f.Kind, faultKinds)
	}
	if f.changesRequest() && f.Method != addSecretVersion {
		return f, fmt.Errorf("fault: kind %q is for the method %q only, not %q", f.Kind, addSecretVersion, f.Method)
	}
	return f, nil
}

// addSecretVersion is the method that the faults about payloads are for.
const addSecretVersion = "AddSecretVersion"

// changesRequest tells whether the call is served, with another request than was sent.
func (f Fault) changesRequest() bool { return f.Kind == FaultUnchecked || f.Kind == FaultDamaged }

// change is the request as it arrives under a fault that changes it.
func (f Fault) change(request any) any {
	sent, ok := request.(*secretmanagerpb.AddSecretVersionRequest)
	if !ok || sent.GetPayload() == nil {
		return request
	}
	arrived := proto.CloneOf(sent)
	arrived.Payload.DataCrc32C = nil
	if data := arrived.GetPayload().GetData(); f.Kind == FaultDamaged && len(data) > 0 {
		data[len(data)/2] ^= 1
	}
	return arrived
}

func (f Fault) matches(method, resource string) bool {
	if strings.HasPrefix(f.Method, KubernetesMethod) != strings.HasPrefix(method, KubernetesMethod) {
		return false
	}
	return strings.Contains(method, f.Method) && strings.Contains(resource, f.Resource)
}

func (f Fault) String() string {
	if f.Kind == FaultError {
		return fmt.Sprintf("%s %s %s", f.Kind, f.Code, f.When)
	}
	return fmt.Sprintf("%s %s", f.Kind, f.When)
}

func (f Fault) err() error { return status.Error(f.Code, f.Message) }

// MarshalJSON writes the code's name.
func (f Fault) MarshalJSON() ([]byte, error) {
	type plain Fault
	return json.Marshal(struct {
		plain
		Code string `json:"code"`
	}{plain(f), statusName(f.Code)})
}

// UnmarshalJSON refuses fields that Fault does not have, so that a misspelt fault is not an inert one.
func (f *Fault) UnmarshalJSON(b []byte) error {
	type plain Fault
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.DisallowUnknownFields()
	return dec.Decode((*plain)(f))
}

// faults are the faults in force, each with the count of matching calls.
type faults struct {
	mu      sync.Mutex
	armed   []*armedFault
	cleared chan struct{} // closed by clear, which ends hangs
}

type armedFault struct {
	Fault
	seen, struck int
	initial      bool // from Options.Control
}

// due counts a matching call, and says whether it is one to strike.
func (f *armedFault) due() bool {
	f.seen++
	if f.Occurrence == 0 || f.seen >= f.Occurrence && f.seen < f.Occurrence+f.Times {
		f.struck++
		return true
	}
	return false
}

// FaultCount is a fault in force and what it has done so far.
type FaultCount struct {
	Fault Fault `json:"fault"`
	// Seen is how many calls or operations have matched, Struck how many of them it struck.
	Seen   int `json:"seen"`
	Struck int `json:"struck"`
}

// Faults lists the faults in force, in the order in which they were injected.
func (s *Server) Faults() []FaultCount {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	all := make([]FaultCount, 0, len(s.faults.armed))
	for _, f := range s.faults.armed {
		all = append(all, FaultCount{f.Fault, f.seen, f.struck})
	}
	return all
}

// Inject arms a fault.
func (s *Server) Inject(f Fault) error {
	f, err := f.check()
	if err != nil {
		return err
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.armed = append(s.faults.armed, &armedFault{Fault: f, initial: s.applying.Load()})
	return nil
}

// ClearFaults disarms all faults; calls that hang end with UNAVAILABLE.
func (s *Server) ClearFaults() { s.faults.clear() }

func (fs *faults) clear() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.armed = nil
	if fs.cleared != nil {
		close(fs.cleared)
	}
	fs.cleared = make(chan struct{})
}

// restarted disarms what a restart does not bring back: faults of calls, since calls that read are not in the state file and
// so cannot be counted again, and those that Options.Control will inject again.
func (fs *faults) restarted() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.armed = slices.DeleteFunc(fs.armed, func(f *armedFault) bool { return f.initial || f.Method != OperationMethod })
}

// strike finds the fault that is due for this call and counts it; one call is struck once.
func (fs *faults) strike(method, resource string) (Fault, bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.armed {
		if (f.Method == OperationMethod) != (method == OperationMethod) || !f.matches(method, resource) {
			continue
		}
		if f.due() {
			return f.Fault, true
		}
	}
	return Fault{}, false
}

// operation is the error that an armed fault ends the operation with, or nil.
func (fs *faults) operation(op *operation) error {
	if f, ok := fs.strike(OperationMethod, op.target); ok {
		return f.err()
	}
	return nil
}
