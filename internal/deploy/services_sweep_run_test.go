package deploy_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// serviceProcess is one process of the provider, with the state that Terraform gave it.
type serviceProcess struct {
	w     serviceWorld
	cloud *deploy.Cloud
	state *deploy.ServiceState
	// tainted tells that the create failed, so that Terraform replaces what is there.
	tainted bool
	// saved tells that the process has answered, so that Terraform may have saved the state.
	saved atomic.Bool
}

// process begins a run with a state.
func (w serviceWorld) process(state *deploy.ServiceState, requestTimeout time.Duration) *serviceProcess {
	w.Helper()
	interval := 20 * time.Millisecond
	if w.app.GKE != nil {
		interval = 150 * time.Millisecond // of many that share one Kubernetes
	}
	client := gcp.New(gcp.Options{EmulatorHost: w.fake.Addr(), PollInterval: interval, RequestTimeout: requestTimeout})
	w.Cleanup(func() { _ = client.Close() })
	return &serviceProcess{w: w, state: state, cloud: &deploy.Cloud{
		GCP: client, Clock: clock.Real{}, Stamp: names.Stamp{Stack: "test"}, AdoptInterrupted: true, Finisher: &deploy.Finisher{},
	}}
}

// apply refreshes, plans and applies, and ends the process; a nil target destroys. The error is what Terraform would
// end with; what is unfinished is none.
func (r *serviceProcess) apply(ctx context.Context, target *app.App) error {
	if r.state != nil {
		seen, _, err := r.cloud.ReadService(ctx, r.state.App)
		if err != nil {
			return err
		}
		if seen == nil || !seen.Unreachable {
			r.state = seen
		}
	}
	if target == nil || r.tainted {
		if err := r.destroy(ctx); err != nil || target == nil {
			return err
		}
	}
	err := r.bring(ctx, *target)
	r.saved.Store(true)
	if finishing := r.cloud.Finisher.Finish(ctx); err == nil {
		err = finishing
	}
	return err
}

func (r *serviceProcess) destroy(ctx context.Context) error {
	if r.state == nil {
		return nil
	}
	_, err := r.cloud.DeleteService(ctx, r.state.App)
	if err == nil {
		r.state, r.tainted = nil, false
	}
	return err
}

func (r *serviceProcess) bring(ctx context.Context, target app.App) error {
	spec := deploy.ServiceSpec{App: target, Timeout: 20 * time.Minute}
	switch {
	case r.state == nil:
		state, _, err := r.cloud.CreateService(ctx, spec)
		r.state, r.tainted = state, err != nil && state != nil
		return err
	case r.isEmptyPlan(target):
		return nil
	default:
		state, _, err := r.cloud.UpdateService(ctx, spec)
		if state != nil {
			r.state = state
		}
		return err
	}
}

func (r *serviceProcess) isEmptyPlan(target app.App) bool {
	return r.state.Status == deploy.ServiceReady && len(r.state.Drift) == 0 && sameApp(r.state.App, target) == ""
}

func sameApp(is, want app.App) string {
	is.Source, want.Source = nil, nil
	return cmp.Diff(app.WithDefaults(want), is, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(app.Scale{}, "MinSet"))
}

// mustApply is a run without trouble.
func (w serviceWorld) mustApply(state *deploy.ServiceState, tainted bool, target *app.App) *deploy.ServiceState {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 3*time.Minute)
	defer cancel()
	r := w.process(state, 0)
	r.tainted = tainted
	if err := r.apply(ctx, target); err != nil {
		w.Fatalf("a run without trouble: %v", err)
	}
	return r.state
}

// calls are those about this world: of Google Cloud's APIs and of Kubernetes.
func (w serviceWorld) calls() []fakegcp.Call {
	var found []fakegcp.Call
	for _, call := range append(w.fake.Journal(), w.fake.KubernetesRequests()...) {
		if w.isMine(call.Resource) || w.app.GKE == nil {
			found = append(found, call)
		}
	}
	return found
}

func (w serviceWorld) isMine(resource string) bool { return strings.Contains(resource, w.app.Name) }

// await returns when the fault has struck and, if it comes after an effect, that effect is there. It fails the test when
// the run ends without.
func (w serviceWorld) await(at fakegcp.Fault, ended chan error) {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	defer cancel()
	struck := make(chan bool, 1)
	go func() { struck <- w.struck(ctx, at) }()
	select {
	case err := <-ended:
		ended <- err // whoever called still asks for it
		mine := func(c fakegcp.Call) bool {
			return c.Method == at.Method && strings.Contains(c.Resource, at.Resource) && c.Fault != ""
		}
		if !slices.ContainsFunc(append(w.fake.Journal(), w.fake.KubernetesRequests()...), mine) {
			w.Fatalf("the run ended before it was struck: %v", err)
		}
	case <-struck:
	}
}

func (w serviceWorld) struck(ctx context.Context, at fakegcp.Fault) bool {
	wait := w.fake.WaitJournal
	if strings.HasPrefix(at.Method, fakegcp.KubernetesMethod) {
		wait = w.fake.WaitKubernetes
	}
	filter := fakegcp.JournalFilter{Method: at.Method, Resource: at.Resource}
	for ctx.Err() == nil {
		for _, call := range wait(ctx, filter) {
			if filter.After = call.Seq; call.Fault != "" {
				return true
			}
		}
	}
	return false
}

// remaining is what there is of this world besides the secrets.
func (w serviceWorld) checkNothingLeft(t testing.TB) {
	t.Helper()
	if left := w.left(); len(left) > 0 {
		t.Errorf("left after the deletion: %q", left)
	}
	if w.app.GKE == nil {
		if files := w.enabledFiles(); files != nil {
			t.Errorf("the secret of config files is left, with versions %v", files)
		}
		return
	}
	objects, err := w.fake.KubernetesObjects(w.Context(), serviceCluster.Name)
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		if w.isMine(object.Namespace) || w.isMine(object.Name) {
			t.Errorf("left in the cluster: %s", object)
		}
	}
}
