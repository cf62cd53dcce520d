package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
)

// serviceLookTime is how long a look at what is there may take after the context of the change has ended.
const serviceLookTime = 30 * time.Second

// serviceDetach gives a context for that look.
func serviceDetach(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), serviceLookTime)
}

// serviceUnfinished is a failure of begin that leaves something to go on from.
type serviceUnfinished struct{ error }

// Unwrap gives the failure.
func (e serviceUnfinished) Unwrap() error { return e.error }

func serviceLeft(err error) bool {
	var left serviceUnfinished
	return errors.As(err, &left)
}

// serviceMayGoOn tells failures after which the same change goes on when it is applied again (the run was interrupted,
// the time was up, a server was away, there is no machine for the pods) from those in which the release itself was refused
// or does not run. When ctx has ended, whatever failed last was cut off, also where the error is about something that came
// before.
func serviceMayGoOn(ctx context.Context, err error) bool {
	var rollout *kube.RolloutError
	var operation *gcp.OperationError
	switch kind := gcp.Classify(err); {
	case ctx.Err() != nil, kind == gcp.Canceled:
		return true
	case errors.As(err, &rollout):
		return serviceLacksNodes(err)
	case errors.As(err, &operation):
		return false
	default:
		return kind == gcp.Transient || kube.IsUnreachable(err) || errors.Is(err, ErrClusterCreating)
	}
}

// serviceCreated decides what a create returns that has left something.
func (c *Cloud) serviceCreated(ctx context.Context, target serviceTarget, a app.App, failure error) (*ServiceState, []Notice, error) {
	look, cancel := serviceDetach(ctx)
	defer cancel()
	state, notices, err := target.read(look)
	switch {
	case err == nil && failure == nil && state != nil && !state.Unreachable:
		return state, notices, nil
	case err != nil || failure == nil || state != nil && state.Unreachable:
		state = serviceUnseen(a)
	case state == nil:
		return nil, nil, serviceError("create", a, failure)
	}
	failure = errors.Join(failure, err)
	switch {
	case failure == nil || serviceMayGoOn(ctx, failure):
		state.Status = ServiceCreating
		return state, append(notices, serviceUnfinishedNotice(a, failure)), nil
	case state.Serves, isAccessRefused(failure):
		state = serviceDegradedState(state)
		return state, append(notices, serviceServingNotice(a, state, failure)), nil
	default:
		state.Status = ServiceFailed
		return state, notices, serviceError("create", a, failure)
	}
}

// serviceUpdated decides what an update returns.
func serviceUpdated(ctx context.Context, target serviceTarget, a app.App, failure error) (*ServiceState, []Notice, error) {
	look := ctx
	if failure != nil {
		var cancel context.CancelFunc
		look, cancel = serviceDetach(ctx)
		defer cancel()
	}
	state, notices, err := target.read(look)
	switch {
	case failure != nil:
		return serviceDegradedState(state), nil, serviceError("update", a, failure)
	case err != nil:
		return state, notices, serviceError("read", a, err)
	case state == nil:
		return nil, notices, &Error{
			Summary: fmt.Sprintf("Service %q is gone", a.Name),
			Why:     "It was brought to its declared state, and somebody else deleted it before the last look",
			Fix:     "Apply again, which makes it anew",
		}
	case state.Unreachable:
		state = serviceUnseen(a)
		state.Status = ServiceDegraded
		return state, []Notice{serviceUnseenNotice(a)}, nil
	}
	return state, notices, nil
}

// serviceUnseenNotice tells about an update whose effect was not seen.
func serviceUnseenNotice(a app.App) Notice {
	return Notice{
		Summary: fmt.Sprintf("Service %q could not be looked at after its update", a.Name),
		Detail: "It was brought to its declared state, and then the Kubernetes API of its cluster went away. The state says \"degraded\" until a " +
			"refresh has seen it.",
	}
}

func serviceUnfinishedNotice(a app.App, failure error) Notice {
	stopped := "Stopped by: " + gcp.Message(failure)
	if failure == nil {
		stopped = "It could not be looked at when it was made."
	}
	notice := Notice{
		Summary: fmt.Sprintf("Service %q is not finished yet", a.Name),
		Detail:  "What was made stays, and is in the state with status \"creating\". The next apply goes on from there.\n\n" + stopped,
	}
	if serviceLacksNodes(failure) {
		_, parts := serviceTold(a, failure)
		notice.Detail = strings.Join(append(parts, "What was made stays, and is in the state with status \"creating\": its pods start by themselves as soon as "+
			"there are nodes for them, and the next apply goes on from there."), "\n\n")
	}
	return notice
}

