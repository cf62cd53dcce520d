package deploy_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// The service carries the record, so it goes after all that the record tells of.
func TestInterruptedRunDeletionKnowsWhatIsLeft(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"WorkerPools/DeleteWorkerPool", "Services/DeleteService", "IAM/DeleteServiceAccount"} {
		w := newRunWorld(t)
		w.create()
		if err := w.fake.Inject(fakegcp.Fault{Method: method, Occurrence: 1, Code: codes.PermissionDenied}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.DeleteService(t.Context(), w.app); err == nil {
			t.Fatalf("%s: no error", method)
		}
		if method != "IAM/DeleteServiceAccount" { // by then the service is gone, and with it the record
			known, err := deploy.ParseServiceID(runService)
			if err != nil {
				t.Fatal(err)
			}
			w.app = known
		}
		w.remove()
	}
}

func TestForeignWorkerPoolIsNotDeleted(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	w.create()
	err := w.fake.UpdateWorkerPool(runWorker, func(p *runpb.WorkerPool) { delete(p.Annotations, names.KubeApp) })
	if err != nil {
		t.Fatal(err)
	}
	notices, err := w.DeleteService(t.Context(), w.app)
	if err != nil || len(notices) != 1 || !strings.Contains(notices[0].Detail, runWorker) {
		t.Errorf("notices %v, error %v", notices, err)
	}
	if left := w.left(); !slices.Contains(left, runWorker) || slices.Contains(left, runService) {
		t.Errorf("left: %q", left)
	}
}

func TestServiceOfWhichOnlyGrantsAreLeftIsStillThere(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.create()
	w.dropNamespace()
	state, notices, err := w.ReadService(t.Context(), w.app)
	if err != nil || state == nil || len(notices) > 0 || state.Status != deploy.ServiceDegraded || len(state.Drift) == 0 || state.Serves {
		t.Fatalf("%s, notices %v, error %v", shown(state), notices, err)
	}
	w.update(w.app) // in place
	w.dropNamespace()
	w.remove()
	if state, _, err := w.ReadService(t.Context(), w.app); state != nil || err != nil {
		t.Errorf("after the deletion: %s, %v", shown(state), err)
	}
}

// dropNamespace deletes the app's namespace behind the provider's back.
func (w serviceWorld) dropNamespace() {
	w.Helper()
	ref := kube.Ref{GVK: kube.Namespace, Name: w.app.GKE.Namespace}
	err := w.kube().Delete(w.Context(), ref, kube.DeleteOptions{})
	if err == nil {
		err = w.kube().WaitGone(w.Context(), ref)
	}
	if err != nil {
		w.Fatal(err)
	}
}

// Whoever made a cluster of that name again, with a service account of that name, would have the grants.
func TestGrantsOfAServiceWhoseClusterIsGoneAreTakenBack(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	gone := serviceCluster
	gone.Name = "never-made-" + randomHex(t)
	w.app.GKE = &app.GKE{Cluster: gone.String(), Namespace: w.app.Name}
	number, err := w.GCP.Projects().Number(t.Context(), gone.Project)
	if err != nil {
		t.Fatal(err)
	}
	policy := gcp.PolicyRef{Kind: gcp.SecretPolicy, Name: "projects/acme-dev/secrets/" + w.app.Name + "-key"}
	member := names.PrincipalDirect(number, gone.Project, w.app.Name, names.KubeServiceAccount(w.app.Name))
	grant := gcp.Grant{Role: "roles/secretmanager.secretAccessor", Member: member}
	if err := w.GCP.Policies().Add(t.Context(), policy, []gcp.Grant{grant}); err != nil {
		t.Fatal(err)
	}
	state, notices, err := w.ReadService(t.Context(), w.app)
	if err != nil || state == nil || state.Status != deploy.ServiceDegraded || len(notices) != 1 || !strings.Contains(notices[0].Detail, "taken back") {
		t.Errorf("%s, notices %v, error %v", shown(state), notices, err)
	}
	w.remove()
	if state, notices, err := w.ReadService(t.Context(), w.app); err != nil || state != nil || len(notices) != 1 {
		t.Errorf("after the deletion: %s, notices %v, error %v", shown(state), notices, err)
	}
}

// Were the record deleted before the namespace, a run that ends in between would leave the namespace for ever. A
// finalizer of the record keeps the moment.
func TestKilledGKEDeletionLeavesNoNamespace(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.create()
	hold := func(finalizers ...any) {
		record := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"finalizers": finalizers}}}
		record.SetGroupVersionKind(kube.ConfigMap)
		record.SetNamespace(w.app.GKE.Namespace)
		record.SetName(names.Record(w.app.Name))
		if _, _, err := w.kube().Apply(t.Context(), record, kube.ApplyOptions{FieldManager: "somebody"}); err != nil {
			t.Fatal(err)
		}
	}
	hold("example.com/hold")
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	ended := make(chan error, 1)
	go func() {
		_, err := w.DeleteService(ctx, w.app)
		ended <- err
	}()
	wait, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	namespace := kube.Ref{GVK: kube.Namespace, Name: w.app.GKE.Namespace}
	err := w.GCP.Poll(wait, "the deletion of the namespace", func(ctx context.Context) (bool, error) {
		live, err := w.kube().GetMetadata(ctx, namespace)
		return err == nil && live.GetDeletionTimestamp() != nil, err
	})
	if err != nil {
		t.Errorf("the namespace is not being deleted while the record is there: %v", err)
	}
	kill()
	if err := <-ended; err == nil {
		t.Error("the deletion ended although the record is held")
	}
	hold()
	if err := w.kube().WaitGone(wait, namespace); err != nil {
		t.Error(err)
	}
	w.remove()
}
