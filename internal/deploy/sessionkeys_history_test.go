package deploy_test

import (
	"fmt"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// crash ends a run at one of its calls, before or after its effect. What it knew is lost with it.
func (w *keyWorld) crash() {
	before, _ := w.before()
	state := w.now
	if state != nil && w.chance(70) {
		state = w.refreshed(*state)
	}
	at := 1 + w.random.IntN(9)
	if w.chance(50) {
		w.inject(fakegcp.Fault{Occurrence: at, When: fakegcp.After})
		at++
	}
	w.inject(fakegcp.Fault{Occurrence: at, Times: 1 << 30, Code: codes.PermissionDenied})
	_, err := w.carryOut(w.cloud, state, w.config)
	w.fake.ClearFaults()
	w.log[len(w.log)-1] += fmt.Sprintf(" (error: %t)", err != nil)
	if _, exists := w.before(); exists {
		w.note(before, w.config.Keep)
	}
}

func (w *keyWorld) inject(f fakegcp.Fault) {
	w.Helper()
	if err := w.fake.Inject(f); err != nil {
		w.Fatal(err)
	}
}

// together stops one run at one of its calls, lets another carry out the same plan, and lets the first one go on, to which the
// answer of that call is lost. One of their states is the last to be written.
func (w *keyWorld) together() {
	if w.now == nil {
		return
	}
	state := w.refreshed(*w.now)
	before, existed := w.before()
	w.inject(fakegcp.Fault{
		Occurrence: 1 + w.random.IntN(8), Kind: fakegcp.FaultHang, When: []fakegcp.When{fakegcp.Before, fakegcp.After}[w.random.IntN(2)],
	})
	type outcome struct {
		state *keyState
		err   error
	}
	ended := make(chan outcome, 1)
	config := w.config
	go func() {
		next, err := w.carryOut(w.other, state, config)
		ended <- outcome{next, err}
	}()
	var slow outcome
	for stopped := false; !stopped; {
		select {
		case slow = <-ended: // before it came to that call
			w.fake.ClearFaults()
			stopped = true
		case <-time.After(time.Millisecond):
			stopped = w.fake.Faults()[0].Struck > 0
		}
	}
	quick, err := w.carryOut(w.cloud, state, config)
	if err != nil || quick.Status != deploy.SecretReady {
		w.fault("the undisturbed one of two runs ended %q: %v", quick.Status, err)
	}
	w.fake.ClearFaults()
	if slow.state == nil {
		slow = <-ended
	}
	states := []*keyState{quick}
	if slow.err == nil {
		states = append(states, slow.state)
	}
	w.finished(before, existed, config, states...)
	w.now = states[w.random.IntN(len(states))]
}

// harm changes the state of a version, the effective one more often than others.
func (w *keyWorld) harm(to secretmanagerpb.SecretVersion_State) {
	live, exists := w.before()
	if !exists || len(live.enabled) == 0 {
		return
	}
	number := live.version
	if number == 0 || w.chance(50) {
		number = 1 + w.random.Int64N(int64(len(live.enabled)))
	}
	w.log[len(w.log)-1] += fmt.Sprintf(" version %d", number)
	err := w.fake.UpdateSecretVersion(fmt.Sprintf("%s/versions/%d", benchID, number), func(v *secretmanagerpb.SecretVersion) {
		if v.GetState() != secretmanagerpb.SecretVersion_DESTROYED {
			v.State = to
		}
	})
	if err != nil {
		w.Fatal(err)
	}
}

func (w *keyWorld) restore() {
	if len(w.old) > 0 {
		older := w.old[w.random.IntN(len(w.old))]
		w.now = &older
	}
}

// olderPlan carries out a plan that was made from an older state with the configuration of that time.
func (w *keyWorld) olderPlan() {
	if len(w.old) < 2 {
		return
	}
	i := w.random.IntN(len(w.old) - 1)
	state, config := w.old[i], *w.old[i+1].Settings
	w.log[len(w.log)-1] += fmt.Sprintf(" of version %s: %+v", state.Version, config)
	w.run(&state, config)
}
