package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// check has the API server judge, by dry runs side by side, every object that would be made or changed, and of each new
// pod template one pod: policies, quotas and limits about pods say nothing about a Deployment.
func (s *serviceGKE) check(ctx context.Context) ServiceVerdict {
	var refused *Error
	if errors.As(s.cloud.CheckSecretFiles(ctx, s.app), &refused) {
		return ServiceVerdict{Refusals: []*Error{refused}} // without the add-on nothing of them can be judged
	}
	k, err := s.cloud.KubeNow(ctx, s.cluster)
	if err != nil {
		return UncheckedService(s.cannotAsk(err))
	}
	verdict, there, enforced := s.checkNamespace(ctx, k)
	if !there {
		return verdict
	}
	if record, err := s.record(ctx, k); err == nil && record != nil {
		s.before, s.adopting = record, s.adopting || record.adopting
	}
	objects, err := s.checked()
	if err != nil {
		return UncheckedService(err.Error())
	}
	look := &gkeCheck{serviceGKE: s, k: k, enforced: enforced}
	verdicts := make([]ServiceVerdict, len(objects))
	var group errgroup.Group
	for i, declared := range objects {
		group.Go(func() error {
			verdicts[i] = look.object(ctx, declared)
			return nil
		})
	}
	_ = group.Wait() // the verdicts say what failed
	for _, v := range verdicts {
		verdict.plus(v)
	}
	return verdict
}

func (s *serviceGKE) cannotAsk(err error) string {
	switch {
	case gcp.IsNotFound(err), errors.Is(err, ErrClusterCreating):
		return fmt.Sprintf("cluster %q does not exist yet", s.cluster.Name)
	case errors.Is(err, ErrClusterStopping):
		return fmt.Sprintf("cluster %q is being deleted", s.cluster.Name)
	case gcp.Classify(err) == gcp.PermissionDenied:
		return fmt.Sprintf("the caller may not see cluster %q (container.clusters.get)", s.cluster.Name)
	default:
		return fmt.Sprintf("cluster %q cannot be asked (%s)", s.cluster.Name, gcp.Message(err))
	}
}

// checkNamespace tells whether objects of the namespace can be judged, and which Pod Security level it enforces. One
// that is missing is judged itself: the apply makes it.
func (s *serviceGKE) checkNamespace(ctx context.Context, k *kube.Client) (verdict ServiceVerdict, there bool, enforced string) {
	ref := kube.Ref{GVK: kube.Namespace, Name: s.id.Namespace}
	live, err := k.GetMetadata(ctx, ref)
	rest := fmt.Sprintf("everything in namespace %q", s.id.Namespace)
	switch {
	case apierrors.IsNotFound(err):
		verdict.skip("the namespace does not exist yet", rest)
		look := &gkeCheck{serviceGKE: s, k: k}
		_, _, err := k.DryRun(ctx, gke.Namespace(s.input(s.app)))
		verdict.plus(look.judge(ctx, err, ref, "", "create", "patch"))
		return verdict, false, ""
	case err == nil && live.GetDeletionTimestamp() != nil:
		verdict.skip("the namespace is being deleted", rest)
		return verdict, false, ""
	case err != nil && !apierrors.IsForbidden(err):
		return UncheckedService(s.cannotAsk(err)), false, ""
	case err == nil:
		enforced = live.GetLabels()["pod-security.kubernetes.io/enforce"]
	}
	return verdict, true, enforced
}

// checked are the objects that an apply would write: the record too, whose annotations may be too long, and the Secret
// without its values.
func (s *serviceGKE) checked() ([]*unstructured.Unstructured, error) {
	in := s.input(s.app)
	objects, err := gke.Objects(in)
	if err != nil {
		return nil, err
	}
	record, err := gke.Record(in)
	if err != nil {
		return nil, err
	}
	empty := map[string]secret.Bytes{}
	for _, use := range app.SecretUses(s.app) {
		empty[use.Key] = secret.FromString("")
	}
	held, err := gke.SecretObject(in, empty)
	if err != nil {
		return nil, err
	}
	objects = append(objects, record)
	if held != nil {
		objects = append(objects, held)
	}
	return objects, nil
}

// gkeCheck is one check in a cluster.
type gkeCheck struct {
	*serviceGKE
	k        *kube.Client
	enforced string // Pod Security level of the namespace
}

