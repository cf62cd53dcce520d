package deploy

import (
	"context"
	"errors"
	"fmt"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// ReadCluster reads a cluster; nil when there is none. prior is what the state holds, nil for an import.
func (c *Cloud) ReadCluster(ctx context.Context, id names.ClusterID, prior *ClusterSpec) (*ClusterState, error) {
	live, err := c.GCP.Clusters().Get(ctx, id.String())
	if gcp.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, &Error{Summary: fmt.Sprintf("Cluster %q could not be read", id.Name), Fix: remedy(err, id.Project), Err: err}
	}
	pools := clusterPoolsOf(live, prior)
	if unknown := clusterUnknowns(live, pools); len(unknown) > 0 {
		return nil, clusterUnknownError(id, unknown)
	}
	if prior == nil && live.GetAutopilot().GetEnabled() {
		return nil, clusterIsAutopilot(id)
	}
	state := clusterStateWith(id, live, prior, pools)
	state.Drift = append(clusterStackDrift(live, c.Stamp), state.Drift...)
	if reasons := clusterReasons(live, pools); reasons != "" {
		state.Reasons = gcp.Message(errors.New(reasons))
	}
	state.Upgrades = c.readUpgrades(ctx, live, id, prior)
	if _, marked := live.GetResourceLabels()[names.LabelCreating]; marked && state.Status == ClusterCreating {
		running, err := c.GCP.Clusters().RunningOperations(ctx, id.String())
		state.Finishing = err == nil && len(running) > 0 // who may not list operations is told of the mark
	}
	return &state, nil
}

// UpdateCluster brings a cluster from its prior state to the declared one, one operation after another, and first
// finishes what an earlier run left unfinished. operation is the one that the earlier run was waiting for (the Operation of
// its ClusterState); without it the operation is found by its target, or when GKE refuses the first request. With an error
// it returns what is live, or nil when that is not known; the next update goes on from there.
func (c *Cloud) UpdateCluster(ctx context.Context, spec, prior ClusterSpec, operation string) (*ClusterState, []Notice, error) {
	nodes := newClusterNodes(c, spec.ID)
	run := &clusterRun{cloud: c, verb: clusterUpdate, goal: clusterGoal{spec: spec, prior: &prior, stamp: c.Stamp, nodes: nodes, now: c.Clock.Now()}}
	err := run.resume(ctx, operation)
	if err == nil {
		err = run.converge(ctx)
	}
	if err != nil {
		state, err := run.stopped(ctx, err)
		return state, nodes.notices, err
	}
	state := run.state()
	if len(state.Drift) > 0 {
		reached := clusterStateWith(spec.ID, run.live, &prior, run.goal.pools(run.live))
		return &reached, nodes.notices, run.unrepaired(state.Drift)
	}
	if state.Status != ClusterReady {
		return state, append(nodes.notices, run.degraded(nil)), nil
	}
	return state, nodes.notices, nil
}

// stopped is what an update returns that did not come to its end.
func (r *clusterRun) stopped(ctx context.Context, err error) (*ClusterState, error) {
	switch gone := r.lookAgain(ctx); {
	case gcp.IsNotFound(gone):
		return nil, r.deleted(err)
	case gone != nil && r.live == nil:
		return nil, r.notUpdated(err) // what cannot be read again is as it was before, as far as we know
	case r.live.GetStatus() == containerpb.Cluster_STOPPING:
		err = r.beingDeleted()
	}
	state := clusterStateWith(r.goal.spec.ID, r.live, r.goal.prior, r.goal.pools(r.live))
	state.Operation = r.unfinishedOperation()
	return &state, r.notUpdated(err)
}

// DeleteCluster deletes a cluster and waits until it is gone, after whatever operation is in the way. That it is gone
// already is success.
func (c *Cloud) DeleteCluster(ctx context.Context, id names.ClusterID) error {
	run := &clusterRun{cloud: c, verb: clusterDelete, goal: clusterGoal{spec: ClusterSpec{ID: id}}}
	if err := run.remove(ctx); err != nil {
		return run.notDeleted(err)
	}
	return nil
}

func (r *clusterRun) remove(ctx context.Context) error {
	for attempt := 0; ; attempt++ {
		op, err := r.start(ctx, "delete of cluster "+r.goal.spec.ID.Name, func(ctx context.Context, client *gcp.Client) (*gcp.Operation, error) {
			return client.Clusters().Delete(ctx, r.name())
		})
		if err == nil {
			err = r.await(ctx, op)
		}
		if err == nil || gcp.IsNotFound(err) {
			return r.waitGone(ctx)
		}
		found := r.lookAgain(ctx)
		switch {
		case gcp.IsNotFound(found):
			return nil
		case found == nil && r.live.GetStatus() == containerpb.Cluster_STOPPING && ctx.Err() == nil:
			return r.waitGone(ctx) // somebody was faster, or GKE tries again by itself
		case attempt >= clusterAttempts || !r.mayRepeat(ctx, err):
			return err
		}
	}
}

// waitGone waits while a cluster is being deleted. GKE repeats a failed deletion by itself.
func (r *clusterRun) waitGone(ctx context.Context) error {
	return r.cloud.GCP.Poll(ctx, "the deletion of cluster "+r.goal.spec.ID.Name, func(ctx context.Context) (bool, error) {
		err := r.look(ctx)
		if gcp.IsNotFound(err) {
			return true, nil
		}
		if err == nil && r.live.GetStatus() == containerpb.Cluster_ERROR {
			return false, &gcp.OperationError{Operation: "delete", Message: clusterReasons(r.live, nil)}
		}
		return false, err
	})
}
