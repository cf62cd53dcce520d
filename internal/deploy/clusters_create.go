package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// CreateCluster makes a cluster with all of its pools in one operation and waits until it is ready. It returns
//   - nil and an error when nothing is there: GKE refused, or a cluster of that name belongs to somebody else;
//   - a state and a notice when a cluster is there and worth keeping: interrupted, timed out, or with a pool that got
//     no machines; the next apply goes on;
//   - a state and an error when a cluster is there that nobody can use.
//
// An unfinished create of the same stack, left by a run that was killed, is taken over. timeout is how long a create
// may take; the caller bounds ctx with it.
func (c *Cloud) CreateCluster(ctx context.Context, spec ClusterSpec, timeout time.Duration) (*ClusterState, []Notice, error) {
	run := &clusterRun{cloud: c, verb: clusterCreate, goal: clusterGoal{spec: spec, stamp: c.Stamp, marked: c.holdsMarks(), nodes: newClusterNodes(c, spec.ID)}}
	op, notices, err := run.begin(ctx, timeout)
	if err != nil {
		return nil, nil, err
	}
	if op != nil {
		err = run.await(ctx, op)
	}
	if err == nil {
		err = run.converge(ctx)
	}
	if err == nil && run.goal.marked {
		delete(run.live.GetResourceLabels(), names.LabelCreating) // the state is told as it will be
		err = c.endCreate(ctx, run.takeMarkOff)
	}
	state, outcome, err := run.created(ctx, err)
	return state, slices.Concat(notices, run.goal.nodes.notices, outcome), err
}

// takeMarkOff sends the label update and does not wait for its operation: the process is about to end.
func (r *clusterRun) takeMarkOff(ctx context.Context) error {
	r.goal.marked = false
	if err := r.look(ctx); err != nil {
		return err
	}
	for _, step := range r.goal.finishSteps(r.live) {
		if _, err := step.call(ctx, r.cloud.GCP); err != nil {
			return err
		}
	}
	return nil
}

// begin sends the create, or finds an unfinished one to take over; then the operation is nil and converge does the
// waiting. A create whose answer was lost is settled by reading, and sent again only if nothing is there.
func (r *clusterRun) begin(ctx context.Context, timeout time.Duration) (op *gcp.Operation, notices []Notice, err error) {
	for attempt := 0; ; attempt++ {
		op, err = r.start(ctx, "create of cluster "+r.goal.spec.ID.Name, r.create)
		if err == nil {
			return op, notices, nil
		}
		if !gcp.IsAlreadyExists(err) && !gcp.Ambiguous(err) {
			return nil, nil, r.refused(err)
		}
		found := r.lookAgain(ctx)
		switch {
		case found == nil && r.live.GetStatus() == containerpb.Cluster_STOPPING:
			err = r.waitGone(ctx)
		case found == nil && r.failedBefore(err, timeout):
			notices, err = []Notice{r.replaced()}, r.remove(ctx)
		case found == nil:
			notices, err = r.adopt(ctx, err, timeout)
			return nil, notices, err
		case !gcp.IsNotFound(found):
			return nil, nil, r.unsettled(err, found)
		case attempt >= clusterAttempts || ctx.Err() != nil:
			return nil, nil, r.refused(err)
		default:
			err = nil
		}
		if err == nil {
			err = r.cloud.Clock.Sleep(ctx, time.Second)
		}
		if err != nil {
			return nil, nil, r.refused(err)
		}
	}
}

// failedBefore tells whether what is in the way of the create is an earlier one of this stack that failed: nobody has
// ever used that cluster.
func (r *clusterRun) failedBefore(cause error, timeout time.Duration) bool {
	return gcp.IsAlreadyExists(cause) && r.cloud.AdoptInterrupted && r.live.GetStatus() == containerpb.Cluster_ERROR && r.unfinishedOurs(timeout)
}

func (r *clusterRun) replaced() Notice {
	return Notice{
		Summary: fmt.Sprintf("Replaced the failed create of cluster %q", r.goal.spec.ID.Name),
		Detail: "An earlier run of this stack began to make the cluster and was stopped before it could record it; then GKE gave it up. " +
			"This run deleted what was left and made it anew.\n\nGKE reported: " + r.reasons(),
	}
}