// object judges one object unless the apply would leave it as it is.
func (c *gkeCheck) object(ctx context.Context, declared *unstructured.Unstructured) (verdict ServiceVerdict) {
	ref := kube.RefOf(declared)
	process := declared.GetLabels()[names.KubeProcess]
	live, err := c.live(ctx, ref)
	switch {
	case err != nil:
		return c.judge(ctx, err, ref, process, "get")
	case live == nil:
	case !c.made(live) && !c.mayWrite(live):
		verdict.refuse(c.foreign(ref, live.GetManagedFields()))
		return verdict
	default:
		declared = c.leave(declared, live)
		if serviceContent[ref.GVK] && ref != c.recordRef() || len(kube.Diff(declared, live)) == 0 {
			return verdict
		}
	}
	applied, warnings, err := c.k.DryRun(ctx, declared)
	if verdict = c.judge(ctx, err, ref, process, "create", "patch"); err != nil || ref.GVK != kube.Deployment {
		return verdict
	}
	if !needsPods(live, applied) {
		return verdict
	}
	pods, judged := c.pod(ctx, applied, process)
	verdict.plus(pods)
	if warning := podSecurityWarning(warnings); !judged && warning != "" && c.enforced != "" && c.enforced != "privileged" {
		verdict.refuse(c.refused(podRef(ref), process, errors.New(warning)))
	}
	return verdict
}

// live is the object as it is, nil when it is not there. Of a Secret it is the metadata.
func (c *gkeCheck) live(ctx context.Context, ref kube.Ref) (*unstructured.Unstructured, error) {
	live, err := c.k.Get(ctx, ref)
	if ref.GVK == kube.Secret {
		var seen *metav1.PartialObjectMetadata
		if seen, err = c.k.GetMetadata(ctx, ref); err == nil {
			live = &unstructured.Unstructured{Object: map[string]any{}}
			live.SetGroupVersionKind(ref.GVK)
			live.SetNamespace(ref.Namespace)
			live.SetName(ref.Name)
			live.SetUID(seen.GetUID())
			live.SetLabels(seen.GetLabels())
			live.SetManagedFields(seen.GetManagedFields())
		}
	}
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return live, err
}

// needsPods tells whether a Deployment would start pods that are not there.
func needsPods(live, applied *unstructured.Unstructured) bool {
	if live == nil {
		return true
	}
	before, _, _ := unstructured.NestedMap(live.Object, "spec", "template")
	after, _, _ := unstructured.NestedMap(applied.Object, "spec", "template")
	had, _, _ := unstructured.NestedInt64(live.Object, replicasPath...)
	has, _, _ := unstructured.NestedInt64(applied.Object, replicasPath...)
	return !reflect.DeepEqual(before, after) || has > had
}

func podRef(deployment kube.Ref) kube.Ref {
	return kube.Ref{GVK: kube.Pod, Namespace: deployment.Namespace, Name: deployment.Name}
}

// pod judges a pod of a Deployment; judged is false when it could not be. A service account that the same apply makes is
// not there yet, and no pod is taken without: then the namespace's default one stands in for it.
func (c *gkeCheck) pod(ctx context.Context, deployment *unstructured.Unstructured, process string) (verdict ServiceVerdict, judged bool) {
	ref := podRef(kube.RefOf(deployment))
	pod, account := podOf(deployment)
	_, err := c.k.GetMetadata(ctx, kube.Ref{GVK: kube.ServiceAccount, Namespace: ref.Namespace, Name: account})
	standIn := apierrors.IsNotFound(err)
	if standIn {
		unstructured.RemoveNestedField(pod.Object, "spec", "serviceAccountName")
		unstructured.RemoveNestedField(pod.Object, "spec", "serviceAccount")
	}
	err = c.k.DryRunCreate(ctx, pod)
	if standIn && err != nil && strings.Contains(strings.ToLower(strings.ReplaceAll(err.Error(), " ", "")), "serviceaccount") {
		verdict.skip(fmt.Sprintf("their service account %q does not exist yet", account), podsOf(process))
		return verdict, false
	}
	verdict = c.judge(ctx, err, ref, process, "create")
	return verdict, len(verdict.unchecked) == 0
}

// podOf makes a pod of a Deployment's template, and gives its service account.
func podOf(deployment *unstructured.Unstructured) (pod *unstructured.Unstructured, account string) {
	template, _, _ := unstructured.NestedMap(deployment.Object, "spec", "template")
	pod = &unstructured.Unstructured{Object: template}
	pod.SetGroupVersionKind(kube.Pod)
	pod.SetNamespace(deployment.GetNamespace())
	pod.SetGenerateName(deployment.GetName() + "-")
	account, _, _ = unstructured.NestedString(template, "spec", "serviceAccountName")
	return pod, account
}

