package deploy

import (
	"context"
	"errors"
	"fmt"
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
	run := &clusterRun{cloud: c, goal: clusterGoal{spec: spec, stamp: c.Stamp, marked: c.holdsMarks(), now: c.Clock.Now()}}
	op, notices, err := run.begin(ctx, timeout)
	if err != nil {
		return nil, nil, err
	}
	if op != nil {
		err = c.GCP.Clusters().WaitOperation(ctx, run.parent(), op)
	}
	if err == nil {
		err = run.converge(ctx)
	}
	if err == nil && run.goal.marked {
		delete(run.live.GetResourceLabels(), names.LabelCreating) // the state is told as it will be
		err = c.endCreate(ctx, run.takeMarkOff)
	}
	state, outcome, err := run.created(ctx, err)
	return state, append(notices, outcome...), err
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
func (r *clusterRun) begin(ctx context.Context, timeout time.Duration) (*gcp.Operation, []Notice, error) {
	for attempt := 0; ; attempt++ {
		op, err := r.start(ctx, "create of cluster "+r.goal.spec.ID.Name, r.create)
		if err == nil {
			return op, nil, nil
		}
		if !gcp.IsAlreadyExists(err) && !gcp.Ambiguous(err) {
			return nil, nil, r.refused(err)
		}
		found := r.lookAgain(ctx)
		switch {
		case found == nil && r.live.GetStatus() == containerpb.Cluster_STOPPING:
			if gone := r.waitGone(ctx); gone != nil {
				return nil, nil, r.refused(gone)
			}
		case found == nil:
			notices, refusal := r.adopt(ctx, err, timeout)
			return nil, notices, refusal
		case !gcp.IsNotFound(found) || attempt >= clusterAttempts || ctx.Err() != nil:
			return nil, nil, r.refused(errors.Join(err, found))
		}
		if ended := r.cloud.Clock.Sleep(ctx, time.Second); ended != nil {
			return nil, nil, r.refused(errors.Join(err, ended))
		}
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

func (r *clusterRun) refused(err error) error {
	id := r.goal.spec.ID
	return &Error{
		Summary: fmt.Sprintf("Cluster %q was not created", id.Name),
		Why:     fmt.Sprintf("No cluster was made in project %s, location %s.", id.Project, id.Location),
		Err:     err,
	}
}

// created decides what a create that was accepted returns.
func (r *clusterRun) created(ctx context.Context, err error) (*ClusterState, []Notice, error) {
	if err != nil {
		switch gone := r.closeFailed(ctx, err); {
		case gcp.IsNotFound(gone):
			return nil, nil, r.vanished(err)
		case gone != nil && r.live == nil:
			state := &ClusterState{ClusterSpec: r.goal.spec, Status: ClusterCreating}
			return state, []Notice{r.unfinished(errors.Join(err, gone))}, nil
		}
	}
	state := r.state()
	switch {
	case state.Status == ClusterFailed:
		return state, nil, r.useless(err)
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
	var operation *gcp.OperationError
	if !errors.As(err, &operation) || r.live.GetStatus() == containerpb.Cluster_ERROR {
		return nil
	}
	for _, step := range r.goal.finishSteps(r.live) {
		// If this fails the mark stays, and the status says that something is left to do.
		_ = r.do(ctx, step)
	}
	return r.lookAgain(ctx)
}

func (r *clusterRun) vanished(err error) error {
	return &Error{
		Summary: fmt.Sprintf("Cluster %q was not created", r.goal.spec.ID.Name),
		Why:     "GKE accepted the request, failed, and left nothing behind.",
		Fix:     "Run apply again when the cause is gone.",
		Err:     err,
	}
}

func (r *clusterRun) useless(err error) error {
	return &Error{
		Summary: fmt.Sprintf("Cluster %q failed and cannot be used", r.goal.spec.ID.Name),
		Why:     "GKE reports: " + r.reasons(),
		Fix:     "Correct the cause and run apply again: the failed cluster is deleted and made anew.",
		Err:     err,
	}
}

func (r *clusterRun) unfinished(err error) Notice {
	detail := "GKE goes on creating it, and it stays in the state with status \"creating\". The next apply waits for it and " +
		"does what is left."
	if err != nil {
		detail += "\n\nStopped by: " + gcp.Message(err)
	}
	if r.live != nil {
		if reasons := r.reasons(); reasons != "" {
			detail += "\nGKE reports: " + reasons
		}
	}
	return Notice{Summary: fmt.Sprintf("Cluster %q is not finished yet", r.goal.spec.ID.Name), Detail: detail}
}

func (r *clusterRun) degraded(err error) Notice {
	detail := "It is there, with status \"degraded\", and the next plan shows a repair."
	if reasons := r.reasons(); reasons != "" {
		detail += "\n\nGKE reports: " + reasons
	}
	if err != nil {
		detail += "\n\nOriginal error: " + gcp.Message(err)
	}
	return Notice{Summary: fmt.Sprintf("Cluster %q is not healthy", r.goal.spec.ID.Name), Detail: detail}
}
