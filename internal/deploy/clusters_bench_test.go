package deploy_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// clusterBench plays Terraform: it keeps the state, and runs what a plan of that state would run.
type clusterBench struct {
	testing.TB
	fake *fakegcp.Server
	// state is what Terraform has saved; nil for none. Its Operation is what private state holds.
	state *deploy.ClusterState
}

func newClusterBench(t testing.TB) *clusterBench {
	t.Helper()
	fake, err := fakegcp.Start(fakegcp.Options{OperationTime: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fake.Close(context.Background()) })
	return &clusterBench{TB: t, fake: fake}
}

// clusterProcess is one run of the provider.
type clusterProcess struct {
	*deploy.Cloud
	bench *clusterBench
	// saved is the state as this run leaves it.
	saved *deploy.ClusterState
}

// process starts a provider that reaches the fake under an address.
func (b *clusterBench) process(addr string) *clusterProcess {
	b.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: addr, PollInterval: 5 * time.Millisecond, RequestTimeout: time.Minute})
	b.Cleanup(func() { _ = client.Close() })
	return &clusterProcess{saved: b.state, bench: b, Cloud: &deploy.Cloud{
		GCP: client, Clock: clock.Real{}, Stamp: names.Stamp{Stack: "test"}, AdoptInterrupted: true, Finisher: &deploy.Finisher{},
	}}
}

// apply is one run to the target, nil for nothing, with the refresh before it and the end of the provider after it.
func (p *clusterProcess) apply(ctx context.Context, target *deploy.ClusterSpec) error {
	if err := p.refresh(ctx); err != nil {
		return err
	}
	if err := p.change(ctx, target); err != nil {
		return err
	}
	return p.Finisher.Finish(ctx)
}

func (p *clusterProcess) refresh(ctx context.Context) error {
	if p.saved == nil {
		return nil
	}
	private := p.saved.Operation
	live, err := p.ReadCluster(ctx, p.saved.ID, &p.saved.ClusterSpec)
	if live != nil {
		live.Operation = private
	}
	if err == nil {
		p.saved = live
	}
	return err
}

func (p *clusterProcess) change(ctx context.Context, target *deploy.ClusterSpec) (err error) {
	lost := p.saved != nil && (p.saved.Status == deploy.ClusterFailed || p.saved.Status == deploy.ClusterDeleting)
	if p.saved != nil && (target == nil || lost) {
		if err := p.DeleteCluster(ctx, p.saved.ID); err != nil {
			return err
		}
		p.saved = nil
	}
	switch {
	case target == nil:
		return nil
	case p.saved == nil:
		p.saved, _, err = p.CreateCluster(ctx, *target, clusterTimeout)
		return err
	case p.saved.Status == deploy.ClusterReady && len(p.saved.Drift) == 0 && cmp.Equal(p.saved.ClusterSpec, *target, sameSpec):
		return nil // an empty plan
	}
	state, _, err := p.UpdateCluster(ctx, *target, p.saved.ClusterSpec, p.saved.Operation)
	if state != nil {
		p.saved = state
	}
	return err
}

// mustApply is a run that nothing befalls.
func (b *clusterBench) mustApply(target *deploy.ClusterSpec) {
	b.Helper()
	p := b.process(b.fake.Addr())
	if err := p.apply(b.Context(), target); err != nil {
		b.Fatalf("apply: %v", err)
	}
	b.state = p.saved
	b.drain()
}

// drain waits for the label update that ends a create: nobody else does.
func (b *clusterBench) drain() {
	b.Helper()
	p := b.process(b.fake.Addr())
	for {
		running, err := p.GCP.Clusters().RunningOperations(b.Context(), smallCluster().ID.String())
		if err != nil {
			b.Fatal(err)
		}
		if len(running) == 0 {
			return
		}
		for _, op := range running {
			_ = p.GCP.Clusters().WaitOperation(b.Context(), smallCluster().ID.Parent(), op)
		}
	}
}

// checkSettled demands that the target is live, with nothing beside it and nothing left to do.
func (b *clusterBench) checkSettled(target *deploy.ClusterSpec) {
	b.Helper()
	if target == nil {
		if left, err := b.fake.Remaining(); err != nil || len(left) > 0 {
			b.Errorf("left: %v, %v", left, err)
		}
		return
	}
	p := b.process(b.fake.Addr())
	live, err := p.ReadCluster(b.Context(), target.ID, target)
	if err != nil {
		b.Fatal(err)
	}
	checkCluster(b, *target, live)
	cluster, err := p.GCP.Clusters().Get(b.Context(), target.ID.String())
	if err != nil {
		b.Fatal(err)
	}
	if len(cluster.GetNodePools()) != len(target.Pools) {
		b.Errorf("there are %d pools, want %d", len(cluster.GetNodePools()), len(target.Pools))
	}
	if _, marked := cluster.GetResourceLabels()[names.LabelCreating]; marked {
		b.Error("the mark of the create is still there")
	}
	before := len(b.accepted(0))
	b.mustApply(target)
	if again := b.accepted(0)[before:]; len(again) > 0 {
		b.Errorf("a run with nothing to do called %v", again)
	}
}

// accepted lists the changes that took place after a position in the journal: those that were answered, and those whose
// answer a fault took away after their effect.
func (b *clusterBench) accepted(from int) []string {
	var methods []string
	for _, call := range b.fake.Journal()[from:] {
		if call.Mutating && (call.Code == "OK" || strings.Contains(call.Fault, string(fakegcp.After))) {
			methods = append(methods, call.Method[strings.LastIndex(call.Method, "/")+1:])
		}
	}
	return methods
}

// checkOneAtATime demands that no operation was accepted before the one before it was done, and that those after a
// position in the journal are the ones that a run without trouble needs.
func (b *clusterBench) checkOneAtATime(from int, want []string) {
	b.Helper()
	got := b.accepted(from)
	slices.Sort(got)
	want = slices.Sorted(slices.Values(want))
	if diff := cmp.Diff(want, got); diff != "" {
		b.Errorf("changes (-without trouble +got):\n%s", diff)
	}
	operations, _ := b.fake.Operations()
	for i, op := range operations[1:] {
		if ended := operations[i].Ends; ended == nil || op.Accepted.Before(*ended) {
			b.Errorf("%s of %s began while %s still ran", op.Kind, op.Target, operations[i].Kind)
		}
	}
}

// clusterMoment is where a run is stopped: on one side of a call's effect, or in the wait for an operation, counted
// from 1.
type clusterMoment struct {
	call benchCall
	when fakegcp.When
	wait int
}

func (o clusterMoment) String() string {
	if o.wait > 0 {
		return fmt.Sprintf("in wait %d", o.wait)
	}
	return fmt.Sprintf("%s %s %d", o.when, o.call.method[1:], o.call.occurrence)
}