// serviceTold gives a failure of a create in the user's words, as the text of a warning.
func serviceTold(a app.App, failure error) (summary string, parts []string) {
	summary, parts = fmt.Sprintf("Cannot create service %q", a.Name), []string{"Original error: " + gcp.Message(failure)}
	if told := (*Error)(nil); errors.As(serviceError("create", a, failure), &told) {
		summary, parts = told.Summary, []string{told.Why, told.Fix}
		if told.Err != nil {
			parts = append(parts, "Original error: "+gcp.Message(told.Err))
		}
	}
	return summary, slices.DeleteFunc(parts, func(s string) bool { return s == "" })
}

// serviceServingNotice tells why a create failed whose service serves. An error would taint the service, and Terraform
// would replace what serves.
func serviceServingNotice(a app.App, state *ServiceState, failure error) Notice {
	summary, parts := serviceTold(a, failure)
	why := "but the service serves"
	if !state.Serves {
		why = "but the service is there, and its release is still being rolled out"
	}
	parts = append(parts, fmt.Sprintf("The create is not finished, %s. So it is kept, with status %q in the state, "+
		"and the next apply updates it in place.", why, state.Status))
	return Notice{Summary: summary, Detail: strings.Join(parts, "\n\n")}
}

// serviceUnseen is the state of a service that was made and could not be looked at.
func serviceUnseen(a app.App) *ServiceState {
	a = app.WithDefaults(a)
	id, _ := ServiceID(a)
	return &ServiceState{ID: id, App: a, ReleaseID: app.ReleaseID(a), Status: ServiceCreating}
}

// serviceDegradedState never says ready after a failed update, whatever still serves.
func serviceDegradedState(state *ServiceState) *ServiceState {
	if state == nil || state.Unreachable {
		return nil
	}
	if state.Status == ServiceReady || state.Status == ServiceUnavailable {
		state.Status = ServiceDegraded
	}
	return state
}

// serviceError puts a failure into the user's words. What already is in them stays.
func serviceError(verb string, a app.App, err error) error {
	var told *Error
	var rollout *kube.RolloutError
	var operation *gcp.OperationError
	switch {
	case err == nil, errors.As(err, &told):
		return err
	case errors.As(err, &rollout):
		return serviceRolloutError(a, rollout, err)
	case errors.As(err, &operation):
		return serviceRevisionError(a, operation, err)
	case kube.IsUnreachable(err) && a.GKE != nil && !errors.Is(err, context.Canceled): // a request whose time was up is unanswered
		return serviceClusterAway(verb, a, err)
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return serviceClusterRefuses(verb, a, err)
	default:
		return &Error{Summary: fmt.Sprintf("Cannot %s service %q", verb, a.Name), Err: err}
	}
}

// serviceClusterAway tells that the API server of the cluster went away in the middle.
func serviceClusterAway(verb string, a app.App, err error) error {
	return &Error{
		Summary: fmt.Sprintf("Cannot %s service %q", verb, a.Name),
		Why: "The Kubernetes API of its cluster does not answer. GKE takes it away for some minutes when it upgrades or resizes the control " +
			"plane of a zonal cluster; a private endpoint answers only inside of its network. Pods that run go on running.",
		Fix:       "Apply again when it answers: the provider goes on from what is there.",
		Attribute: []string{"gke", "cluster"}, Err: err,
	}
}

// serviceClusterRefuses tells that the cluster refuses something. Kubernetes has one code for a permission that the caller
// lacks and for what admission says.
func serviceClusterRefuses(verb string, a app.App, err error) error {
	return &Error{
		Summary: fmt.Sprintf("Cannot %s service %q", verb, a.Name),
		Why:     "Its cluster refuses it. The original error names the user who may not do it, or the policy, quota or limit that does not let it through.",
		Fix: "Grant the caller roles/container.developer on the project, or in Kubernetes what the guide \"Permissions\" lists, or change what refuses. " +
			"Then apply again: the provider goes on from what is there.",
		Attribute: []string{"gke", "cluster"}, Err: err,
	}
}

// serviceExists refuses to take over a service that is there and finished.
func serviceExists(a app.App, id, what string) error {
	return &Error{
		Summary: fmt.Sprintf("Service %q already exists", a.Name),
		Why: fmt.Sprintf("%s was there before, and it is not the rest of an interrupted create of this stack. Another state, another "+
			"tool or a person may own it, so it is not taken over silently.", what),
		Fix: fmt.Sprintf("Choose another name, or manage the existing service here by adding this block (NAME is the name of this resource "+
			"block):\n\nimport {\n  to = twelvefactor_service.NAME\n  id = %q\n}", id),
		Attribute: []string{"name"},
	}
}

// serviceAdopted tells that an interrupted create was taken over.
func serviceAdopted(a app.App) Notice {
	return Notice{
		Summary: fmt.Sprintf("Took over the unfinished create of service %q", a.Name),
		Detail: "An earlier run of this stack began to make the service and was stopped before it could record it. " +
			"This run goes on from there. Set adopt_interrupted = false in the provider configuration to refuse instead.",
	}
}
