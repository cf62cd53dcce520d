package deploy_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

func filesOf(texts ...string) map[string]app.FileText {
	files := map[string]app.FileText{}
	for i := 0; i < len(texts); i += 2 {
		files[texts[i]] = app.NewFileText(texts[i+1])
	}
	return files
}

// named lists this service's objects of a kind.
func (w serviceWorld) named(gvk schema.GroupVersionKind) []string {
	w.Helper()
	found, err := w.kube().ListMetadata(w.Context(), gvk, w.app.GKE.Namespace, names.KubeService+"="+w.app.Name)
	if err != nil {
		w.Fatal(err)
	}
	var all []string
	for _, object := range found {
		all = append(all, object.GetName())
	}
	return all
}

// A changed file is another release; what the release before refers to stays for as long as Kubernetes keeps that.
func TestGKEFiles(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.app.ConfigFiles = filesOf("/etc/shop/app.conf", "level = info\n", "/etc/shop/empty", "")
	w.app.SecretFiles = map[string]string{"/etc/shop/key": w.secret(w.app.Name+"-file", "\x00\xffraw")}
	made := w.create()
	first, firstClass := w.named(kube.ConfigMap), w.named(kube.SecretProviderClass)
	changed := w.app
	changed.ConfigFiles = filesOf("/etc/shop/app.conf", "level = debug\n")
	changed.SecretFiles = map[string]string{"/etc/shop/key": w.secret(w.app.Name+"-file", "\x00\xfenext")}
	state := w.update(changed)
	if state.ReleaseID == made.ReleaseID {
		t.Error("another file is the same release")
	}
	for _, name := range append(first, firstClass...) {
		if !slices.Contains(append(w.named(kube.ConfigMap), w.named(kube.SecretProviderClass)...), name) {
			t.Errorf("%s is gone, and a ReplicaSet refers to it", name)
		}
	}
	read := w.read()
	if text, known := read.App.ConfigFiles["/etc/shop/app.conf"].Text(); !known || text != "level = debug\n" {
		t.Errorf("an import reads %q, %t", text, known)
	}
	w.app = changed
	w.app.ConfigFiles, w.app.SecretFiles = nil, nil
	w.update(w.app)
	if member := "/subject/ns/" + w.app.GKE.Namespace; slices.ContainsFunc(w.left(), func(name string) bool { return strings.Contains(name, member) }) {
		t.Errorf("left: %q", w.left())
	}
	w.remove()
}

// After more releases than Kubernetes keeps, the objects of the first are pruned.
func TestGKEFilesOfReleasesBeyondTheHistoryArePruned(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.app.Processes = map[string]app.Process{"worker": {Command: []string{"/app"}, Scale: app.Scale{Min: 1, Max: 1}}}
	w.app.Config, w.app.Secrets = nil, nil
	w.app.ConfigFiles = filesOf("/etc/shop/a", "0")
	w.create()
	first := names.ConfigFiles(w.app.Name, app.FilesHash(w.app))
	for _, text := range []string{"1", "2", "3", "4", "5", "6", "7"} {
		w.app.ConfigFiles = filesOf("/etc/shop/a", text)
		w.update(w.app)
	}
	if maps := w.named(kube.ConfigMap); slices.Contains(maps, first) || len(maps) < 6 || len(maps) > 8 {
		t.Errorf("ConfigMaps %q, want those of the last releases and the record, not %s", maps, first)
	}
	w.remove()
}

func TestGKEFilesDrift(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.app.ConfigFiles = filesOf("/etc/shop/app.conf", "level = info\n")
	w.app.SecretFiles = map[string]string{"/etc/shop/key": w.secret(w.app.Name+"-file", "canary-4711")}
	w.create()
	files := w.ref(kube.ConfigMap, names.ConfigFiles(w.app.Name, app.FilesHash(w.app)))
	class := w.ref(kube.SecretProviderClass, names.SecretFiles(w.app.Name, app.SecretFilesHash(w.app)))
	replace := func(ref kube.Ref, edit func(*unstructured.Unstructured)) {
		live := w.live(ref)
		if err := w.kube().Delete(t.Context(), ref, kube.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if edit == nil {
			return
		}
		edit(live)
		live.SetResourceVersion("")
		live.SetUID("")
		live.SetManagedFields(nil)
		if _, _, err := w.kube().Apply(t.Context(), live, kube.ApplyOptions{FieldManager: "somebody", Force: true}); err != nil {
			t.Fatal(err)
		}
	}
	for want, edit := range map[string]func(){
		class.String() + ": present -> (missing)": func() { replace(class, nil) },
		class.String() + " spec.parameters.secrets": func() {
			replace(class, func(o *unstructured.Unstructured) {
				_ = unstructured.SetNestedField(o.Object, "[]", "spec", "parameters", "secrets")
			})
		},
		files.String() + ": present -> (missing)": func() { replace(files, nil) },
		files.String() + " data[" + names.FileKey("/etc/shop/app.conf") + "]: sha256:": func() {
			replace(files, func(o *unstructured.Unstructured) {
				_ = unstructured.SetNestedField(o.Object, "level = secret", "data", names.FileKey("/etc/shop/app.conf"))
			})
		},
	} {
		edit()
		drift := w.read().Drift
		if !slices.ContainsFunc(drift, func(d string) bool { return strings.HasPrefix(d, want) }) || strings.Contains(strings.Join(drift, " "), "level") {
			t.Errorf("drift %q, want %s", drift, want)
		}
		w.update(w.app)
	}
	w.remove()
}

func TestSecretFilesNeedTheAddOn(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	id := names.ClusterID{Project: "acme-dev", Location: "asia-northeast1", Name: "plain-" + randomHex(t)[:4]}
	op, err := w.GCP.Clusters().Create(t.Context(), id.Parent(), &containerpb.Cluster{
		Name: id.Name, NodePools: []*containerpb.NodePool{{Name: "base", InitialNodeCount: 1}},
	})
	if err == nil {
		err = w.GCP.Clusters().WaitOperation(t.Context(), id.Parent(), op)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.fake.Remove(id.String()) })
	w.app.GKE = &app.GKE{Cluster: id.String(), Namespace: "shop"}
	if err := w.CheckSecretFiles(t.Context(), w.app); err != nil {
		t.Errorf("an app without secret files: %v", err)
	}
	w.app.SecretFiles = map[string]string{"/etc/shop/key": w.app.Secrets["KEY"]}
	state, _, err := w.CreateService(t.Context(), w.spec(w.app))
	var told *deploy.Error
	if state != nil || !errors.As(err, &told) || !strings.Contains(told.Fix, "secret_manager_csi = true") || !slices.Equal(told.Attribute, []string{"secret_files"}) {
		t.Errorf("state %s, error %v", shown(state), err)
	}
	if err := w.CheckSecretFiles(t.Context(), w.app); !errors.As(err, &told) {
		t.Errorf("what a plan finds: %v", err)
	}
	w.app.GKE.Cluster = "projects/acme-dev/locations/asia-northeast1/clusters/not-there"
	if err := w.CheckSecretFiles(t.Context(), w.app); err != nil {
		t.Errorf("a cluster that is not there yet: %v", err)
	}
}

