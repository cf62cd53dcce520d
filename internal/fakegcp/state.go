package fakegcp

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// A state file is a log: a line for each call that changed something and for each change by the control API, in the order
// in which they took effect, with the virtual time. Reading it back does all of it again, each at its own time and with the
// same ids, as ids follow a seed and what the clock makes happen runs in order at its own time. So everything comes back,
// unfinished operations and whatever is scheduled included, without any part of the fake knowing of the file.
//
// A line is in the file before its call is answered, so that a client finds after a kill what it was told. What the system
// itself loses, at a power failure, are the last lines. The file grows with each change and is begun anew by a reset.

// stateVersion changes when files of before cannot be read back any more.
const stateVersion = 1

// stateFile is an open state file. Its methods may be called on nil: no file, nothing is kept.
type stateFile struct {
	name string
	lock *os.File // held as long as the file is ours

	secret [32]byte // what all seeds come from
	lines  int      // calls and changes so far; the server's order and lock guard it

	mu      sync.Mutex
	pending []byte
	broken  error // sticky: what is in memory is ahead of the file

	io     sync.Mutex // held while writing
	file   *os.File
	closed atomic.Bool
}

// stateLine is a line of the file; one field besides the times is set.
type stateLine struct {
	// At is the virtual time, Real what the base clock said.
	At   time.Time `json:"at"`
	Real time.Time `json:"real"`

	Header *stateHeader `json:"header,omitempty"`
	Start  *stateStart  `json:"start,omitempty"`
	Call   *stateCall   `json:"call,omitempty"`
	Change *stateChange `json:"change,omitempty"`
	End    *struct{}    `json:"end,omitempty"` // an orderly end: only its times count
}

// stateHeader is the first line.
type stateHeader struct {
	Format        string `json:"format"`
	Version       int    `json:"version"`
	Project       string `json:"project"`
	ProjectNumber string `json:"projectNumber"`
	Secret        []byte `json:"secret"`
}

const stateFormat = "fakegcp state"

// stateStart is a start of the server: it disarms some faults and rules, and may bring other options.
type stateStart struct {
	// Durations are the options that are durations, by name: what happens depends on them.
	Durations map[string]time.Duration `json:"durations"`
}

// stateCall is a call that changed something.
type stateCall struct {
	Method    string `json:"method"`
	Principal string `json:"principal"`
	Request   []byte `json:"request"` // in protobuf's wire format
	Code      string `json:"code"`
}

// stateChange is a request of the control API that was accepted.
type stateChange struct {
	Verb   string `json:"verb"`
	Target string `json:"target"` // path and query
	Body   []byte `json:"body"`
	// Initial is set for what Options.Control said.
	Initial bool `json:"initial,omitempty"`
}

// oneState is taken while a fake with a state file is open in this process.
var oneState atomic.Bool

// seed is what the ids of a line, or of something scheduled, come from.
func (f *stateFile) seed(kind string, number int) *idSeed {
	if f == nil {
		return nil
	}
	sum := sha256.Sum256(fmt.Appendf(f.secret[:len(f.secret):len(f.secret)], "%s %d", kind, number))
	return &sum
}

// next is the number of the next line.
func (f *stateFile) next() int {
	if f == nil {
		return 0
	}
	return f.lines
}

// keepCall adds a call that changed something. The caller holds the server's lock.
func (f *stateFile) keepCall(at, base time.Time, call Call, request any, err error) {
	m, ok := request.(proto.Message)
	if f == nil || !ok {
		return // without a message there was no handler
	}
	wire, failed := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if failed != nil {
		f.fail(failed)
		return
	}
	f.add(stateLine{At: at, Real: base, Call: &stateCall{call.Method, call.Principal, wire, statusName(status.Code(err))}})
}

// add queues a line that flush is to write.
func (f *stateFile) add(line stateLine) {
	encoded, err := encodeLine(line)
	if err != nil {
		f.fail(err)
		return
	}
	if line.Call != nil || line.Change != nil {
		f.lines++
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = append(f.pending, encoded...)
}

func (f *stateFile) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = errors.Join(f.broken, err)
}

