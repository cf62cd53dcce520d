package deploy_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

var sameSpec = cmpopts.EquateEmpty()

// clusterSweep is a run that is stopped at every moment at which something has changed or is being waited for.
type clusterSweep struct {
	name           string
	before, target *deploy.ClusterSpec // nil for nothing
}

func clusterSweeps() []clusterSweep {
	small, changed, rolled := smallCluster(), changedCluster(), smallCluster()
	base := rolled.Pools["base"]
	base.Capacity = deploy.PoolPreemptible
	rolled.Pools["base"] = base
	return []clusterSweep{
		{name: "create", target: &small},
		{name: "update", before: &small, target: &changed},
		{name: "roll", before: &small, target: &rolled},
		{name: "delete", before: &small},
	}
}

// start gives a bench with what is there before the run, and where its journal ends.
func (s clusterSweep) start(t testing.TB) (b *clusterBench, from int) {
	b = newClusterBench(t)
	if s.before != nil {
		b.mustApply(s.before)
	}
	return b, len(b.fake.Journal())
}

// moments are those of a run without trouble, with the changes that it makes.
func (s clusterSweep) moments(t *testing.T) (moments []clusterMoment, changes []string) {
	b, from := s.start(t)
	operations, _ := b.fake.Operations()
	b.mustApply(s.target)
	counts := map[string]int{}
	for _, call := range b.fake.Journal()[from:] {
		if !call.Mutating {
			continue
		}
		method := call.Method[strings.LastIndex(call.Method, "/"):]
		counts[method]++
		for _, when := range []fakegcp.When{fakegcp.Before, fakegcp.After} {
			moments = append(moments, clusterMoment{call: benchCall{method, counts[method]}, when: when})
		}
	}
	all, _ := b.fake.Operations()
	for n := range len(all) - len(operations) {
		moments = append(moments, clusterMoment{wait: n + 1})
	}
	if len(moments) == 0 {
		t.Fatalf("%s changes nothing", s.name)
	}
	return moments, b.accepted(from)
}

// TestClusterCrashAtEveryChange ends the process before and after every change and in every wait. The state is as it
// was before the run: a create's is lost with it. While the operation still runs the next run starts none; then it
// converges, with as many changes as a run without trouble.
func TestClusterCrashAtEveryChange(t *testing.T) {
	t.Parallel()
	for _, s := range clusterSweeps() {
		moments, changes := s.moments(t)
		for _, at := range moments {
			t.Run(s.name+"/"+at.String(), func(t *testing.T) {
				t.Parallel()
				b, from := s.start(t)
				b.crash(at, s.target)
				b.goOn(s.target)
				b.checkOneAtATime(from, changes)
				b.checkSettled(s.target)
			})
		}
	}
}

// crash runs to the target until the moment, and then takes the run's connections away for good.
func (b *clusterBench) crash(at clusterMoment, target *deploy.ClusterSpec) {
	b.Helper()
	b.arm(at)
	line := newCuttable(b, b.fake.Addr())
	p := b.process(line.addr)
	ended := make(chan error, 1)
	go func() { ended <- p.apply(b.Context(), target) }()
	if b.reached(at, ended) {
		line.cut()
		b.fake.ClearFaults()
		b.Logf("the stopped run: %v", <-ended)
		// The end of the provider comes after its answer, which Terraform has saved by then.
		if b.state == nil && p.saved != nil && p.saved.Status == deploy.ClusterReady {
			b.state = p.saved
		}
		return
	}
	b.state = p.saved
}

// arm has the fake stop at the moment.
func (b *clusterBench) arm(at clusterMoment) {
	b.Helper()
	var err error
	if at.wait > 0 {
		err = b.fake.SetOperation(fakegcp.OperationRule{Occurrence: at.wait, Hold: true})
	} else {
		err = b.fake.Inject(fakegcp.Fault{Method: at.call.method, Occurrence: at.call.occurrence, When: at.when, Kind: fakegcp.FaultHang})
	}
	if err != nil {
		b.Fatal(err)
	}
}

// reached waits until the run is at the moment; false when it came to its end, which only the last operation of a create
// lets it do: nobody waits for that one.
func (b *clusterBench) reached(at clusterMoment, ended <-chan error) bool {
	b.Helper()
	after := 0
	for {
		select {
		case err := <-ended:
			if err != nil || at.wait == 0 {
				b.Fatalf("the run ended before the moment: %v", err)
			}
			return false
		default:
		}
		for _, call := range b.calls(after) {
			after = call.Seq
			if call.Fault != "" || b.held() != "" && strings.HasSuffix(call.Resource, b.held()) {
				return true
			}
		}
	}
}

