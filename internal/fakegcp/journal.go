package fakegcp

import (
	"context"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
)

// Call is one line of the journal. It holds names and codes, never a body.
type Call struct {
	// Seq counts from 1.
	Seq int `json:"seq"`
	// Time is the virtual time at which the call ended.
	Time time.Time `json:"time"`
	// Method is the full gRPC method without the leading slash, for REST calls too.
	Method string `json:"method"`
	// Resource is the full name of the object the call is about, as the caller wrote it.
	Resource string `json:"resource"`
	// Principal is the caller's e-mail address.
	Principal string `json:"principal"`
	// Code is the gRPC code's name, such as NOT_FOUND, as the caller got it; "" when a fault took the answer away.
	Code string `json:"code"`
	// Mutating says whether the method changes anything, unless the call asks to be validated only.
	Mutating bool `json:"mutating"`
	// ValidateOnly says that the call asked to be validated only (validate_only of run.v2).
	ValidateOnly bool `json:"validateOnly,omitempty"`
	// Fault says which injected fault struck, if one did.
	Fault string `json:"fault,omitempty"`
}

// journal is bounded by size if that is not 0.
type journal struct {
	size int

	mu      sync.Mutex
	calls   []Call
	last    int           // the Seq of the latest call, kept or not
	changed chan struct{} // closed by the next call; nil when nobody waits
}

func (j *journal) add(c Call) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++
	c.Seq = j.last
	j.calls = append(j.calls, c)
	if j.size > 0 && len(j.calls) > j.size {
		j.calls = j.calls[len(j.calls)-j.size:]
	}
	if j.changed != nil {
		close(j.changed)
		j.changed = nil
	}
}

func (j *journal) clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.calls, j.last = nil, 0
}

// Journal lists every call so far, as far as Options.JournalSize lets it.
func (s *Server) Journal() []Call {
	calls, _ := s.journal.matching(JournalFilter{})
	return calls
}

// JournalFilter picks calls of the journal; the zero value takes all.
type JournalFilter struct {
	// After is the Seq after which to begin.
	After int
	// Method and Resource are parts of those of the call.
	Method, Resource string
	// Code is the code's name, such as NOT_FOUND.
	Code string
	// Mutating takes only calls that change something.
	Mutating bool
}

func (f JournalFilter) takes(c Call) bool {
	return c.Seq > f.After && strings.Contains(c.Method, f.Method) && strings.Contains(c.Resource, f.Resource) &&
		(f.Code == "" || f.Code == c.Code) && (c.Mutating || !f.Mutating)
}

// matching lists the calls that a filter takes, and a channel that is closed when there is another call.
func (j *journal) matching(f JournalFilter) ([]Call, <-chan struct{}) {
	found, _, changed := j.matchingUntil(f)
	return found, changed
}

// matchingUntil is matching, and tells the Seq of the last call that it has looked at.
func (j *journal) matchingUntil(f JournalFilter) (found []Call, last int, changed <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	found = []Call{}
	known := len(j.calls) - j.last + f.After // the calls up to After, as far as they are kept
	for _, c := range j.calls[min(max(known, 0), len(j.calls)):] {
		if f.takes(c) {
			found = append(found, c)
		}
	}
	if j.changed == nil {
		j.changed = make(chan struct{})
	}
	return found, max(j.last, f.After), j.changed
}

// WaitJournal lists the calls that a filter takes. If there is none, it waits for one until the context ends, and then lists
// none.
func (s *Server) WaitJournal(ctx context.Context, f JournalFilter) []Call {
	return s.journal.wait(ctx, f)
}

func (j *journal) wait(ctx context.Context, f JournalFilter) []Call {
	for {
		found, last, changed := j.matchingUntil(f)
		if len(found) > 0 {
			return found
		}
		f.After = last // what was looked at once need not be again
		select {
		case <-changed:
		case <-ctx.Done():
			return found
		}
	}
}

// validatesOnly tells that a request has a field validate_only, and that it is set.
func validatesOnly(m proto.Message) bool {
	if m == nil {
		return false
	}
	field := m.ProtoReflect().Descriptor().Fields().ByName("validate_only")
	return field != nil && m.ProtoReflect().Get(field).Bool()
}
