package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
)

// read compares what was applied last with what is live.
func (s *serviceGKE) read(ctx context.Context) (*ServiceState, []Notice, error) {
	k, err := s.cloud.KubeNow(ctx, s.cluster)
	switch {
	case gcp.IsNotFound(err), errors.Is(err, ErrClusterStopping):
		return s.withoutCluster(ctx)
	case kubeUnusable(err):
		return s.unreachable(err)
	case err != nil:
		return nil, nil, err
	}
	var state *ServiceState
	var notices []Notice
	unseen, err := kubeLook(ctx, func(ctx context.Context) (err error) {
		state, notices, err = s.readWith(ctx, k)
		return err
	})
	if unseen {
		return s.unreachable(err)
	}
	return state, notices, err
}

func (s *serviceGKE) readWith(ctx context.Context, k *kube.Client) (*ServiceState, []Notice, error) {
	record, err := s.record(ctx, k)
	if err != nil {
		return nil, nil, err
	}
	in := s.input(s.app)
	if record != nil {
		in = s.input(record.app)
	}
	if len(in.App.Processes) == 0 {
		state, err := s.unrecorded(ctx, k) // an import: only name and place are known
		return state, nil, err
	}
	if err := s.lookIdentity(ctx, k, in.App); err != nil {
		return nil, nil, err
	}
	look := &serviceLook{k: k, record: record}
	if err := look.at(ctx, in); err != nil {
		return nil, nil, err
	}
	if record == nil && look.found == 0 {
		state, err := s.leftovers(ctx, look)
		return state, nil, err
	}
	state := s.state(look.fileTexts(in.App), look)
	state.Recorded, state.Status, state.Serves = record != nil, look.status(record, s.ending), look.serves(in.App)
	if record == nil {
		state.Drift = append(state.Drift, serviceMissing(s.recordRef())...)
	} else {
		state.Drift = slices.Concat(state.Drift, s.recordDrift(record, in), s.rendererDrift(record))
		state.Objects = append(state.Objects, s.objectName(s.recordRef()))
	}
	notices := slices.Concat(look.notices, rendererNotice(in.App, record.otherRenderer()))
	return state, notices, s.readGrants(ctx, state)
}

// state is what a look tells about an app.
func (s *serviceGKE) state(a app.App, look *serviceLook) *ServiceState {
	return &ServiceState{
		ID: s.id.String(), App: a, ReleaseID: app.ReleaseID(a), URL: s.url(a), Status: ServiceDegraded,
		Drift: look.drift(), Objects: s.objects(look.objects), ImageDigest: look.digest,
	}
}

// recordDrift compares the record's labels, which carry the stamp. What stands in it is what everything else is
// compared with.
func (s *serviceGKE) recordDrift(record *serviceRecord, in gke.Input) []string {
	declared, err := gke.Record(in)
	if err != nil {
		return nil
	}
	compared := &unstructured.Unstructured{Object: map[string]any{}}
	compared.SetLabels(declared.GetLabels())
	return serviceChanges(s.recordRef(), kube.Diff(compared, record.object))
}

func (s *serviceGKE) readGrants(ctx context.Context, state *ServiceState) error {
	secrets := serviceSecrets(state.App)
	if len(secrets) == 0 {
		return nil
	}
	member, err := s.member(ctx, serviceIdentity(state.App))
	if err != nil {
		return err
	}
	seen, err := s.cloud.serviceGrantsSeen(ctx, member, secrets)
	state.Drift = append(state.Drift, serviceGrantDrift(member, secrets, seen)...)
	state.Objects = append(state.Objects, serviceGrantObjects(member, secrets)...)
	return err
}

// url is where other pods of the cluster reach web.
func (s *serviceGKE) url(a app.App) string {
	if _, web := a.Processes[app.Web]; !web {
		return ""
	}
	return fmt.Sprintf("http://%s.%s.svc.cluster.local", names.KubeServiceName(a.Name), s.id.Namespace)
}

func (s *serviceGKE) objects(refs []kube.Ref) []string {
	all := []string{}
	for _, ref := range refs {
		all = append(all, s.objectName(ref))
	}
	return all
}

func (s *serviceGKE) objectName(ref kube.Ref) string {
	return fmt.Sprintf("%s/namespaces/%s/%s/%s", s.cluster, ref.Namespace, ref.GVK.Kind, ref.Name)
}

// serviceLook is one look at the objects of a service, side by side.
type serviceLook struct {
	k       *kube.Client
	objects []kube.Ref
	live    []*unstructured.Unstructured
	changes [][]string
	found   int
	files   string         // name of the ConfigMap of config files, which is compared by hashes
	record  *serviceRecord // nil when there is none
	ignored app.Ignores
	// rolling are the Deployments that another tool is just changing and that serve meanwhile.
	rolling []kube.Ref
	digest  string
	notices []Notice
}

