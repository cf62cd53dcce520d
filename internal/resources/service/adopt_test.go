package service_test

import (
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

const byHand = "asia-docker.pkg.dev/acme/shop/legacy:7"

// runByHand makes a service as gcloud would.
func runByHand(t *testing.T, env *acctest.Env) {
	t.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	op, err := client.RunServices().Create(t.Context(), "projects/acme-dev/locations/asia-northeast1", "shop", &runpb.Service{
		Labels: map[string]string{"team": "legacy"},
		Template: &runpb.RevisionTemplate{
			Containers: []*runpb.Container{{
				Image: byHand, Command: []string{"/legacy"}, Ports: []*runpb.ContainerPort{{ContainerPort: 9090}},
				Env: []*runpb.EnvVar{
					{Name: "LEVEL", Values: &runpb.EnvVar_Value{Value: "warn"}},
					{Name: "OLD_PASSWORD", Values: &runpb.EnvVar_Value{Value: "hunter2-in-clear"}},
				},
			}},
		},
	})
	if err == nil {
		_, err = op.Wait(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A service that gcloud made is imported with what an app can say of it; the plan shows what adoption changes, without
// the values of its variables, and the apply changes it in place, serving all the time.
func TestAdoptionOnCloudRun(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	runByHand(t, env)
	cli := env.CLI(t)
	block := "import {\n  to = twelvefactor_service.shop\n  id = \"" + runID + "\"\n}\n"
	said := planned(t, cli, env.Config(block, onRun(set("config", `{ LEVEL = "info" }`))), []string{
		"1 to import, 0 to add, 1 to change, 0 to destroy", `"` + byHand + `" -> "` + image + `"`, `- "OLD_PASSWORD" =`, `"/legacy"`, "9090 -> null",
	}, []string{"hunter2", "must be replaced", `= "warn"`})
	if !strings.Contains(said, `"LEVEL" =`) {
		t.Errorf("the plan does not show the variable that changes:\n%s", said)
	}
	before := liveService(t, env, runID)
	cli.MustRun(t, "apply", "-auto-approve")
	after := liveService(t, env, runID)
	if after.GetUid() != before.GetUid() || after.GetLabels()["team"] != "legacy" {
		t.Errorf("the service was made anew, or lost a label of others: %v", after.GetLabels())
	}
	if got := after.GetTemplate().GetContainers()[0]; got.GetImage() != image || len(got.GetEnv()) != 1 {
		t.Errorf("adopted with %s and %v", got.GetImage(), got.GetEnv())
	}
	planned(t, cli, env.Config(onRun(set("config", `{ LEVEL = "info" }`))), []string{"No changes"}, nil)
	if state := cli.MustRun(t, "state", "pull").Stdout; strings.Contains(state, "hunter2") {
		t.Error("the state holds a value that another tool set")
	}
	cli.MustRun(t, "destroy", "-auto-approve")
	if err := env.CheckNothingLeft(); err != nil {
		t.Error(err)
	}
}

// An adoption whose release does not start leaves the old revision serving, and the next plan goes on with it.
func TestAdoptionThatFailsOnCloudRun(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	runByHand(t, env)
	serving := liveService(t, env, runID).GetLatestReadyRevision()
	broken := "asia-docker.pkg.dev/acme/shop/web:broken"
	behave(t, env, broken, fakegcp.ImageMissing)()
	cli := env.CLI(t)
	block := "import {\n  to = twelvefactor_service.shop\n  id = \"" + runID + "\"\n}\n"
	cli.Write(t, "main.tf", env.Config(block, onRun(set("image", `"`+broken+`"`))))
	if r := cli.Run(t, "apply", "-auto-approve"); r.Code == 0 {
		t.Fatal("the apply succeeded")
	}
	live := liveService(t, env, runID)
	if live.GetLatestReadyRevision() != serving {
		t.Errorf("%s serves, want %s", live.GetLatestReadyRevision(), serving)
	}
	if !slices.ContainsFunc(live.GetTrafficStatuses(), func(s *runpb.TrafficTargetStatus) bool {
		return s.GetPercent() == 100 && (s.GetRevision() == "" || strings.HasSuffix(serving, s.GetRevision()))
	}) {
		t.Errorf("traffic goes to %v", live.GetTrafficStatuses())
	}
	planned(t, cli, env.Config(block, onRun()), []string{"0 to add, 1 to change, 0 to destroy"}, []string{"must be replaced"})
	cli.MustRun(t, "apply", "-auto-approve")
	planned(t, cli, env.Config(onRun()), []string{"No changes"}, nil)
	cli.MustRun(t, "destroy", "-auto-approve")
}
