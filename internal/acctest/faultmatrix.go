package acctest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// FaultMatrix meets every call of every operation of a resource with every trouble, once, and repeats the operation
// without trouble. The calls are those of a recorded run in which nothing goes wrong, so a call that an operation makes
// from now on is in the matrix from now on.
type FaultMatrix struct {
	Noun       string
	Operations []Operation
	// Canaries are those of values in the configurations. Session keys are drawn from canaries of each case's own.
	Canaries *Canaries
	// Check looks at the world after the second run; it is given that of the recorded run too.
	Check func(c *FaultCase)
	// MustChange are the methods that change something and that the operations have to make between them.
	MustChange []string
}

// Operation is what one run of Terraform does with the resource.
type Operation struct {
	Name string
	// Before are the configurations that are applied first, without trouble.
	Before []Attributes
	// Do is the operation, and is repeated after the trouble, on what that has left. It gives the diagnostics as text.
	Do func(l *Life) string
	// Config is what the resource is declared as after it; nil when it is gone.
	Config Attributes
	// Reads tells that the operation must change nothing.
	Reads bool
}

// ApplyOperation refreshes, plans and applies.
func ApplyOperation(name string, config Attributes, before ...Attributes) Operation {
	return Operation{Name: name, Before: before, Config: config, Do: func(l *Life) string { return l.Apply(config) }}
}

// DestroyOperation deletes.
func DestroyOperation(name string, before ...Attributes) Operation {
	return Operation{Name: name, Before: before, Do: (*Life).Destroy}
}

// RefreshOperation reads, and ImportOperation imports into an empty state, what the last of before declares.
func RefreshOperation(name string, before ...Attributes) Operation {
	return Operation{Name: name, Before: before, Config: before[len(before)-1], Do: (*Life).Refresh, Reads: true}
}

// ImportOperation forgets the state and imports.
func ImportOperation(name, id string, before ...Attributes) Operation {
	return Operation{Name: name, Before: before, Config: before[len(before)-1], Reads: true, Do: func(l *Life) string {
		l.State = nil
		return l.Import(id)
	}}
}

// OpenOperation opens an ephemeral resource that reads what the last of before declares, and closes it again.
func OpenOperation(name, noun string, config Attributes, before ...Attributes) Operation {
	return Operation{Name: name, Before: before, Config: before[len(before)-1], Reads: true, Do: func(l *Life) string {
		_, said := l.Open(noun, config)
		return said
	}}
}

// trouble is what befalls one call.
type trouble struct {
	name  string
	fault fakegcp.Fault
	// bounded lets the client's own bound of a request end the call; otherwise what hangs ends with the operation's timeout,
	// which comes at the moment at which the call hangs.
	bounded bool
}

// troubles are: refused, lost before and after the effect, hung before and after it until either deadline, and answered
// with what does not decode.
var troubles = []trouble{
	{name: "refused", fault: fakegcp.Fault{Code: codes.PermissionDenied, Message: "Permission denied."}},
	{name: "lost before", fault: fakegcp.Fault{Code: codes.Unavailable}},
	{name: "lost after", fault: fakegcp.Fault{When: fakegcp.After, Code: codes.Unavailable}},
	{name: "hung before, to the request's end", fault: fakegcp.Fault{Kind: fakegcp.FaultHang}, bounded: true},
	{name: "hung after, to the request's end", fault: fakegcp.Fault{When: fakegcp.After, Kind: fakegcp.FaultHang}, bounded: true},
	{name: "hung before, to the operation's end", fault: fakegcp.Fault{Kind: fakegcp.FaultHang}},
	{name: "hung after, to the operation's end", fault: fakegcp.Fault{When: fakegcp.After, Kind: fakegcp.FaultHang}},
	{name: "malformed", fault: fakegcp.Fault{When: fakegcp.After, Kind: fakegcp.FaultMalformed}},
}

const (
	// boundedRequest is what a call costs that hangs to the request's end. A call that is answered takes a few
	// milliseconds, on a busy machine some hundred; one that takes longer is one more trouble for the first run only.
	boundedRequest = 700 * time.Millisecond
	// casesAtOnce is more than the machine has processors, because cases with hung calls wait.
	casesAtOnce = 12
)

// FaultCase is one call that met one trouble, after the second run.
type FaultCase struct {
	*Life
	Operation Operation
	// Clean is the world after the recorded run.
	Clean map[string]fakegcp.Object
	// Before and Stored are the versions before the first run, and between the two runs.
	Before, Stored []StoredVersion
}

// call is one of a run's calls: the occurrence-th of its method.
type call struct {
	method     string
	occurrence int
	mutating   bool
}