// calls are those after one, as soon as there are any, or none for a moment.
func (b *clusterBench) calls(after int) []fakegcp.Call {
	ctx, cancel := context.WithTimeout(b.Context(), 20*time.Millisecond)
	defer cancel()
	return b.fake.WaitJournal(ctx, fakegcp.JournalFilter{After: after})
}

// held is the short name of the operation that runs until it is released, or nothing.
func (b *clusterBench) held() string {
	operations, _ := b.fake.Operations()
	for _, op := range operations {
		if op.Held {
			return op.Name[strings.LastIndex(op.Name, "/"):]
		}
	}
	return ""
}

// goOn is the next run. An operation that is still held ends only when that run waits for it, and until then nothing
// new may begin.
func (b *clusterBench) goOn(target *deploy.ClusterSpec) {
	b.Helper()
	from := len(b.fake.Journal())
	p := b.process(b.fake.Addr())
	ended := make(chan error, 1)
	go func() { ended <- p.apply(b.Context(), target) }()
	if held := b.held(); held != "" {
		b.waitSeen(held, from, ended)
		if began := b.accepted(from); len(began) > 0 {
			b.Errorf("%v began while an operation ran", began)
		}
		if _, err := b.fake.ReleaseOperations(""); err != nil {
			b.Fatal(err)
		}
	}
	if err := <-ended; err != nil {
		b.Fatalf("the next run: %v", err)
	}
	b.state = p.saved
	b.drain()
}

// waitSeen returns when a run asks for the operation, or has ended without.
func (b *clusterBench) waitSeen(operation string, from int, ended chan error) {
	b.Helper()
	for seq := from; ; {
		for _, call := range b.calls(seq) {
			seq = call.Seq
			if strings.HasSuffix(call.Method, "/GetOperation") && strings.HasSuffix(call.Resource, operation) {
				return
			}
		}
		select {
		case err := <-ended:
			ended <- err
			return
		default:
		}
	}
}

// TestClusterInterruptedInEveryWait ends the context in every wait. What the run was waiting for is known to the next
// one, which goes on with it, and does as well when that knowledge is lost.
func TestClusterInterruptedInEveryWait(t *testing.T) {
	t.Parallel()
	for _, s := range clusterSweeps() {
		moments, changes := s.moments(t)
		for _, at := range moments {
			if at.wait == 0 {
				continue
			}
			for _, private := range []string{"kept", "lost"} {
				t.Run(s.name+"/"+at.String()+"/private state "+private, func(t *testing.T) {
					t.Parallel()
					b, from := s.start(t)
					b.interrupt(at, s.target)
					if b.state != nil && private == "lost" {
						b.state.Operation = ""
					}
					next := len(b.fake.Journal())
					b.goOn(s.target)
					if s.before != nil && s.target != nil {
						b.checkSearch(next, private == "lost")
					}
					b.checkOneAtATime(from, changes)
					b.checkSettled(s.target)
				})
			}
		}
	}
}

// checkSearch demands that a run has looked for operations first, or has known which one to wait for.
func (b *clusterBench) checkSearch(from int, want bool) {
	b.Helper()
	for _, call := range b.fake.Journal()[from:] {
		switch call.Method[strings.LastIndex(call.Method, "/")+1:] {
		case "ListOperations":
			if !want {
				b.Error("the run searched for the operation whose name it had")
			}
			return
		case "GetOperation":
			if want {
				b.Error("the run knew the operation without a search")
			}
			return
		}
	}
	b.Error("the run waited for nothing")
}

// interrupt ends a run as Ctrl-C does, and keeps what it answers.
func (b *clusterBench) interrupt(at clusterMoment, target *deploy.ClusterSpec) {
	b.Helper()
	b.arm(at)
	p := b.process(b.fake.Addr())
	ctx, interrupt := context.WithCancel(b.Context())
	defer interrupt()
	ended := make(chan error, 1)
	go func() { ended <- p.apply(ctx, target) }()
	stopped := b.reached(at, ended)
	held := b.held()
	interrupt()
	if stopped {
		b.Logf("the stopped run: %v", <-ended)
	}
	b.state = p.saved
	if b.state != nil && stopped && target != nil && "/"+b.state.Operation != held {
		b.Errorf("the state names %q as the running operation, not %q", b.state.Operation, held)
	}
	if b.state == nil && target != nil {
		b.Error("the interrupted run returned no state")
	}
}