// podSecurityWarning finds the warning of Pod Security among those of an apply.
// Source: k8s.io/pod-security-admission/admission, "would violate PodSecurity".
func podSecurityWarning(warnings []string) string {
	at := slices.IndexFunc(warnings, func(w string) bool { return strings.Contains(w, "would violate PodSecurity") })
	if at < 0 {
		return ""
	}
	return warnings[at]
}

// judge turns the error of a dry run, or of the look before it, into a verdict.
func (c *gkeCheck) judge(ctx context.Context, err error, ref kube.Ref, process string, verbs ...string) (verdict ServiceVerdict) {
	if err == nil {
		return verdict
	}
	object := ref.GVK.Kind + " " + ref.Name
	if ref.GVK == kube.Pod {
		object = podsOf(process)
	}
	said := c.k.VerdictOn(ctx, err, ref, verbs...)
	if said == kube.Refused && slices.Equal(verbs, []string{"get"}) {
		said = kube.NoAnswer // a read judges nothing
	}
	switch said {
	case kube.NotAllowed:
		verdict.skip(fmt.Sprintf("the caller lacks %s of %s", strings.Join(verbs, " or "), kube.Resource(ref.GVK)), object)
	case kube.NotSupported:
		verdict.skip("a webhook cannot be asked without side effects ("+gcp.Message(err)+")", object)
	case kube.NotThere:
		verdict.skip("what it needs does not exist yet", object)
	case kube.NoAnswer:
		verdict.skip(c.cannotAsk(err), object)
	case kube.Refused:
		verdict.refuse(c.refused(ref, process, err))
	}
	return verdict
}

func podsOf(process string) string { return fmt.Sprintf("the pods of process %q", process) }

// refused is a refusal at the attribute that it is about.
func (c *gkeCheck) refused(ref kube.Ref, process string, err error) *Error {
	what := fmt.Sprintf("the %s of service %q", ref.GVK.Kind, c.app.Name)
	switch {
	case ref.GVK == kube.Pod:
		what = podsOf(process)
	case process != "":
		what = fmt.Sprintf("the %s of process %q", ref.GVK.Kind, process)
	case ref.GVK == kube.Namespace:
		what = fmt.Sprintf("namespace %q", ref.Name)
	}
	attribute := c.attributeOf(ref, process, err)
	return &Error{
		Summary: "The cluster would refuse " + what,
		Why: fmt.Sprintf("A dry run of %s in cluster %q was refused, so the apply would be refused too, or its pods would never start. "+
			"Nothing was changed", ref, c.cluster.Name),
		Fix: fmt.Sprintf("Change %s so that it keeps to what the message names, or have the policy, quota or limit of namespace %q changed.",
			strings.Join(attribute, "."), c.id.Namespace) + serviceLiveFix,
		Attribute: attribute, Err: err,
	}
}

// attributeFields are the attributes of a process, or of the service, that a field of a pod comes from.
var attributeFields = []struct {
	field     string
	attribute []string
	process   bool
}{
	{".image", []string{"image"}, false},
	{".resources", nil, true},
	{"livenessProbe", []string{"liveness"}, true},
	{"readinessProbe", []string{"readiness"}, true},
	{"startupProbe", []string{"startup"}, true},
	{".replicas", []string{"scale"}, true},
	{"maxReplicas", []string{"scale"}, true},
	{"minReplicas", []string{"scale"}, true},
	{"nodeSelector", []string{"gke", "capacity"}, false},
	{"tolerations", []string{"gke", "capacity"}, false},
	{"metadata.labels", []string{"labels"}, false},
	{"template.metadata.annotations", []string{"annotations"}, false},
}

// attributeOf finds the attribute by the field that the server names, else by the object.
func (c *gkeCheck) attributeOf(ref kube.Ref, process string, err error) []string {
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil {
		for _, cause := range status.Status().Details.Causes {
			if at := serviceInitAttribute(c.app, process, cause.Field); at != nil {
				return at
			}
			for _, row := range attributeFields {
				switch {
				case !strings.Contains(cause.Field, row.field):
				case row.process && process != "":
					return append([]string{"processes", process}, row.attribute...)
				case !row.process:
					return row.attribute
				}
			}
		}
	}
	switch {
	case process != "" && slices.Contains(slices.Collect(maps.Keys(c.app.Processes)), process):
		return []string{"processes", process}
	case ref.GVK == kube.Namespace:
		return namespaceAttribute
	case ref.GVK == kube.Secret:
		return []string{"secrets"}
	case ref.GVK == kube.ConfigMap && len(c.app.Config) > 0:
		return []string{"config"}
	case ref.GVK == kube.Service:
		return []string{"processes", app.Web}
	default:
		return []string{"name"}
	}
}