// refer lists the objects of a service, of which all but the last, the Secret, are rendered.
func (l *serviceLook) refer(in gke.Input) (declared []*unstructured.Unstructured, err error) {
	declared, err = gke.Objects(in)
	if err != nil {
		return nil, err
	}
	l.files = gke.FilesMapName(in.App)
	declared, l.ignored = l.record.compareWith(declared), in.App.Ignored()
	for _, object := range declared {
		l.objects = append(l.objects, kube.RefOf(object))
	}
	if name := gke.SecretName(in.App); name != "" {
		l.objects = append(l.objects, kube.Ref{GVK: kube.Secret, Namespace: in.App.GKE.Namespace, Name: name})
	}
	return declared, nil
}

func (l *serviceLook) at(ctx context.Context, in gke.Input) error {
	declared, err := l.refer(in)
	if err != nil {
		return err
	}
	l.live, l.changes = make([]*unstructured.Unstructured, len(l.objects)), make([][]string, len(l.objects))
	look := ctx
	group, ctx := errgroup.WithContext(ctx)
	for i, ref := range l.objects {
		group.Go(func() (err error) {
			if ref.GVK == kube.Secret {
				l.changes[i], err = l.secret(ctx, ref)
				return err
			}
			l.live[i], l.changes[i], err = l.object(ctx, ref, declared[i])
			return err
		})
	}
	if err = group.Wait(); err == nil {
		err = l.others(look, in.App)
	}
	for _, live := range l.live {
		if live != nil {
			l.found++
		}
	}
	return err
}

func (l *serviceLook) object(ctx context.Context, ref kube.Ref, declared *unstructured.Unstructured) (*unstructured.Unstructured, []string, error) {
	live, err := l.k.Get(ctx, ref)
	if apierrors.IsNotFound(err) || err == nil && live.GetDeletionTimestamp() != nil { // about to be gone
		return nil, serviceMissing(ref), nil
	}
	if ref.GVK == kube.SecretProviderClass && apierrors.IsForbidden(err) {
		return nil, nil, nil // the cluster role view does not have the add-on's kind, and who may not look is not told
	}
	if err != nil {
		return nil, nil, err
	}
	before, now := declared, live
	if ref.GVK == kube.ConfigMap && ref.Name == l.files {
		before, now = gke.FileHashes(declared), gke.FileHashes(live)
	}
	changes := slices.DeleteFunc(kube.Diff(before, now), func(c kube.Change) bool { return l.ignored.Cover(ref.String(), c.Path) })
	return live, serviceChanges(ref, changes), nil
}

// secret looks at the metadata only: the Secret is immutable and named by its versions. Whoever may not even do that
// is not told about it.
func (l *serviceLook) secret(ctx context.Context, ref kube.Ref) ([]string, error) {
	live, err := l.k.GetMetadata(ctx, ref)
	switch {
	case apierrors.IsNotFound(err), err == nil && live.GetDeletionTimestamp() != nil:
		return serviceMissing(ref), nil
	case apierrors.IsForbidden(err):
		return nil, nil
	default:
		return nil, err
	}
}

func (l *serviceLook) drift() []string { return slices.Concat(l.changes...) }

// status judges by what serves: an autoscaler that is just adding a pod, or a node that was just preempted, is no
// reason for an apply. Of a finished release that is as declared, and has no pod that answers, only Kubernetes can make a
// better one.
func (l *serviceLook) status(record *serviceRecord, ending bool) string {
	switch {
	case record == nil:
		return ServiceDegraded
	case ending: // the marks that are still there are about to go
	case !record.creating.IsZero():
		return ServiceCreating
	case record.unfinished:
		return ServiceDegraded
	}
	for i, ref := range l.objects {
		if ref.GVK == kube.Deployment && (l.live[i] == nil || !kube.Serving(l.live[i])) && !slices.Contains(l.rolling, ref) {
			return l.outage()
		}
	}
	return ServiceReady
}

// outage is the status of a finished service that does not serve.
func (l *serviceLook) outage() string {
	for i, ref := range l.objects {
		if ref.GVK == kube.Deployment && (l.live[i] == nil || len(l.changes[i]) > 0 || kube.Rolling(l.live[i])) {
			return ServiceDegraded
		}
	}
	return ServiceUnavailable
}

// serves tells whether requests are answered: web has pods that are available, of whatever release. Without a web every
// process has to have some.
func (l *serviceLook) serves(a app.App) bool {
	_, web := a.Processes[app.Web]
	served := false
	for i, ref := range l.objects {
		if ref.GVK != kube.Deployment || web && ref.Name != names.Deployment(a.Name, app.Web) {
			continue
		}
		if l.live[i] == nil {
			return false
		}
		if n, _, _ := unstructured.NestedInt64(l.live[i].Object, "status", "availableReplicas"); n == 0 {
			return false
		}
		served = true
	}
	return served
}

func serviceMissing(ref kube.Ref) []string {
	return []string{ref.String() + ": present -> " + kube.Missing}
}

func serviceChanges(ref kube.Ref, changes []kube.Change) []string {
	var all []string
	for _, change := range changes {
		all = append(all, ref.String()+" "+change.String())
	}
	return all
}
