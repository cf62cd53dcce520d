package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// clusterVerb is what a run does with its cluster, in the words of errors: the attribute in timeouts, and the participle.
type clusterVerb struct{ timeout, done string }

var (
	clusterCreate = clusterVerb{"create", "created"}
	clusterUpdate = clusterVerb{"update", "updated"}
	clusterDelete = clusterVerb{"delete", "deleted"}
)

// remedy is what to do about an error, or what is said otherwise.
func (r *clusterRun) remedy(err error, otherwise string) string {
	if err != nil && gcp.Classify(err) == gcp.Canceled {
		otherwise = fmt.Sprintf("Nothing is lost: apply again to go on from there. To wait longer, raise timeouts.%s.", r.verb.timeout)
	}
	return cmp.Or(remedy(err, r.goal.spec.ID.Project), otherwise)
}

// busy tells that an operation has been in the way until the time was up.
func (r *clusterRun) busy(op *gcp.Operation, err error) error {
	id := r.goal.spec.ID
	return &Error{
		Summary: fmt.Sprintf("Cluster %q is busy with another operation", id.Name),
		Why: fmt.Sprintf("GKE takes one operation on a cluster at a time, and starts upgrades and repairs by itself. In the way is %s. "+
			"Until it ends the cluster cannot be %s.", r.inTheWay(op), r.verb.done),
		Fix: fmt.Sprintf("Apply again when it has ended, or raise timeouts.%s to wait longer. To see how far it is:\n\n"+
			"  gcloud container operations describe %s --location %s --project %s", r.verb.timeout, op.GetName(), id.Location, id.Project),
		Err: err,
	}
}

// failed is the failure of one step of an update.
func (r *clusterRun) failed(step clusterStep, err error) error {
	if told, ok := inUsersWords(err); ok {
		return told
	}
	why := "The state shows what is live now." + r.stillServing(step)
	if r.running != nil && gcp.Classify(err) == gcp.Canceled {
		why = fmt.Sprintf("GKE goes on with %s. %s", r.inTheWay(r.running), why)
	}
	return &Error{
		Summary:   fmt.Sprintf("Cluster %q: %s failed", r.goal.spec.ID.Name, step.what),
		Why:       why,
		Fix:       r.remedy(err, "Apply again when the cause is gone: it goes on from there."),
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

// refused is a create of which nothing came.
func (r *clusterRun) refused(err error) error {
	id := r.goal.spec.ID
	failure := &Error{
		Summary: fmt.Sprintf("Cluster %q was not created", id.Name),
		Why:     fmt.Sprintf("No cluster was made in project %s, location %s.", id.Project, id.Location),
		Fix:     r.remedy(err, ""),
		Err:     err,
	}
	if told, ok := inUsersWords(err); ok {
		failure.Why, failure.Fix, failure.Err = told.Summary+". "+told.Why, told.Fix, told.Err
	}
	return failure
}

// unsettled is a create whose answer was lost, and of which nobody can say what became of it.
func (r *clusterRun) unsettled(lost, unread error) error {
	id := r.goal.spec.ID
	return &Error{
		Summary: fmt.Sprintf("It is not known whether cluster %q was created", id.Name),
		Why: fmt.Sprintf("The answer to the request was lost, and the cluster could not be read in project %s, location %s. "+
			"If there is one, it carries the mark of an unfinished create.", id.Project, id.Location),
		Fix: r.remedy(unread, "Apply again: the next run takes the cluster over if it is there, and makes it if it is not."),
		Err: errors.Join(lost, unread),
	}
}

// vanished is a create whose cluster is not there any more.
func (r *clusterRun) vanished(err error) error {
	failure := &Error{
		Summary: fmt.Sprintf("Cluster %q was not created", r.goal.spec.ID.Name),
		Why:     "GKE accepted the request, failed, and left nothing behind.",
		Fix:     r.remedy(err, "Apply again when the cause is gone."),
		Err:     err,
	}
	if !isOperationError(err) {
		failure.Why = "GKE had begun to make it, and then it was gone: somebody else has deleted it."
		failure.Fix = "Find out who deletes clusters in this project (the audit log names the caller), and apply again: it is then made anew."
	}
	return failure
}

// deleted is an update whose cluster is not there any more.
func (r *clusterRun) deleted(err error) error {
	id := r.goal.spec.ID
	return &Error{
		Summary: fmt.Sprintf("Cluster %q does not exist any more", id.Name),
		Why: fmt.Sprintf("It was deleted in project %s, location %s after the plan was made, or while the plan was applied.",
			id.Project, id.Location),
		Fix: "Plan and apply again: the plan then shows that it is made anew, with what runs on it.",
		Err: err,
	}
}

func (r *clusterRun) beingDeleted() error {
	return &Error{
		Summary: fmt.Sprintf("Cluster %q is being deleted", r.goal.spec.ID.Name),
		Why:     "Somebody else deletes it, or an earlier run of this stack did and was stopped. GKE does not stop a deletion that has begun.",
		Fix:     "Apply again: the next plan waits until it is gone and makes it anew. Nothing needs to be removed from the state.",
	}
}

// useless is a cluster that GKE has given up.
func (r *clusterRun) useless(ctx context.Context, err error) error {
	if told, ok := inUsersWords(err); ok {
		return told
	}
	if !isOperationError(err) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), clusterAfterword)
		defer cancel()
		// A run that did not start the operation finds its failure in the list; who may not list has the status message.
		if failure := r.cloud.GCP.Clusters().LastFailure(ctx, r.name()); isOperationError(failure) {
			err = errors.Join(failure, err)
		}
	}
	return &Error{
		Summary: fmt.Sprintf("Cluster %q failed and cannot be used", r.goal.spec.ID.Name),
		Why:     "GKE reports: " + r.reasons(),
		Fix: strings.TrimSpace(r.remedy(err, "") +
			"\n\nWhen the cause is gone, apply again: the failed cluster is deleted and made anew."),
		Err: err,
	}
}

