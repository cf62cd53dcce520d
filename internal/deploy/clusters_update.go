package deploy

import (
	"context"
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
		return nil, &Error{Summary: fmt.Sprintf("Cluster %q could not be read", id.Name), Err: err}
	}
	if prior == nil && live.GetAutopilot().GetEnabled() {
		return nil, clusterIsAutopilot(id)
	}
	state := clusterStateOf(id, live, prior)
	state.Upgrades = c.readUpgrades(ctx, live, id, prior)
	if _, marked := live.GetResourceLabels()[names.LabelCreating]; marked && state.Status == ClusterCreating {
		running, err := c.GCP.Clusters().RunningOperations(ctx, id.String())
		state.Finishing = err == nil && len(running) > 0 // who may not list operations is told of the mark
	}
	return &state, nil
}

// UpdateCluster brings a cluster from its prior state to the declared one, one operation after another, and first
// finishes what an earlier run left unfinished. With an error it returns what is live; the next update goes on from
// there.
func (c *Cloud) UpdateCluster(ctx context.Context, spec, prior ClusterSpec) (*ClusterState, []Notice, error) {
	run := &clusterRun{cloud: c, goal: clusterGoal{spec: spec, prior: &prior, stamp: c.Stamp, now: c.Clock.Now()}}
	if err := run.converge(ctx); err != nil {
		// What cannot be read again is as it was before, as far as we know.
		if gone := run.lookAgain(ctx); gone != nil && run.live == nil {
			return nil, nil, run.notUpdated(err)
		}
		state := clusterStateOf(spec.ID, run.live, &prior)
		return &state, nil, run.notUpdated(err)
	}
	state := run.state()
	if len(state.Drift) > 0 {
		return state, nil, run.unrepaired(state.Drift)
	}
	if state.Status != ClusterReady {
		return state, []Notice{run.degraded(nil)}, nil
	}
	return state, nil, nil
}

func (r *clusterRun) notUpdated(err error) error {
	if known, ok := err.(*Error); ok { //nolint:errorlint // converge makes its errors itself
		return known
	}
	return &Error{
		Summary: fmt.Sprintf("Cluster %q was not updated completely", r.goal.spec.ID.Name),
		Why:     "The state shows what is live now.",
		Fix:     "Run apply again: it goes on from there.",
		Err:     err,
	}
}

func (r *clusterRun) unrepaired(drift []string) error {
	return &Error{
		Summary: fmt.Sprintf("Cluster %q still differs from what was declared", r.goal.spec.ID.Name),
		Why:     fmt.Sprintf("%q. GKE reports: %s", drift, r.reasons()),
		Fix:     "Run apply again when the cause is gone.",
	}
}

// DeleteCluster deletes a cluster and waits until it is gone. That it is gone already is success.
func (c *Cloud) DeleteCluster(ctx context.Context, id names.ClusterID) error {
	run := &clusterRun{cloud: c, goal: clusterGoal{spec: ClusterSpec{ID: id}}}
	if err := run.remove(ctx); err != nil {
		return &Error{
			Summary: fmt.Sprintf("Cluster %q was not deleted", id.Name),
			Why:     "It stays in the state.",
			Fix:     "Run destroy again when the cause is gone.",
			Err:     err,
		}
	}
	return nil
}

func (r *clusterRun) remove(ctx context.Context) error {
	for attempt := 0; ; attempt++ {
		op, err := r.start(ctx, "delete of cluster "+r.goal.spec.ID.Name, func(ctx context.Context, client *gcp.Client) (*gcp.Operation, error) {
			return client.Clusters().Delete(ctx, r.name())
		})
		if err == nil {
			err = r.cloud.GCP.Clusters().WaitOperation(ctx, r.parent(), op)
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