// failure refuses changes once one could not be written: they would be lost without anybody knowing.
func (f *stateFile) failure() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken == nil {
		return nil
	}
	return status.Errorf(codes.Internal, "fakegcp: the state file takes no more changes, start it again: %v", f.broken)
}

// flush writes what is queued, or waits for who is writing it. Callers that come together share a write.
func (f *stateFile) flush() error {
	if f == nil {
		return nil
	}
	f.io.Lock()
	defer f.io.Unlock()
	f.mu.Lock()
	batch := f.pending
	f.pending = nil
	broken := f.broken
	f.mu.Unlock()
	if len(batch) > 0 && broken == nil {
		if _, err := f.file.Write(batch); err != nil {
			f.fail(err)
		}
	}
	return f.failure()
}

// restart begins the file anew, as for a fake that has only just started. It is nothing without a file.
func (f *stateFile) restart(o Options, at, base time.Time) error {
	if f == nil {
		return nil
	}
	f.io.Lock()
	defer f.io.Unlock()
	_, _ = rand.Read(f.secret[:]) // never fails, see crypto/rand
	header := &stateHeader{stateFormat, stateVersion, o.Project, o.ProjectNumber, f.secret[:]}
	var content []byte
	for _, line := range []stateLine{{At: at, Real: base, Header: header}, {At: at, Real: base, Start: startOf(o)}} {
		encoded, err := encodeLine(line)
		if err != nil {
			return err
		}
		content = append(content, encoded...)
	}
	file, err := replaceFile(f.name, content)
	if err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	if f.file != nil {
		_ = f.file.Close() // what it held has been replaced
	}
	f.file, f.lines = file, 0
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending, f.broken = nil, nil
	return nil
}

func startOf(o Options) *stateStart {
	start := &stateStart{Durations: map[string]time.Duration{}}
	for name, d := range durationsOf(&o) {
		start.Durations[name] = *d
	}
	return start
}

// durationsOf points at the options that are durations, by name, so that none that is added is forgotten here.
func durationsOf(o *Options) map[string]*time.Duration {
	all := map[string]*time.Duration{}
	v := reflect.ValueOf(o).Elem()
	for i := range v.NumField() {
		if d, ok := v.Field(i).Addr().Interface().(*time.Duration); ok {
			all[v.Type().Field(i).Name] = d
		}
	}
	return all
}

// replaceFile puts content under a name, all of it or nothing, and returns the file open for more. Only this user may read it.
func replaceFile(name string, content []byte) (*os.File, error) {
	tmp, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*") // mode 0600
	if err != nil {
		return nil, err
	}
	_, err = tmp.Write(content)
	err = errors.Join(err, tmp.Sync())
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		return nil, errors.Join(err, tmp.Close(), os.Remove(tmp.Name()))
	}
	return tmp, nil
}

// close writes what is queued and lets another process have the file.
func (f *stateFile) close() error {
	if f == nil || !f.closed.CompareAndSwap(false, true) {
		return nil
	}
	defer oneState.Store(false)
	var errs []error
	if f.file != nil {
		errs = append(errs, f.flush(), f.file.Sync(), f.file.Close())
	}
	return errors.Join(append(errs, f.lock.Close())...)
}

// encodeLine is a line with a checksum in front, so that a damaged file is told from a good one.
func encodeLine(line stateLine) ([]byte, error) {
	content, err := json.Marshal(line)
	if err != nil {
		return nil, fmt.Errorf("state file: %w", err)
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.Checksum(content, castagnoli), content), nil
}

var errDamaged = errors.New("it is damaged, or not a state file of fakegcp")

func decodeLine(text string) (stateLine, error) {
	var line stateLine
	sum, content, ok := strings.Cut(text, " ")
	if !ok || sum != fmt.Sprintf("%08x", crc32.Checksum([]byte(content), castagnoli)) {
		return line, errDamaged
	}
	dec := json.NewDecoder(strings.NewReader(content))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&line); err != nil {
		return line, fmt.Errorf("another version of fakegcp wrote it: %w", err)
	}
	set := []bool{line.Header != nil, line.Start != nil, line.Call != nil, line.Change != nil, line.End != nil}
	if len(slices.DeleteFunc(set, func(b bool) bool { return !b })) != 1 {
		return line, errDamaged
	}
	return line, nil
}
