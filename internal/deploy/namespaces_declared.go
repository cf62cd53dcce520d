package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// NamespaceSpec is the declared state of a namespace.
type NamespaceSpec struct {
	ID names.KubeNamespaceID
	// Declared is nil right after an import, when only the id is known.
	Declared *app.Namespace
	// Timeout is how long a create may take: without a stack, an unfinished create is taken over within that time only.
	Timeout time.Duration
}

// NamespaceState is what is live, in the terms of the declaration.
type NamespaceState struct {
	// Declared is what was applied last, as it is recorded with the namespace, or without a record what is there.
	Declared app.Namespace
	// Recorded tells that Declared comes from the record.
	Recorded bool
	// Unreachable tells that the cluster could not be asked, so that nothing is known.
	Unreachable bool
	// Status is one of the Namespace… constants.
	Status string
	// Drift lists what is not as it was applied, as "object path: declared -> actual".
	Drift []string
	// Objects lists what the namespace is made of, by full name.
	Objects []string
}

// The values of NamespaceState.Status.
const (
	NamespaceReady    = "ready"
	NamespaceCreating = "creating" // its create is unfinished
	NamespaceDegraded = "degraded" // something was changed or removed
	NamespaceDeleting = "deleting" // it is being deleted
)

// namespaceRun is one change of a declared namespace.
type namespaceRun struct {
	cloud   *Cloud
	spec    NamespaceSpec
	cluster *containerpb.Cluster
	kube    *kube.Client
	// creating is the time of the mark that an unfinished create carries, zero for a finished one.
	creating time.Time
	// made tells that there is something of this namespace.
	made    bool
	notices []Notice
}

func (s NamespaceSpec) ref() kube.Ref { return kube.Ref{GVK: kube.Namespace, Name: s.ID.Name} }

// openNamespace connects and takes the namespace's lock. A cluster that is still being created is waited for.
func (c *Cloud) openNamespace(ctx context.Context, spec NamespaceSpec) (r *namespaceRun, unlock func(), err error) {
	k, err := c.Kube(ctx, spec.ID.Cluster)
	if err != nil {
		return nil, nil, err
	}
	cluster, err := c.GCP.Clusters().Get(ctx, spec.ID.Cluster.String())
	if err != nil {
		return nil, nil, err
	}
	unlock, err = c.namespaces.lock(ctx, spec.ID.Cluster.String()+"/"+spec.ID.Name)
	return &namespaceRun{cloud: c, spec: spec, cluster: cluster, kube: k}, unlock, err
}

// CreateNamespace makes a namespace with what is declared to be in it. It returns nil and an error when nothing is there,
// a state and a notice when it is unfinished and an update goes on, a state and an error when something was refused.
func (c *Cloud) CreateNamespace(ctx context.Context, spec NamespaceSpec) (*NamespaceState, []Notice, error) {
	r, unlock, err := c.openNamespace(ctx, spec)
	if err != nil {
		return nil, nil, namespaceError("create", spec, err)
	}
	defer unlock()
	r.creating = c.Clock.Now()
	if err = r.checkFree(ctx); err == nil {
		err = r.bring(ctx)
	}
	switch {
	case err == nil:
		r.checkEnforced()
		err = r.finish(ctx)
		return r.state(NamespaceReady), r.notices, namespaceError("create", spec, err)
	case !r.made:
		return nil, r.notices, namespaceError("create", spec, err)
	case namespaceMayGoOn(ctx, err):
		return r.state(NamespaceCreating), append(r.notices, Notice{
			Summary: fmt.Sprintf("Namespace %q is not finished yet", spec.ID.Name),
			Detail: "What was made stays, and is in the state with status \"creating\". The next apply goes on from there." +
				"\n\nStopped by: " + gcp.Message(err),
		}), nil
	default:
		return r.state(NamespaceCreating), r.notices, namespaceError("create", spec, err)
	}
}

// namespaceMayGoOn tells failures after which the same change goes on when it is applied again.
func namespaceMayGoOn(ctx context.Context, err error) bool {
	kind := gcp.Classify(err)
	return ctx.Err() != nil || kind == gcp.Canceled || kind == gcp.Transient || kube.IsUnreachable(err)
}

// checkFree refuses a namespace that is there, unless it is the rest of an interrupted create of this stack. One that is
// being deleted is waited for.
func (r *namespaceRun) checkFree(ctx context.Context) error {
	live, err := r.kube.GetMetadata(ctx, r.spec.ref())
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return err
	case live.GetDeletionTimestamp() != nil:
		return r.kube.WaitNamespaceGone(ctx, r.spec.ID.Name)
	}
	_, declared := live.GetAnnotations()[names.KubeNamespace]
	adoptable := r.cloud.Stamp.MayAdopt(live.GetLabels(), live.GetAnnotations(), r.creating, r.spec.Timeout, true)
	if !declared || !r.cloud.AdoptInterrupted || !adoptable {
		return namespaceExists(r.spec, r.cloud.releasable(live))
	}
	r.made = true
	r.notices = append(r.notices, Notice{
		Summary: fmt.Sprintf("Took over the unfinished create of namespace %q", r.spec.ID.Name),
		Detail: "An earlier run of this stack began to make the namespace and was stopped before it could record it. " +
			"This run goes on from there. Set adopt_interrupted = false in the provider configuration to refuse instead.",
	})
	return nil
}

