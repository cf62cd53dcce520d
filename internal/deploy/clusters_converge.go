package deploy

import (
	"context"
	"errors"
	"slices"
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
	// verb is what the run does, as the attribute in timeouts is called.
	verb clusterVerb
	// live is the cluster as last read, nil before the first look.
	live *containerpb.Cluster
	// running is the operation that was waited for last, if it may still run.
	running *gcp.Operation
}

func (r *clusterRun) name() string { return r.goal.spec.ID.String() }

func (r *clusterRun) parent() string { return r.goal.spec.ID.Parent() }

// converge does one step after another, and reads the cluster again after each, until nothing is left to do. Repairs come
// last, each of them once: a pool that is still without machines is no failure, since the cluster serves and its status
// says the rest.
func (r *clusterRun) converge(ctx context.Context) error {
	done, lost := map[string]bool{}, map[string]int{}
	for {
		if err := r.settle(ctx); err != nil {
			return err
		}
		step, repair, left := r.next(done)
		if !left {
			return nil
		}
		if done[step.what] {
			return r.stuck(step)
		}
		switch err := r.do(ctx, step); {
		case err == nil, repair && isOperationError(err):
			done[step.what] = true
		case r.mayRepeat(ctx, err) && lost[step.what] < clusterAttempts:
			lost[step.what]++ // what became of it, the next look tells
		default:
			return r.failed(step, err)
		}
	}
}

// next is what to do now, and whether it is a repair.
func (r *clusterRun) next(done map[string]bool) (step clusterStep, repair, left bool) {
	if steps := r.goal.steps(r.live); len(steps) > 0 {
		return steps[0], false, true
	}
	for _, step := range r.goal.repairSteps(r.live) {
		if !done[step.what] {
			return step, true, true
		}
	}
	return clusterStep{}, false, false
}

func isOperationError(err error) bool {
	var failed *gcp.OperationError
	return errors.As(err, &failed)
}

// mayRepeat tells the failures after which the cluster is looked at again: a lost answer, a label fingerprint or an
// etag that somebody else has moved on.
func (r *clusterRun) mayRepeat(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	var told *Error
	if isOperationError(err) || errors.As(err, &told) {
		return false
	}
	return gcp.Ambiguous(err) || slices.Contains([]gcp.Kind{gcp.Conflict, gcp.FailedPrecondition}, gcp.Classify(err))
}

func (r *clusterRun) look(ctx context.Context) error {
	live, err := r.cloud.GCP.Clusters().Get(ctx, r.name())
	if err == nil {
		r.live = live
	}
	if err == nil && r.goal.foreign == nil {
		r.goal.foreign = clusterForeignPools(live, clusterPoolsOf(live, r.goal.known()))
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
	return r.await(ctx, op)
}

// start sends a request. While GKE is busy with another operation on the cluster it waits for that one, then sends
// the request again, and so it does when GKE says that it gets too many: a refused request has had no effect.
func (r *clusterRun) start(ctx context.Context, what string, call clusterCall) (op *gcp.Operation, failure error) {
	err := r.cloud.GCP.Poll(ctx, what, func(ctx context.Context) (bool, error) {
		op, failure = call(ctx, r.cloud.GCP)
		if gcp.Classify(failure) != gcp.OperationInProgress {
			return !gcp.IsTransient(failure) || gcp.Ambiguous(failure), nil
		}
		if blocking, named := gcp.IncompatibleOperation(failure); named {
			return false, r.waitForOther(ctx, blocking)
		}
		_, err := r.waitForRunning(ctx)
		return false, err
	})
	if _, told := inUsersWords(err); err != nil && !told && failure != nil {
		return nil, errors.Join(err, failure) // what was still refused when the time was up
	}
	if err != nil {
		return nil, err
	}
	return op, failure
}

// reasons are GKE's own words on what is wrong with the live cluster, safe to show.
func (r *clusterRun) reasons() string {
	text := clusterReasons(r.live, r.goal.pools(r.live))
	if text == "" {
		return ""
	}
	return gcp.Message(errors.New(text))
}

// state is the live cluster in the terms of the configuration.
func (r *clusterRun) state() *ClusterState {
	state := clusterStateWith(r.goal.spec.ID, r.live, &r.goal.spec, r.goal.pools(r.live))
	state.Operation = r.unfinishedOperation()
	return &state
}
