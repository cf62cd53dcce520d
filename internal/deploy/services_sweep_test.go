package deploy_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// The names of the declarations that a sweep goes from and to.
const (
	sweptNothing = "nothing"
	sweptFirst   = "first"
	sweptChanged = "changed"
)

// serviceSweep is a change that is stopped at every call that changes something, and the run that comes after.
type serviceSweep struct {
	name             string
	before, to, then string
}

// sweepsTo are the changes that are repeated after the trouble, sweepsElsewhere those after which something else is wanted.
var (
	sweepsTo = []serviceSweep{
		{"create", sweptNothing, sweptFirst, sweptFirst},
		{"update", sweptFirst, sweptChanged, sweptChanged},
		{"delete", sweptFirst, sweptNothing, sweptNothing},
	}
	sweepsElsewhere = []serviceSweep{
		{"create, then another declaration", sweptNothing, sweptFirst, sweptChanged},
		{"create, then destroy", sweptNothing, sweptFirst, sweptNothing},
		{"update, then back", sweptFirst, sweptChanged, sweptFirst},
		{"update, then destroy", sweptFirst, sweptChanged, sweptNothing},
		{"delete, then keep", sweptFirst, sweptNothing, sweptFirst},
	}
)

// sweepTrouble is what befalls one call.
type sweepTrouble struct {
	name  string
	fault fakegcp.Fault
	// kills ends the process at that moment: nothing of what it would have done or said comes after.
	kills bool
	// interrupts ends the run's context at that moment; otherwise what hangs ends with the request's own time.
	interrupts bool
}

var (
	sweepKills = []sweepTrouble{
		{name: "killed before", fault: fakegcp.Fault{Kind: fakegcp.FaultHang}, kills: true},
		{name: "killed after", fault: fakegcp.Fault{Kind: fakegcp.FaultHang, When: fakegcp.After}, kills: true},
	}
	sweepTroubles = []sweepTrouble{
		{name: "refused", fault: fakegcp.Fault{Code: codes.PermissionDenied, Message: "Permission denied."}},
		{name: "interrupted before", fault: fakegcp.Fault{Kind: fakegcp.FaultHang}, interrupts: true},
		{name: "interrupted after", fault: fakegcp.Fault{Kind: fakegcp.FaultHang, When: fakegcp.After}, interrupts: true},
		{name: "lost before", fault: fakegcp.Fault{Code: codes.Unavailable}},
		{name: "lost after", fault: fakegcp.Fault{Code: codes.Unavailable, When: fakegcp.After}},
		{name: "hung after", fault: fakegcp.Fault{Kind: fakegcp.FaultHang, When: fakegcp.After}},
		{name: "malformed", fault: fakegcp.Fault{Kind: fakegcp.FaultMalformed, When: fakegcp.After}},
	}
)

// sweepCases are counted for the line after the last test.
var sweepCases, sweepCalls atomic.Int64

// sweepRuntime is where the sweep happens.
type sweepRuntime struct {
	newWorld func(*testing.T) serviceWorld
	// atOnce is how many cases run side by side: they wait more than they compute.
	atOnce int
	// kills are the changes that are stopped by the end of the process at every call, on both sides of its effect; troubles
	// are those whose calls meet the other troubles.
	kills, troubles []serviceSweep
	// every tells that each call meets each trouble and each end of sweepsElsewhere; otherwise they take turns, and no
	// process is killed before a call when one is killed after the call before it: the world is the same.
	every bool

	turn   int
	worlds map[string][]string // dumps of undisturbed worlds, by the steps that led there
}

func TestServiceCrashOnCloudRun(t *testing.T) {
	(&sweepRuntime{newWorld: newRunWorld, atOnce: 8, kills: sweepsTo, troubles: sweepsTo, every: true}).sweep(t)
}

// everyCase tells that TWELVEFACTOR_SWEEP=all asks for what takes several minutes.
func everyCase() bool { return os.Getenv("TWELVEFACTOR_SWEEP") == "all" }

