package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// serviceGKE is one service in a cluster. What was applied stands in one ConfigMap, the record; everything else
// carries the label names.KubeService with the service's name.
type serviceGKE struct {
	cloud   *Cloud
	app     app.App // defaults filled
	cluster names.ClusterID
	id      names.KubeServiceID
	// creating is the time of the mark that an unfinished create carries, zero for a finished one.
	creating time.Time
	// ending tells that this run's create has done everything but taking its marks off.
	ending bool
	// fresh tells that this run is a create.
	fresh bool
	// retired is what earlier releases had and this one does not.
	retired serviceRetired
	// before is the record of the release before, nil when there is none.
	before *serviceRecord
	// applies are the UIDs of what this run has applied, by name.
	applies map[string]string
	// values are those of the secrets, by environment name, once checkSecrets has read them.
	values map[string]secret.Bytes
	// adopting tells that what another tool made under this name is taken over.
	adopting bool
	// beside are the Deployments of others that an adoption has left without requests.
	beside []string
	// secretGoing tells that the Kubernetes Secret with these values is being deleted.
	secretGoing bool
	// google are the Google service accounts that given identities impersonate, by Kubernetes service account.
	google map[string]string
	// filesChecked tells that this run has found that the secret files can be mounted.
	filesChecked bool
}

func (c *Cloud) serviceOnGKE(a app.App) (*serviceGKE, error) {
	cluster, err := names.ParseClusterID(a.GKE.Cluster)
	if err != nil {
		return nil, err
	}
	id := names.KubeServiceID{Cluster: cluster, Namespace: a.GKE.Namespace, Name: a.Name}
	return &serviceGKE{cloud: c, app: a, cluster: cluster, id: id}, nil
}

func (s *serviceGKE) input(a app.App) gke.Input {
	return gke.Input{App: a, Stamp: s.cloud.Stamp, OwnKSA: a.Identity == "", Creating: s.creating}
}

func (s *serviceGKE) ref(gvk kindOf, name string) kube.Ref {
	return kube.Ref{GVK: gvk, Namespace: s.id.Namespace, Name: name}
}

func (s *serviceGKE) recordRef() kube.Ref { return s.ref(kube.ConfigMap, names.Record(s.app.Name)) }

// member is the principal of a Kubernetes service account of the namespace: its own, or the Google service account that it
// impersonates.
func (s *serviceGKE) member(ctx context.Context, identity string) (string, error) {
	if email := s.google[identity]; email != "" {
		return names.ServiceAccountName{Email: email}.Member(), nil
	}
	number, err := s.cloud.GCP.Projects().Number(ctx, s.cluster.Project)
	if err != nil {
		return "", &Error{Summary: fmt.Sprintf("Cannot read project %q", s.cluster.Project), Attribute: []string{"gke", "cluster"}, Err: err}
	}
	return names.PrincipalDirect(number, s.cluster.Project, s.id.Namespace, identity), nil
}

// connect waits for a cluster that is still being created.
func (s *serviceGKE) connect(ctx context.Context) (*kube.Client, error) {
	k, err := s.cloud.Kube(ctx, s.cluster)
	if gcp.IsNotFound(err) {
		return nil, &Error{
			Summary: fmt.Sprintf("Cluster %q does not exist", s.cluster.Name),
			Why:     fmt.Sprintf("There is no %s.", s.cluster),
			Fix:     "Correct gke.cluster, for example cluster = twelvefactor_cluster.NAME.id",
			Err:     err, Attribute: []string{"gke", "cluster"},
		}
	}
	if errors.Is(err, ErrClusterStopping) {
		return nil, &Error{
			Summary:   fmt.Sprintf("Cluster %q is being deleted", s.cluster.Name),
			Why:       fmt.Sprintf("%s goes away with everything in it, so nothing can be brought up there.", s.cluster),
			Fix:       "Wait until it is gone and apply what makes it anew, or name another cluster in gke.cluster",
			Err:       err,
			Attribute: []string{"gke", "cluster"},
		}
	}
	return k, err
}

// serviceRecord is what the record ConfigMap says.
type serviceRecord struct {
	object *unstructured.Unstructured
	app    app.App
	// rendered are the objects that were applied, nil when the record does not tell, and revision is the renderer's.
	rendered []*unstructured.Unstructured
	revision int
	// retired is what an unfinished update has still to take away; unfinished tells that there is such an update.
	retired    serviceRetired
	unfinished bool
	// creating is the time of the creating mark, zero when the create is finished.
	creating time.Time
	// adopting tells that an adoption is unfinished.
	adopting bool
}