// Run runs every case, and reports how many there were.
func (m FaultMatrix) Run(t *testing.T) {
	t.Helper()
	var cases, calls int
	struck := map[string]bool{} // methods that change something
	todo := make(chan func(*testing.T))
	workers := sync.WaitGroup{}
	for range casesAtOnce {
		workers.Go(func() {
			for run := range todo {
				run(t)
			}
		})
	}
	for _, operation := range m.Operations {
		recorded, clean := m.record(t, operation)
		calls += len(recorded)
		for _, call := range recorded {
			if call.mutating {
				struck[call.method] = true
			}
			for _, trouble := range troubles {
				if trouble.fault.Kind == fakegcp.FaultHang && trouble.fault.When == fakegcp.After && !call.mutating {
					continue // without an effect it is the same as before
				}
				cases++
				name := fmt.Sprintf("%s/%s %d %s", operation.Name, call.method, call.occurrence, trouble.name)
				// t.Run instead of t.Parallel: -parallel is for tests that compute.
				todo <- func(t *testing.T) { t.Run(name, func(t *testing.T) { m.meet(t, operation, clean, call, trouble) }) }
			}
		}
	}
	close(todo)
	workers.Wait()
	for _, method := range m.MustChange {
		if !struck[method] {
			t.Errorf("the provider has code that calls %s, and no operation of the matrix makes that call: add one", method)
		}
	}
	Report("%s: %d fault cases: %d calls of %d operations, met with %d troubles; methods that change something: %s",
		m.Noun, cases, calls, len(m.Operations), len(troubles), strings.Join(slices.Sorted(maps.Keys(struck)), ", "))
}

// begin makes a world and applies what comes before the operation.
func (m FaultMatrix) begin(t testing.TB, operation Operation) *Life {
	t.Helper()
	canaries := NewCanaries()
	if m.Canaries != nil {
		canaries = m.Canaries
	}
	env := New(t, WithRand(canaries.Reader()), WithoutWaits())
	life := env.NewLife(t, m.Noun, canaries)
	for _, config := range operation.Before {
		life.Must(life.Apply(config))
		life.Must(life.Refresh())
	}
	return life
}

// record runs the operation without trouble.
func (m FaultMatrix) record(t *testing.T, operation Operation) (calls []call, world map[string]fakegcp.Object) {
	t.Helper()
	life := m.begin(t, operation)
	from := len(life.Env.Fake.Journal())
	life.Must(operation.Do(life))
	counts := map[string]int{}
	for _, c := range life.Env.Fake.Journal()[from:] {
		method := c.Method[strings.LastIndex(c.Method, "/")+1:]
		counts[method]++
		calls = append(calls, call{method, counts[method], c.Mutating})
		if c.Mutating && operation.Reads {
			t.Errorf("%s calls %s", operation.Name, method)
		}
	}
	if len(calls) == 0 {
		t.Fatalf("%s makes no calls", operation.Name)
	}
	life.Canaries.CheckFake(t, life.Env)
	world, err := life.Env.Fake.Objects()
	if err != nil {
		t.Fatal(err)
	}
	return calls, world
}

// meet is one case.
func (m FaultMatrix) meet(t *testing.T, operation Operation, clean map[string]fakegcp.Object, at call, with trouble) {
	life := m.begin(t, operation)
	c := &FaultCase{Life: life, Operation: operation, Clean: clean, Before: life.Env.StoredVersions(t)}
	fault := with.fault
	fault.Method, fault.Occurrence = "/"+at.method, at.occurrence
	if err := life.Env.Fake.Inject(fault); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	said := m.troubled(life, operation, with)
	if took := time.Since(began); took > time.Minute {
		t.Errorf("the run with trouble took %s", took)
	}
	if struck := life.Env.Fake.Faults()[0].Struck; struck == 0 {
		t.Error("the trouble did not come about")
	}
	life.Env.Fake.ClearFaults()
	c.Stored = life.Env.StoredVersions(t)
	if Failed(said) && !strings.Contains(said, "payments") && !strings.Contains(said, "shop") {
		t.Errorf("the diagnostics do not name the object:\n%s", said)
	}
	if operation.Config != nil && !Failed(said) && life.State == nil {
		t.Errorf("success without a state:\n%s", said)
	}
	life.Must(life.Refresh())
	life.Must(operation.Do(life))
	c.checkConverged()
	m.Check(c)
	life.Must(life.Destroy())
	if err := life.Env.CheckNothingLeft(); err != nil {
		t.Error(err)
	}
}

// troubled is the first run, by a process of its own.
func (m FaultMatrix) troubled(life *Life, operation Operation, with trouble) (said string) {
	run := func() { said = operation.Do(life) }
	if with.fault.Kind != fakegcp.FaultHang || with.bounded {
		life.Within(life.Context(), run, WithoutWaits(), WithRequestTimeout(boundedRequest))
		return said
	}
	deadline := newDeadline(life.Context())
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		for deadline.Err() == nil {
			for _, f := range life.Env.Fake.Faults() {
				if f.Struck > 0 {
					deadline.pass()
					return
				}
			}
			_ = life.Env.Clock.Sleep(deadline, time.Millisecond)
		}
	}()
	life.Within(deadline, run, WithoutWaits())
	deadline.pass()
	<-stop
	return said
}

// deadline is a context whose deadline passes when the test says so.
type deadline struct {
	context.Context
	done chan struct{}
	once *sync.Once
}

func newDeadline(parent context.Context) deadline {
	return deadline{context.WithoutCancel(parent), make(chan struct{}), &sync.Once{}}
}

func (d deadline) pass() { d.once.Do(func() { close(d.done) }) }

// Done is closed when the deadline has passed.
func (d deadline) Done() <-chan struct{} { return d.done }

// Err is that of a deadline.
func (d deadline) Err() error {
	select {
	case <-d.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