func TestSecretFileVersionThatIsNotThere(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]serviceWorld{"GKE": newGKEWorld(t), "Cloud Run": newRunWorld(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.T = t
			version := strings.Replace(w.app.Secrets["KEY"], "/versions/1", "/versions/7", 1)
			w.app.SecretFiles = map[string]string{"/etc/shop/key": version}
			state, _, err := w.CreateService(t.Context(), w.spec(w.app))
			var told *deploy.Error
			if state != nil || !errors.As(err, &told) || !slices.Equal(told.Attribute, []string{"secret_files", "/etc/shop/key"}) {
				t.Errorf("state %s, error %v", shown(state), err)
			}
			if left := w.left(); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
		})
	}
}

// A pod that may not read its file yet is waited for, and the permission that comes late lets it start.
func TestSecretFileThatIsDeniedForAWhile(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	account, err := w.GCP.ServiceAccounts().Create(t.Context(), "acme-dev", w.app.Name, &adminpb.ServiceAccount{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.GCP.ServiceAccounts().Delete(context.Background(), account.GetName()) })
	w.identity("runner", account.GetEmail())
	w.app.Identity = "runner"
	w.app.SecretFiles = map[string]string{"/etc/shop/key": w.secret(w.app.Name+"-file", "late")}
	granted := make(chan error, 1)
	go func() {
		err := w.waitFor(func() bool { return len(w.failedMounts()) > 0 })
		granted <- errors.Join(err, w.GCP.Policies().Add(t.Context(), gcp.PolicyRef{Kind: gcp.ServiceAccountPolicy, Name: account.GetName()}, []gcp.Grant{{
			Role: "roles/iam.workloadIdentityUser", Member: names.WorkloadIdentityMember("acme-dev", w.app.GKE.Namespace, "runner"),
		}}))
	}()
	w.create()
	if err := <-granted; err != nil {
		t.Error(err)
	}
	if notices, err := w.DeleteService(t.Context(), w.app); err != nil || len(notices) == 0 {
		t.Errorf("delete: notices %v, error %v", notices, err)
	}
}

// identity makes a Kubernetes service account that impersonates a Google one.
func (w serviceWorld) identity(name, email string) {
	w.Helper()
	namespace := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": w.app.GKE.Namespace}}}
	account := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{
		"name": name, "namespace": w.app.GKE.Namespace, "annotations": map[string]any{"iam.gke.io/gcp-service-account": email},
	}}}
	for _, object := range []*unstructured.Unstructured{namespace, account} {
		if _, _, err := w.kube().Apply(w.Context(), object, kube.ApplyOptions{FieldManager: "somebody"}); err != nil {
			w.Fatal(err)
		}
	}
	k := w.kube()
	w.Cleanup(func() { _ = k.Delete(context.Background(), kube.RefOf(namespace), kube.DeleteOptions{}) })
}

func (w serviceWorld) failedMounts() []string {
	events, err := w.kube().List(w.Context(), kube.Event, w.app.GKE.Namespace, "")
	if err != nil {
		return nil
	}
	var all []string
	for _, event := range events {
		if reason, _, _ := unstructured.NestedString(event.Object, "reason"); reason == kube.FailedMount {
			message, _, _ := unstructured.NestedString(event.Object, "message")
			all = append(all, message)
		}
	}
	return all
}

func (w serviceWorld) waitFor(holds func() bool) error {
	ctx, cancel := context.WithTimeout(w.Context(), 30*time.Second)
	defer cancel()
	return w.GCP.Poll(ctx, "what a test waits for", func(context.Context) (bool, error) { return holds(), nil })
}