// UpdateNamespace brings a namespace to its declared state: a change, a repair, or the rest of an interrupted create. One
// that is gone is made anew.
func (c *Cloud) UpdateNamespace(ctx context.Context, spec NamespaceSpec) (*NamespaceState, []Notice, error) {
	r, unlock, err := c.openNamespace(ctx, spec)
	if err != nil {
		return nil, nil, namespaceError("update", spec, err)
	}
	defer unlock()
	live, err := r.kube.GetMetadata(ctx, spec.ref())
	switch {
	case apierrors.IsNotFound(err):
		err = nil
	case err != nil:
	case live.GetDeletionTimestamp() != nil:
		err = r.kube.WaitNamespaceGone(ctx, spec.ID.Name)
	default:
		r.creating, _ = names.CreatingSince(live.GetAnnotations())
	}
	if err == nil {
		err = r.bring(ctx)
	}
	if err == nil && !r.creating.IsZero() {
		r.creating = time.Time{}
		err = r.applyNamespace(ctx)
	}
	if err != nil {
		return nil, r.notices, namespaceError("update", spec, err)
	}
	r.checkEnforced()
	return r.state(NamespaceReady), r.notices, nil
}

// state is what was brought about.
func (r *namespaceRun) state(status string) *NamespaceState {
	return &NamespaceState{Declared: *r.spec.Declared, Recorded: true, Status: status, Objects: namespaceObjects(r.spec.ID, *r.spec.Declared)}
}

// finish takes the mark of the create off: now, or when the provider ends.
func (r *namespaceRun) finish(ctx context.Context) error {
	return r.cloud.endCreate(ctx, func(ctx context.Context) error {
		r.creating = time.Time{}
		err := r.applyNamespace(ctx)
		if apierrors.IsConflict(err) || apierrors.IsNotFound(err) { // it is gone, or another one has its name by now
			return nil
		}
		return err
	})
}

// checkEnforced tells about a cluster that takes network policies and does nothing with them.
func (r *namespaceRun) checkEnforced() {
	enforced := r.cluster.GetNetworkConfig().GetDatapathProvider() == containerpb.DatapathProvider_ADVANCED_DATAPATH ||
		r.cluster.GetNetworkPolicy().GetEnabled() || r.cluster.GetAutopilot().GetEnabled()
	if !r.spec.Declared.DefaultDeny || enforced {
		return
	}
	r.notices = append(r.notices, Notice{
		Summary: fmt.Sprintf("Cluster %q does not enforce network policies", r.spec.ID.Cluster.Name),
		Detail: fmt.Sprintf("Namespace %q has its NetworkPolicy, but the cluster has neither Dataplane V2 nor Calico, so that every connection is "+
			"still allowed. Dataplane V2 is chosen when a cluster is made (dataplane_v2 = true in twelvefactor_cluster); Calico can be switched on "+
			"later. Set default_deny = false to say that nothing is denied.", r.spec.ID.Name),
	})
}

func namespaceExists(spec NamespaceSpec, ofService bool) error {
	why := "Another state, another tool or a person may own it, so it is not taken over silently."
	if ofService {
		why = "A service or a workload identity of this stack made it for itself. So that the namespace comes first, let them refer to " +
			"it: namespace = twelvefactor_namespace.NAME.name."
	}
	return &Error{
		Summary: fmt.Sprintf("Namespace %q already exists", spec.ID.Name),
		Why:     fmt.Sprintf("%s was there before, and it is not the rest of an interrupted create of this stack. %s", spec.ID, why),
		Fix: fmt.Sprintf("Choose another name, or manage the existing namespace here by adding this block (NAME is the name of this resource "+
			"block):\n\nimport {\n  to = twelvefactor_namespace.NAME\n  id = %q\n}", spec.ID.String()),
		Attribute: []string{"name"},
	}
}

// namespaceError puts a failure into the user's words. What already is in them stays.
func namespaceError(verb string, spec NamespaceSpec, err error) error {
	var told *Error
	switch {
	case err == nil, errors.As(err, &told):
		return err
	case gcp.IsNotFound(err) && !apierrors.IsNotFound(err):
		return &Error{
			Summary: fmt.Sprintf("Cluster %q does not exist", spec.ID.Cluster.Name), Why: fmt.Sprintf("There is no %s.", spec.ID.Cluster),
			Fix: "Correct cluster, for example cluster = twelvefactor_cluster.NAME.id", Err: err, Attribute: []string{"cluster"},
		}
	default:
		return &Error{Summary: fmt.Sprintf("Cannot %s namespace %q", verb, spec.ID.Name), Fix: namespaceRemedy(err, spec), Err: err}
	}
}

func namespaceRemedy(err error, spec NamespaceSpec) string {
	if apierrors.IsForbidden(err) {
		return "The account that Terraform runs as may not do this in the cluster. The guide \"Permissions\" of this provider lists what each resource " +
			"needs there; roles/container.developer has it."
	}
	if hint := remedy(err, spec.ID.Cluster.Project); hint != "" {
		return hint
	}
	return ""
}