// TestServiceCrashOnGKE has a namespace for each case, which the service makes and takes away.
func TestServiceCrashOnGKE(t *testing.T) {
	(&sweepRuntime{newWorld: newGKEWorld, atOnce: 12, kills: []serviceSweep{sweepsTo[0], sweepsTo[2]}, every: everyCase()}).sweep(t)
}

// TestServiceCrashInNamespaceOnGKE has one namespace for all, because most of what a life in Kubernetes costs is the end of
// a namespace.
func TestServiceCrashInNamespaceOnGKE(t *testing.T) {
	(&sweepRuntime{newWorld: newNamespacedWorld, atOnce: 12, kills: sweepsTo[1:2], troubles: sweepsTo, every: everyCase()}).sweep(t)
}

// sweep stops every change at every call that changes something.
func (r *sweepRuntime) sweep(t *testing.T) {
	r.worlds = map[string][]string{}
	todo := make(chan func())
	var workers sync.WaitGroup
	for range r.atOnce {
		workers.Go(func() {
			for run := range todo {
				run()
			}
		})
	}
	meet := func(s serviceSweep, at fakegcp.Fault, with sweepTrouble) {
		sweepCases.Add(1)
		fault := with.fault
		fault.Method, fault.Occurrence = at.Method, at.Occurrence
		name := fmt.Sprintf("%s/%s %d %s", s.name, at.Method[strings.LastIndex(at.Method, "/")+1:], at.Occurrence, with.name)
		// t.Run instead of t.Parallel: -parallel is for tests that compute.
		todo <- func() { t.Run(name, func(t *testing.T) { r.meet(t, s, fault, with) }) }
	}
	recorded := map[string][]fakegcp.Fault{}
	for _, s := range sweepsTo {
		if !slices.Contains(slices.Concat(r.kills, r.troubles), s) {
			continue
		}
		calls := r.record(t, s)
		recorded[s.before+s.to] = calls
		sweepCalls.Add(int64(len(calls)))
		for i, at := range calls {
			r.stop(s, at, i == 0, meet)
		}
	}
	if len(r.troubles) > 0 {
		for _, s := range sweepsElsewhere {
			for _, at := range recorded[s.before+s.to] {
				if r.takesTurn(len(sweepsElsewhere)) {
					meet(s, at, sweepKills[1])
				}
			}
		}
	}
	close(todo)
	workers.Wait()
}

// stop has one call of a change meet what it is to meet.
func (r *sweepRuntime) stop(s serviceSweep, at fakegcp.Fault, first bool, meet func(serviceSweep, fakegcp.Fault, sweepTrouble)) {
	if slices.Contains(r.kills, s) {
		for _, kill := range sweepKills {
			if first || r.every || kill.fault.When == fakegcp.After {
				meet(s, at, kill)
			}
		}
	}
	if !slices.Contains(r.troubles, s) {
		return
	}
	for _, trouble := range sweepTroubles {
		if r.takesTurn(2*len(sweepTroubles) + 1) { // one more than that, so that the next call meets another one
			meet(s, at, trouble)
		}
	}
}

// takesTurn is true once in that many times, or always.
func (r *sweepRuntime) takesTurn(of int) bool {
	r.turn++
	return r.every || r.turn%of == 0
}

// swept is a world with the declarations that a sweep goes between.
type swept struct {
	serviceWorld
	declared map[string]*app.App
	state    *deploy.ServiceState
}

func (r *sweepRuntime) begin(t *testing.T, before string) *swept {
	t.Helper()
	w := r.newWorld(t)
	first := w.sweptApp()
	changed := w.sweptChange(first)
	s := &swept{w, map[string]*app.App{sweptNothing: nil, sweptFirst: &first, sweptChanged: &changed}, nil}
	if before != sweptNothing {
		s.state = w.mustApply(nil, false, s.declared[before])
	}
	return s
}

