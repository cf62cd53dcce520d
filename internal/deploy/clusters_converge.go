package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// clusterAttempts bounds how often a step whose answer was lost is looked at again.
const clusterAttempts = 4

// clusterAfterword is how long the last look at a cluster may take after the context of a create or an update has
// ended: the state must be told before the caller's own grace runs out.
const clusterAfterword = 15 * time.Second

// clusterRun brings one cluster to its goal.
type clusterRun struct {
	cloud *Cloud
	goal  clusterGoal
	// live is the cluster as last read, nil before the first look.
	live *containerpb.Cluster
}

func (r *clusterRun) name() string { return r.goal.spec.ID.String() }

func (r *clusterRun) parent() string { return r.goal.spec.ID.Parent() }

// converge does one step after another, and reads the cluster again after each, until nothing is left to do.
func (r *clusterRun) converge(ctx context.Context) error {
	done, lost := map[string]bool{}, map[string]int{}
	for {
		if err := r.settle(ctx); err != nil {
			return err
		}
		steps := r.goal.steps(r.live)
		if len(steps) == 0 {
			return nil
		}
		step := steps[0]
		if done[step.what] {
			return r.stuck(step)
		}
		switch err := r.do(ctx, step); {
		case err == nil:
			done[step.what] = true
		case r.mayRepeat(ctx, err) && lost[step.what] < clusterAttempts:
			lost[step.what]++ // what became of it, the next look tells
		default:
			return r.failed(step, err)
		}
	}
}

// mayRepeat tells the failures after which the cluster is looked at again: a lost answer, a label fingerprint or an
// etag that somebody else has moved on.
func (r *clusterRun) mayRepeat(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	var operation *gcp.OperationError
	var told *Error
	if errors.As(err, &operation) || errors.As(err, &told) {
		return false
	}
	kind := gcp.Classify(err)
	return gcp.Ambiguous(err) || kind == gcp.Conflict || kind == gcp.FailedPrecondition
}

// settle waits until no operation runs on the cluster, whoever started it, and reads the cluster.
func (r *clusterRun) settle(ctx context.Context) error {
	if err := r.look(ctx); err != nil {
		return err
	}
	if r.live.GetStatus() == containerpb.Cluster_STOPPING {
		return &Error{
			Summary: fmt.Sprintf("Cluster %q is being deleted", r.goal.spec.ID.Name),
			Why:     "GKE does not stop a deletion that has begun.",
			Fix:     "Run apply again when the cluster is gone; it is then made anew.",
		}
	}
	if !clusterBusy(r.live) {
		return nil
	}
	running, err := r.cloud.GCP.Clusters().RunningOperations(ctx, r.name())
	if err != nil || len(running) == 0 {
		return err
	}
	for _, op := range running {
		if err := r.waitForOther(ctx, op.GetName()); err != nil {
			return err
		}
	}
	return r.look(ctx)
}

func (r *clusterRun) look(ctx context.Context) error {
	live, err := r.cloud.GCP.Clusters().Get(ctx, r.name())
	if err == nil {
		r.live = live
	}
	return err
}

// lookAgain reads the cluster even if ctx has ended.
func (r *clusterRun) lookAgain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), clusterAfterword)
	defer cancel()
	return r.look(ctx)
}

// do starts a step and waits for its operation.
func (r *clusterRun) do(ctx context.Context, step clusterStep) error {
	op, err := r.start(ctx, step.what, step.call)
	if err != nil || op == nil {
		return err
	}
	return r.cloud.GCP.Clusters().WaitOperation(ctx, r.parent(), op)
}

// start sends a request. While GKE is busy with another operation on the cluster it waits for that one, then sends
// the request again, and so it does when GKE says that it gets too many: a refused request has had no effect.
func (r *clusterRun) start(ctx context.Context, what string, call clusterCall) (op *gcp.Operation, failure error) {
	err := r.cloud.GCP.Poll(ctx, what, func(ctx context.Context) (bool, error) {
		op, failure = call(ctx, r.cloud.GCP)
		if blocking, busy := gcp.IncompatibleOperation(failure); busy {
			return false, r.waitForOther(ctx, blocking)
		}
		return !gcp.IsTransient(failure) || gcp.Ambiguous(failure), nil
	})
	if err != nil {
		return nil, err
	}
	return op, failure
}

// waitForOther waits for an operation that may not be ours. Whether it succeeded is its owner's business.
func (r *clusterRun) waitForOther(ctx context.Context, operation string) error {
	err := r.cloud.GCP.Clusters().WaitOperation(ctx, r.parent(), &gcp.Operation{Name: operation})
	var failed *gcp.OperationError
	if errors.As(err, &failed) || gcp.IsNotFound(err) {
		return nil
	}
	return err
}

func (r *clusterRun) failed(step clusterStep, err error) error {
	var told *Error
	if errors.As(err, &told) {
		return told // a roll knows more about itself
	}
	return &Error{
		Summary:   fmt.Sprintf("Cluster %q: %s failed", r.goal.spec.ID.Name, step.what),
		Why:       "The state shows what is live now." + r.stillServing(step),
		Fix:       "Run apply again when the cause is gone: it goes on from there.",
		Attribute: step.attribute,
		Err:       err,
	}
}

func (r *clusterRun) stuck(step clusterStep) error {
	why := "GKE reported the change as done, but the cluster does not show it."
	if reasons := r.reasons(); reasons != "" {
		why = "GKE reports: " + reasons
	}
	return &Error{
		Summary:   fmt.Sprintf("Cluster %q: %s had no lasting effect", r.goal.spec.ID.Name, step.what),
		Why:       why,
		Fix:       "Look at the cluster in the console, correct the configuration, and run apply again.",
		Attribute: step.attribute,
	}
}

// reasons are GKE's own words on what is wrong with the live cluster, safe to show.
func (r *clusterRun) reasons() string {
	text := clusterReasons(r.live, clusterPoolsOf(r.live, &r.goal.spec))
	if text == "" {
		return ""
	}
	return gcp.Message(errors.New(text))
}

// state is the live cluster in the terms of the configuration.
func (r *clusterRun) state() *ClusterState {
	state := clusterStateOf(r.goal.spec.ID, r.live, &r.goal.spec)
	return &state
}