// record reads the record, nil when there is none.
func (s *serviceGKE) record(ctx context.Context, k *kube.Client) (*serviceRecord, error) {
	live, err := k.Get(ctx, s.recordRef())
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if live.GetLabels()[names.KubeManagedBy] != names.ManagedBy {
		return nil, serviceExists(s.app, s.id.String(), s.recordRef().String())
	}
	r := &serviceRecord{object: live}
	r.rendered, r.revision = gke.RecordedRendering(live)
	r.creating, _ = names.CreatingSince(live.GetAnnotations())
	_, r.adopting = live.GetAnnotations()[serviceAdoptingAnnotation]
	if r.app, err = gke.Recorded(live); err == nil {
		r.retired, r.unfinished, err = serviceRetiredOf(live.GetAnnotations())
	}
	if err != nil {
		return nil, &Error{
			Summary: fmt.Sprintf("The record of service %q cannot be read", s.app.Name),
			Why:     s.recordRef().String() + " says what was applied last. It was changed by something else than this provider.",
			Fix:     "Restore its annotations from a backup, or delete the ConfigMap and apply: the service is then brought to its declared state.",
			Err:     err,
		}
	}
	if id, err := ServiceID(r.app); err != nil || id != s.id.String() {
		return nil, serviceExists(s.app, s.id.String(), s.recordRef().String()+", the record of "+names.Quote(id)+",")
	}
	serviceDecoded(r.app)
	return r, nil
}

// serviceDecoded says of a recorded app that its bounds were set, because a record has all defaults filled.
func serviceDecoded(a app.App) {
	for name, p := range a.Processes {
		p.Scale.MinSet = true
		a.Processes[name] = p
	}
}

// writeRecord records the declared app. An unfinished change says so in it.
func (s *serviceGKE) writeRecord(ctx context.Context, k *kube.Client, unfinished bool) error {
	declared, err := gke.Record(s.input(s.app))
	if err != nil {
		return err
	}
	if unfinished {
		encoded, err := s.retired.encode()
		if err != nil {
			return err
		}
		annotations := maps.Clone(declared.GetAnnotations())
		annotations[serviceRetiredAnnotation] = encoded
		if s.adopting {
			annotations[serviceAdoptingAnnotation] = "true"
		}
		declared.SetAnnotations(annotations)
	}
	if err := s.setUIDs(declared); err != nil {
		return err
	}
	_, _, err = k.Apply(ctx, declared, kube.ApplyOptions{Force: true})
	return err
}

// begin looks at everything that the create would write, and refuses to overwrite what is not the rest of an
// interrupted create of this stack. Its mark is the record.
func (s *serviceGKE) begin(ctx context.Context, timeout time.Duration) ([]Notice, error) {
	k, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.checkFiles(ctx, k); err != nil {
		return nil, err
	}
	found, err := s.record(ctx, k)
	if err != nil {
		return nil, err
	}
	s.creating, s.fresh = s.cloud.Clock.Now(), true
	var notices []Notice
	if found != nil {
		labels, marks := found.object.GetLabels(), found.object.GetAnnotations()
		if !s.cloud.AdoptInterrupted || !s.cloud.Stamp.MayAdopt(labels, marks, s.creating, timeout, true) {
			return nil, serviceExists(s.app, s.id.String(), s.recordRef().String())
		}
		notices = append(notices, serviceAdopted(s.app))
		s.retired = found.retired.plus(found.app, s.app)
	} else if err := s.checkFree(ctx, k); err != nil {
		return nil, err
	}
	if err := s.checkSecrets(ctx, k); err != nil {
		return nil, err
	}
	return notices, s.cloud.WithNamespace(ctx, s.cluster, s.id.Namespace, func(ctx context.Context, k *kube.Client) error {
		return s.writeRecord(ctx, k, true)
	})
}

// checkFree refuses to write over an object that does not belong to a service of this name.
func (s *serviceGKE) checkFree(ctx context.Context, k *kube.Client) error {
	objects, err := gke.Objects(s.input(s.app))
	if err != nil {
		return err
	}
	for _, declared := range objects {
		live, err := k.GetMetadata(ctx, kube.RefOf(declared))
		switch {
		case apierrors.IsNotFound(err):
			continue
		case err != nil:
			return err
		}
		if !s.owns(live.GetLabels()) {
			return s.foreign(kube.RefOf(declared), live.GetManagedFields())
		}
	}
	return nil
}

// owns tells whether an object belongs to this service: names in a namespace are unique, so it does not matter which
// stack made it.
func (s *serviceGKE) owns(labels map[string]string) bool {
	return labels[names.KubeManagedBy] == names.ManagedBy && labels[names.KubeService] == s.app.Name
}
