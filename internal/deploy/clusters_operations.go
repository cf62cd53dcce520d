package deploy

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// await waits for an operation on the cluster, and remembers it for as long as it may still run: a run that ends before
// it tells the next one which to wait for.
func (r *clusterRun) await(ctx context.Context, op *gcp.Operation) error {
	r.running = op
	err := r.cloud.GCP.Clusters().WaitOperation(ctx, r.parent(), op)
	if err == nil || isOperationError(err) || gcp.IsNotFound(err) {
		r.running = nil
	}
	return err
}

// resume waits for the operation that an earlier run was waiting for when it ended. Its name only spares the search:
// whatever is wrong with it, the look at the cluster that follows tells better.
func (r *clusterRun) resume(ctx context.Context, operation string) error {
	if operation == "" {
		return nil
	}
	if _, err := r.operation(ctx, operation); err != nil {
		return nil //nolint:nilerr // see above
	}
	if err := r.waitForOther(ctx, operation); ctx.Err() != nil {
		return err
	}
	return nil
}

func (r *clusterRun) operation(ctx context.Context, name string) (*gcp.Operation, error) {
	return r.cloud.GCP.Clusters().GetOperation(ctx, r.parent()+"/operations/"+name)
}

// waitForOther waits for an operation that may not be ours. Whether it succeeded is its owner's business. When the time
// is up the error says what is in the way.
func (r *clusterRun) waitForOther(ctx context.Context, name string) error {
	op, err := r.operation(ctx, name)
	if err != nil {
		op = &gcp.Operation{Name: name} // readable or not, the wait tells
	}
	r.cloud.inform(ctx, "Waiting for another operation on the cluster", map[string]any{
		"cluster": r.name(), "operation": name, "type": op.GetOperationType().String(),
		"target": clusterTarget(op), "running_for": r.age(op).String(),
	})
	err = r.await(ctx, op)
	switch {
	case isOperationError(err), gcp.IsNotFound(err):
		return nil
	case err != nil && ctx.Err() != nil:
		return r.busy(op, err)
	}
	return err
}

// settle waits until no operation runs on the cluster, whoever started it, and reads the cluster.
func (r *clusterRun) settle(ctx context.Context) error {
	for {
		if err := r.look(ctx); err != nil {
			return err
		}
		if err := r.unusable(ctx); err != nil {
			return err
		}
		if !clusterBusy(r.live) {
			return nil
		}
		found, err := r.waitForRunning(ctx)
		switch {
		case err != nil:
			return err
		case !found && clusterForming(r.live):
			return r.waitFormed(ctx)
		case !found:
			// It has ended since the look, and what it did shows now. One that is not listed yet refuses the next request,
			// which then waits for it.
			return r.look(ctx)
		}
	}
}

// waitForRunning waits for the operations that run on the cluster, and tells whether there were any. Who may not list
// them goes by what the cluster shows.
func (r *clusterRun) waitForRunning(ctx context.Context) (found bool, err error) {
	running, err := r.cloud.GCP.Clusters().RunningOperations(ctx, r.name())
	if err != nil && gcp.Classify(err) != gcp.PermissionDenied {
		return false, err
	}
	for _, op := range running {
		if err := r.waitForOther(ctx, op.GetName()); err != nil {
			return true, err
		}
	}
	return len(running) > 0, nil
}

// waitFormed waits for a cluster or a pool that is being made by an operation that cannot be found.
func (r *clusterRun) waitFormed(ctx context.Context) error {
	return r.cloud.GCP.Poll(ctx, fmt.Sprintf("cluster %q to be made", r.goal.spec.ID.Name), func(ctx context.Context) (bool, error) {
		if err := r.look(ctx); err != nil {
			return false, err
		}
		return !clusterForming(r.live), r.unusable(ctx)
	})
}

// unusable is the error of a cluster on which nothing can be done any more.
func (r *clusterRun) unusable(ctx context.Context) error {
	switch r.live.GetStatus() { //nolint:exhaustive // the others can be worked on
	case containerpb.Cluster_STOPPING:
		return r.beingDeleted()
	case containerpb.Cluster_ERROR:
		return r.useless(ctx, nil)
	}
	if unknown := clusterUnknowns(r.live, r.goal.pools(r.live)); len(unknown) > 0 {
		return clusterUnknownError(r.goal.spec.ID, unknown)
	}
	return nil
}

// unfinishedOperation is the short name of the operation that still runs, as far as this run knows.
func (r *clusterRun) unfinishedOperation() string {
	name := r.running.GetName()
	return name[strings.LastIndex(name, "/")+1:]
}

// inTheWay describes an operation: operation-1 (UPGRADE_MASTER of cluster "dev", running for 12m0s).
func (r *clusterRun) inTheWay(op *gcp.Operation) string {
	var parts []string
	if kind := op.GetOperationType(); kind != containerpb.Operation_TYPE_UNSPECIFIED {
		parts = append(parts, strings.TrimSpace(kind.String()+" of "+clusterTarget(op)))
	}
	if op.GetStartTime() != "" {
		parts = append(parts, "running for "+r.age(op).String())
	}
	if len(parts) == 0 {
		return op.GetName()
	}
	return fmt.Sprintf("%s (%s)", op.GetName(), strings.Join(parts, ", "))
}

// age is how long an operation has run, in whole seconds; 0 when GKE does not say.
func (r *clusterRun) age(op *gcp.Operation) time.Duration {
	began, err := time.Parse(time.RFC3339Nano, op.GetStartTime())
	if err != nil {
		return 0
	}
	return max(0, r.cloud.Clock.Now().Sub(began)).Truncate(time.Second)
}

// clusterTarget says what an operation is about. Links end in clusters/C or clusters/C/nodePools/P.
func clusterTarget(op *gcp.Operation) string {
	parts := strings.Split(op.GetTargetLink(), "/")
	if len(parts) < 2 {
		return ""
	}
	name := parts[len(parts)-1]
	switch parts[len(parts)-2] {
	case "nodePools":
		return fmt.Sprintf("node pool %q", name)
	case "clusters":
		return fmt.Sprintf("cluster %q", name)
	default:
		return op.GetTargetLink()
	}
}

// inform writes a line for the operator who wonders what a run is waiting for.
func (c *Cloud) inform(ctx context.Context, message string, fields map[string]any) {
	if c.Inform != nil {
		c.Inform(ctx, message, fields)
	}
}