func (r *clusterRun) create(ctx context.Context, client *gcp.Client) (*gcp.Operation, error) {
	message := clusterMessage(r.goal.spec, r.goal.stamp, r.cloud.Clock.Now())
	return client.Clusters().Create(ctx, r.parent(), message)
}

// adopt takes over a cluster that is in the way of the create if it is our own unfinished one.
func (r *clusterRun) adopt(ctx context.Context, cause error, timeout time.Duration) ([]Notice, error) {
	if gcp.Ambiguous(cause) && r.unfinishedOurs(timeout) {
		return nil, nil // this run's own create: its answer was lost, its effect was not
	}
	if r.cloud.AdoptInterrupted && r.unfinishedOurs(timeout) {
		// The operation that runs may be the one that takes the mark off: then it is finished, and not ours to take.
		// What goes wrong here, converge meets again and tells.
		_ = r.settle(ctx)
	}
	if !r.cloud.AdoptInterrupted || !r.unfinishedOurs(timeout) {
		return nil, r.foreign(cause)
	}
	return []Notice{{
		Summary: fmt.Sprintf("Took over the unfinished create of cluster %q", r.goal.spec.ID.Name),
		Detail: "An earlier run of this stack began to make the cluster and was stopped before it could record it. " +
			"This run goes on from there. Set adopt_interrupted = false in the provider configuration to refuse instead.",
	}}, nil
}

// unfinishedOurs tells whether the live cluster is an unfinished create of this stack.
func (r *clusterRun) unfinishedOurs(timeout time.Duration) bool {
	labels := r.live.GetResourceLabels()
	return r.goal.stamp.MayAdopt(labels, labels, r.cloud.Clock.Now(), timeout, false)
}

func (r *clusterRun) foreign(cause error) error {
	id := r.goal.spec.ID
	return &Error{
		Summary: fmt.Sprintf("Cluster %q already exists in %s", id.Name, id.Location),
		Why: "It is not an unfinished create of this stack, so another state, another tool or a person may own it, " +
			"and it is not taken over silently.",
		Fix:       clusterImportFix(id.String()),
		Attribute: []string{"name"},
		Err:       cause,
	}
}

// clusterImportFix prints the block that takes an existing cluster into this state. The provider never learns the
// resource's address.
func clusterImportFix(id string) string {
	return fmt.Sprintf("Choose another name, or manage the existing cluster here by adding this block "+
		"(NAME is the name of this resource block):\n\nimport {\n  to = twelvefactor_cluster.NAME\n  id = %q\n}", id)
}

// created decides what a create that was accepted returns.
func (r *clusterRun) created(ctx context.Context, err error) (*ClusterState, []Notice, error) {
	if err != nil {
		switch gone := r.closeFailed(ctx, err); {
		case gcp.IsNotFound(gone):
			return nil, nil, r.vanished(err)
		case gone != nil && r.live == nil:
			state := &ClusterState{ClusterSpec: r.goal.spec, Status: ClusterCreating, Operation: r.unfinishedOperation()}
			return state, []Notice{r.unfinished(errors.Join(err, gone))}, nil
		}
	}
	state := r.state()
	switch {
	case state.Status == ClusterFailed:
		return state, nil, r.useless(ctx, err)
	case state.Status == ClusterDeleting:
		return state, nil, r.beingDeleted()
	case state.Status == ClusterDegraded:
		return state, []Notice{r.degraded(err)}, nil
	case err != nil || state.Status != ClusterReady:
		return state, []Notice{r.unfinished(err)}, nil
	}
	return state, nil, nil
}

// closeFailed looks at what a failed create left. If the operation itself has ended with a cluster that serves, the
// create is over, so the mark goes; what is wrong with the pools is left to the next update.
func (r *clusterRun) closeFailed(ctx context.Context, err error) error {
	if gone := r.lookAgain(ctx); gone != nil {
		return gone
	}
	if !isOperationError(err) || r.live.GetStatus() == containerpb.Cluster_ERROR {
		return nil
	}
	for _, step := range r.goal.finishSteps(r.live) {
		// If this fails the mark stays, and the status says that something is left to do.
		_ = r.do(ctx, step)
	}
	return r.lookAgain(ctx)
}