// notUpdated is an update that stopped half-way.
func (r *clusterRun) notUpdated(err error) error {
	if told, ok := inUsersWords(err); ok {
		return told
	}
	return &Error{
		Summary: fmt.Sprintf("Cluster %q was not updated completely", r.goal.spec.ID.Name),
		Why:     "The state shows what is live now.",
		Fix:     r.remedy(err, "Apply again: it goes on from there."),
		Err:     err,
	}
}

func (r *clusterRun) unrepaired(drift []string) error {
	serving := ""
	for _, key := range slices.Sorted(maps.Keys(r.goal.spec.Pools)) {
		serving += r.stillServing(clusterStep{attribute: []string{"node_pools", key}})
	}
	return &Error{
		Summary: fmt.Sprintf("Cluster %q still differs from what was declared", r.goal.spec.ID.Name),
		Why:     fmt.Sprintf("%q. GKE reports: %s%s", drift, r.reasons(), serving),
		Fix:     "Apply again when the cause is gone.",
	}
}

// notDeleted is a delete that did not come to its end.
func (r *clusterRun) notDeleted(err error) error {
	if told, ok := inUsersWords(err); ok {
		return told
	}
	failure := &Error{
		Summary: fmt.Sprintf("Cluster %q was not deleted", r.goal.spec.ID.Name),
		Why:     "It stays in the state.",
		Fix:     r.remedy(err, "Run destroy again when the cause is gone."),
		Err:     err,
	}
	switch r.live.GetStatus() { //nolint:exhaustive // the others say nothing about the deletion
	case containerpb.Cluster_STOPPING:
		failure.Why = "GKE goes on deleting it. Until it is gone it stays in the state."
		failure.Fix = "Run destroy again: it waits for the deletion. To wait longer at once, raise timeouts.delete."
	case containerpb.Cluster_ERROR:
		failure.Why = "It stays in the state, and GKE tries the deletion again by itself. GKE reports: " + r.reasons()
	}
	return failure
}

// unfinished goes with the state of a cluster that GKE is still making.
func (r *clusterRun) unfinished(err error) Notice {
	detail := []string{"It stays in the state with status \"creating\", and it is not tainted. The next apply waits for what GKE is still " +
		"doing and does what is left."}
	if err != nil {
		detail = append(detail, "Stopped by: "+inOneText(err))
	}
	if r.running != nil {
		detail = append(detail, "GKE works on: "+r.inTheWay(r.running))
	}
	if r.live != nil {
		if reasons := r.reasons(); reasons != "" {
			detail = append(detail, "GKE reports: "+reasons)
		}
	}
	return Notice{Summary: fmt.Sprintf("Cluster %q is not finished yet", r.goal.spec.ID.Name), Detail: strings.Join(detail, "\n\n")}
}

// degraded goes with the state of a cluster that serves with a part missing.
func (r *clusterRun) degraded(err error) Notice {
	detail := []string{"It is there and can be used, with status \"degraded\". It is not tainted: the next plan shows a repair, and the next " +
		"apply makes GKE try again."}
	if reasons := r.reasons(); reasons != "" {
		detail = append(detail, "GKE reports: "+reasons)
	}
	if fix := r.remedy(err, ""); err != nil && fix != "" {
		detail = append(detail, fix)
	}
	if err != nil {
		detail = append(detail, "Original error: "+inOneText(err))
	}
	return Notice{Summary: fmt.Sprintf("Cluster %q is not healthy", r.goal.spec.ID.Name), Detail: strings.Join(detail, "\n\n")}
}

// inOneText is an error for a notice: in the user's words if it has them.
func inOneText(err error) string {
	told, ok := inUsersWords(err)
	if !ok {
		return gcp.Message(err)
	}
	text := told.Summary + ". " + told.Why
	if told.Err != nil {
		text += " (" + gcp.Message(told.Err) + ")"
	}
	return text
}
