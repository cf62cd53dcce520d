package deploy_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/cloudrun"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/golden"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// furnish makes what an app refers to: its account, and its secrets with as many versions as it needs.
func (w serviceWorld) furnish(a app.App) {
	w.Helper()
	if id, found := strings.CutSuffix(a.Identity, "@acme-dev.iam.gserviceaccount.com"); found {
		if _, err := w.GCP.ServiceAccounts().Create(w.Context(), "acme-dev", id, nil); err != nil {
			w.Fatal(err)
		}
	}
	if err := w.fake.AddProject("acme-shared", "210987654321"); err != nil {
		w.Fatal(err)
	}
	versions := slices.Collect(maps.Values(a.SecretFiles))
	for _, use := range app.SecretUses(a) {
		versions = append(versions, use.Version)
	}
	newest := map[string]int{}
	for _, version := range versions {
		id, err := names.ParseSecretVersionID(version)
		if err != nil {
			w.Fatal(err)
		}
		number, err := strconv.Atoi(id.Version)
		if err != nil {
			w.Fatal(err)
		}
		newest[id.SecretID().String()] = max(newest[id.SecretID().String()], number)
	}
	for name, number := range newest {
		_, err := w.GCP.Secrets().Create(w.Context(), name, &secretmanagerpb.Secret{
			Replication: &secretmanagerpb.Replication{Replication: &secretmanagerpb.Replication_Automatic_{}},
		})
		for i := 0; i < number && err == nil; i++ {
			_, err = w.GCP.SecretVersions().Add(w.Context(), name, secret.FromString("x"))
		}
		if err != nil {
			w.Fatal(err)
		}
	}
}

// Every golden app is accepted by the API, serves, and is afterwards as it was declared, whatever the API has filled in.
func TestEveryGoldenAppOnCloudRunIsAcceptedAndAsDeclared(t *testing.T) {
	t.Parallel()
	inputs := golden.CloudRun(t)
	if len(inputs) < 25 {
		t.Errorf("%d golden apps, want 25", len(inputs))
	}
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := inputs[name]
			if found := app.Check(in.App); slices.ContainsFunc(found, func(f app.Finding) bool { return !f.Warning }) {
				t.Fatalf("the rules refuse it: %+v", found)
			}
			w := newRunWorld(t)
			w.furnish(in.App)
			validation := gcp.UpdateOptions{ValidateOnly: true, AllowMissing: true}
			if _, err := w.GCP.RunServices().Update(t.Context(), cloudrun.Service(in), validation); err != nil {
				t.Errorf("the service is refused: %v", err)
			}
			for _, pool := range cloudrun.WorkerPools(in) {
				if _, err := w.GCP.WorkerPools().Update(t.Context(), pool, validation); err != nil {
					t.Errorf("%s is refused: %v", pool.GetName(), err)
				}
			}
			w.app = in.App
			w.allow(in.App.CloudRun.Invokers)
			w.create()
			if state := w.read(); len(state.Drift) > 0 || state.Status != deploy.ServiceReady {
				t.Errorf("after the create: %s", shown(state))
			}
			before := w.effects("UpdateService")
			w.update(in.App)
			if again := w.effects("UpdateService"); again != before {
				t.Errorf("%d updates although nothing changed", again-before)
			}
		})
	}
}

// allow makes the accounts of callers.
func (w serviceWorld) allow(members []string) {
	w.Helper()
	for _, member := range members {
		if id, found := strings.CutPrefix(member, "serviceAccount:"); found {
			if _, err := w.GCP.ServiceAccounts().Create(w.Context(), "acme-dev", strings.Split(id, "@")[0], nil); err != nil {
				w.Fatal(err)
			}
		}
	}
}
