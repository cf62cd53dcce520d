package deploy_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// regional makes a regional secret with one version.
func (w serviceWorld) regional(name, value string) names.SecretVersionID {
	w.Helper()
	id := names.SecretID{Project: "acme-dev", Location: "asia-northeast1", Name: name}
	if _, err := w.GCP.Secrets().Create(w.Context(), id.String(), &secretmanagerpb.Secret{}); err != nil {
		w.Fatal(err)
	}
	if _, err := w.GCP.SecretVersions().Add(w.Context(), id.String(), secret.FromString(value)); err != nil {
		w.Fatal(err)
	}
	return id.Version("1")
}

func (w serviceWorld) readers(secret names.SecretID) []string {
	w.Helper()
	ref := gcp.PolicyRef{Kind: gcp.SecretPolicy, Name: secret.String()}
	members, err := w.GCP.Policies().Members(w.Context(), ref, "roles/secretmanager.secretAccessor")
	if err != nil {
		w.Fatal(err)
	}
	return members
}

// TestGKEServiceTakesRegionalSecrets has a regional and a global secret of one name in one app.
func TestGKEServiceTakesRegionalSecrets(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	global, err := names.ParseSecretVersionID(w.app.Secrets["KEY"])
	if err != nil {
		t.Fatal(err)
	}
	regional := w.regional(global.Secret, "kept in one region")
	w.app.Secrets = map[string]string{"KEY": global.String(), "REGIONAL": regional.String()}
	made := w.create()
	if len(w.readers(regional.SecretID())) != 1 || len(w.readers(global.SecretID())) != 1 {
		t.Errorf("readers: %q, %q", w.readers(regional.SecretID()), w.readers(global.SecretID()))
	}
	if !slices.ContainsFunc(made.Objects, func(o string) bool { return strings.HasPrefix(o, regional.SecretID().String()+" ") }) {
		t.Errorf("the grant on the regional secret is not among %q", made.Objects)
	}
	if got := w.environment(t)["REGIONAL"]; got != "kept in one region" {
		t.Errorf("pods get %d bytes", len(got))
	}
	if err := w.GCP.Policies().Remove(t.Context(), gcp.PolicyRef{Kind: gcp.SecretPolicy, Name: regional.SecretID().String()},
		[]gcp.Grant{{Role: "roles/secretmanager.secretAccessor", Member: w.readers(regional.SecretID())[0]}}); err != nil {
		t.Fatal(err)
	}
	if read := w.read(); len(read.Drift) != 1 || !strings.Contains(read.Drift[0], regional.SecretID().String()) {
		t.Errorf("without the grant the drift is %q", read.Drift)
	}
	w.update(w.app)
	changed := w.app
	changed.Secrets = map[string]string{"KEY": global.String()}
	w.update(changed)
	if len(w.readers(regional.SecretID())) != 0 || len(w.readers(global.SecretID())) != 1 {
		t.Errorf("after the update the readers are %q, %q", w.readers(regional.SecretID()), w.readers(global.SecretID()))
	}
	w.app = changed
	w.remove()
}

// environment is what the Kubernetes Secrets of the service hold.
func (w serviceWorld) environment(t *testing.T) map[string]string {
	t.Helper()
	found, err := w.kube().ListMetadata(t.Context(), kube.Secret, w.app.GKE.Namespace, "")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, object := range found {
		data, _, err := unstructured.NestedStringMap(w.live(w.ref(kube.Secret, object.GetName())).Object, "data")
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range data {
			plain, err := base64.StdEncoding.DecodeString(value)
			if err != nil {
				t.Fatal(err)
			}
			all[name] = string(plain)
		}
	}
	return all
}

// TestRunServiceRefusesRegionalSecretsBeforeItChangesAnything covers an app that no rule has looked at.
func TestRunServiceRefusesRegionalSecretsBeforeItChangesAnything(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	regional := w.regional("regional", "x")
	global := w.app.Secrets
	mutations := countMutations(w.fake.Journal())
	refused := w.app
	refused.Secrets = map[string]string{"KEY": global["KEY"], "REGIONAL": regional.String()}
	state, _, err := w.CreateService(t.Context(), w.spec(refused))
	checkRegionalRefused(t, err)
	if state != nil || countMutations(w.fake.Journal()) != mutations {
		t.Errorf("state %s, %d writes", shown(state), countMutations(w.fake.Journal())-mutations)
	}
	w.create()
	mutations = countMutations(w.fake.Journal())
	_, _, err = w.UpdateService(t.Context(), w.spec(refused))
	checkRegionalRefused(t, err)
	if now := countMutations(w.fake.Journal()); now != mutations {
		t.Errorf("the refused update made %d writes", now-mutations)
	}
	if read := w.read(); read.Status != deploy.ServiceReady || read.App.Secrets["REGIONAL"] != "" {
		t.Errorf("after the refusal: %s", shown(read))
	}
	// What a state says of a service that was made otherwise is still read and deleted.
	if _, _, err := w.ReadService(t.Context(), refused); err != nil {
		t.Error(err)
	}
	w.app = refused
	w.remove()
}

func checkRegionalRefused(t *testing.T, err error) {
	t.Helper()
	var refusal *deploy.Error
	if !errors.As(err, &refusal) || !slices.Equal(refusal.Attribute, []string{"secrets", "REGIONAL"}) || !strings.Contains(refusal.Fix, "replicas") {
		t.Errorf("error %v", err)
	}
}