// record makes the change without trouble, and gives the calls in which it changes something.
func (r *sweepRuntime) record(t *testing.T, s serviceSweep) (calls []fakegcp.Fault) {
	t.Helper()
	w := r.begin(t, s.before)
	earlier := len(w.mutations())
	w.state = w.mustApply(w.state, false, w.declared[s.to])
	counts := map[string]int{}
	for _, call := range w.mutations()[earlier:] {
		counts[call.Method]++
		calls = append(calls, fakegcp.Fault{Method: call.Method, Occurrence: counts[call.Method]})
	}
	if len(calls) == 0 {
		t.Fatalf("%s changes nothing", s.name)
	}
	if s.to == sweptNothing {
		w.checkNothingLeft(t)
		return calls
	}
	r.worlds[s.before+s.to] = w.dump()
	w.state = w.mustApply(w.state, false, nil)
	w.checkNothingLeft(t)
	return calls
}

// mutations are the calls of this world that were to change something, in the order in which they ended.
func (s *swept) mutations() []fakegcp.Call {
	found := slices.DeleteFunc(s.calls(), func(c fakegcp.Call) bool { return !c.Mutating })
	slices.SortStableFunc(found, func(a, b fakegcp.Call) int { return a.Time.Compare(b.Time) })
	return found
}

// meet is one case: the change with the trouble, the run after it, and the end.
func (r *sweepRuntime) meet(t *testing.T, s serviceSweep, fault fakegcp.Fault, with sweepTrouble) {
	w := r.begin(t, s.before)
	if w.app.GKE != nil {
		fault.Resource = w.app.Name
	}
	state, tainted := w.trouble(fault, with, w.declared[s.to])
	if s.then == sweptNothing && state == nil && s.before == sweptNothing {
		// Terraform has lost it: what cleans up knows the declaration only.
		w.app = *w.declared[s.to]
		w.remove()
		return
	}
	state = w.mustApply(state, tainted, w.declared[s.then])
	if s.then != sweptNothing {
		w.checkConverged(state, w.declared[s.then])
		if want, known := r.worlds[s.before+s.then]; known {
			if diff := cmp.Diff(want, w.dump()); diff != "" {
				t.Errorf("the world is another than without the trouble (-want +got):\n%s", diff)
			}
		}
		w.mustApply(state, false, nil)
	}
	w.checkNothingLeft(t)
}

// hungRequest is what a request costs that hangs to its own end.
const hungRequest = 700 * time.Millisecond

// trouble makes the change with the trouble, and gives what Terraform knows after it.
func (s *swept) trouble(fault fakegcp.Fault, with sweepTrouble, to *app.App) (state *deploy.ServiceState, tainted bool) {
	s.Helper()
	patience := time.Hour
	if fault.Kind == fakegcp.FaultHang && !with.kills && !with.interrupts {
		patience = hungRequest
	}
	p := s.process(s.state, patience)
	if err := s.fake.Inject(fault); err != nil {
		s.Fatal(err)
	}
	ctx, end := context.WithCancel(s.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.apply(ctx, to) }()
	s.await(fault, ended)
	if with.kills {
		s.Cleanup(func() {
			end()
			<-ended //nolint:errcheck // what a killed process would have said nobody hears
		})
		if p.saved.Load() && fault.When == fakegcp.After {
			return p.state, p.tainted
		}
		return s.state, false
	}
	if with.interrupts {
		end()
	}
	err := <-ended
	end()
	if err != nil {
		s.Logf("the run with trouble: %v", err)
	}
	return p.state, p.tainted
}

// checkConverged demands that the service is as declared, without anything left to do.
func (s *swept) checkConverged(state *deploy.ServiceState, want *app.App) {
	s.Helper()
	seen, notices, err := s.ReadService(s.Context(), *want)
	switch {
	case err != nil || seen == nil || len(notices) > 0:
		s.Fatalf("read: %s, notices %v, error %v", shown(seen), notices, err)
	case seen.Status != deploy.ServiceReady || len(seen.Drift) > 0:
		s.Errorf("the next plan is not empty: %s", shown(seen))
	}
	for _, is := range []*deploy.ServiceState{seen, state} {
		if diff := sameApp(is.App, *want); diff != "" {
			s.Errorf("the service is not as declared (-want +got):\n%s", diff)
		}
	}
}
