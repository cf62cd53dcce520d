package deploy_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// heldCreates are creates whose end is left to the Finisher.
var heldCreates = map[string]func(context.Context, *deploy.Cloud) ([]deploy.Notice, error){
	"cluster": func(ctx context.Context, c *deploy.Cloud) ([]deploy.Notice, error) {
		_, notices, err := c.CreateCluster(ctx, smallCluster(), clusterTimeout)
		return notices, err
	},
	"secret": func(ctx context.Context, c *deploy.Cloud) ([]deploy.Notice, error) {
		spec := deploy.SecretSpec{ID: names.SecretID{Project: "acme-dev", Name: "held"}, ValueVersion: "1"}
		_, notices, err := c.CreateSecret(ctx, spec, secret.FromString("a value"), clusterTimeout)
		return notices, err
	},
	"service account": func(ctx context.Context, c *deploy.Cloud) ([]deploy.Notice, error) {
		spec := deploy.IdentitySpec{Name: "held", Project: "acme-dev", Mode: deploy.IdentityServiceAccount, AccountID: "held-account"}
		_, notices, err := c.CreateIdentity(ctx, spec, clusterTimeout)
		return notices, err
	},
	"service on Cloud Run": func(ctx context.Context, c *deploy.Cloud) ([]deploy.Notice, error) {
		_, notices, err := c.CreateService(ctx, deploy.ServiceSpec{Timeout: clusterTimeout, App: app.App{
			Name: "held", Image: "asia-docker.pkg.dev/acme/api/server:2.0.0",
			CloudRun:  &app.CloudRun{Project: "acme-dev", Location: "asia-northeast1"},
			Processes: map[string]app.Process{app.Web: {}},
		}})
		return notices, err
	},
}

// A run that is killed after a create, and before Terraform has saved its state, leaves something that the next run may
// go on with. A run that ended leaves something that another state may not take.
func TestFinisherKeepsCreatesUnfinishedUntilTheEnd(t *testing.T) {
	for what, create := range heldCreates {
		for _, killed := range []bool{true, false} {
			name := what + ", ended"
			if killed {
				name = what + ", killed"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				world := newClusterWorld(t, 20*time.Millisecond)
				world.Finisher = &deploy.Finisher{}
				world.Rand = rand.Reader
				if _, err := create(t.Context(), world.Cloud); err != nil {
					t.Fatal(err)
				}
				if !killed {
					if err := world.Finisher.Finish(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				next := clusterCloud(t, world.fake, "test")
				next.Rand = rand.Reader
				notices, err := create(t.Context(), next)
				switch {
				case killed && err != nil:
					t.Errorf("the next run did not go on: %v", err)
				case killed && len(notices) == 0:
					t.Error("the next run did not say that it went on with what was there")
				case !killed && (err == nil || !strings.Contains(err.Error(), "import {")):
					t.Errorf("another state was not refused with the import block: %v", err)
				}
			})
		}
	}
}

// The operation that takes the mark off may end between the look at the cluster and the one at what runs on it: what the
// look had shown is old then.
func TestClusterThatIsFinishedMeanwhileIsNotTakenOver(t *testing.T) {
	t.Parallel()
	world := newClusterWorld(t, 300*time.Millisecond)
	world.Finisher = &deploy.Finisher{}
	create := heldCreates["cluster"]
	if _, err := create(t.Context(), world.Cloud); err != nil {
		t.Fatal(err)
	}
	if err := world.Finisher.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The first look comes with the refusal of the create, the second is old when it is answered.
	if err := world.fake.SetLatency(fakegcp.Latency{Method: "GetCluster", Duration: 200 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if _, err := create(t.Context(), clusterCloud(t, world.fake, "test")); err == nil || !strings.Contains(err.Error(), "import {") {
		t.Errorf("a finished cluster was not refused: %v", err)
	}
}

// A run that was killed may have been given a mistyped value. No state knows its version, so the next run's value
// counts, although it goes by the same name.
func TestCreateSecretTakesOverWithTheValueAtHand(t *testing.T) {
	tests := map[string]struct{ killed, next, version string }{
		"another value": {"mistyped", "right", "2"},
		"the same":      {"right", "right", "1"},
	}
	spec := deploy.SecretSpec{ID: names.SecretID{Project: "acme-dev", Name: "held"}, ValueVersion: "1"}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world := newClusterWorld(t, 20*time.Millisecond)
			world.Finisher = &deploy.Finisher{} // never asked to finish: the process was killed
			if _, _, err := world.CreateSecret(t.Context(), spec, secret.FromString(tt.killed), clusterTimeout); err != nil {
				t.Fatal(err)
			}
			next := clusterCloud(t, world.fake, "test")
			state, _, err := next.CreateSecret(t.Context(), spec, secret.FromString(tt.next), clusterTimeout)
			if err != nil {
				t.Fatal(err)
			}
			if state.Version != tt.version {
				t.Errorf("the effective version is %s, want %s", state.Version, tt.version)
			}
			payload, err := next.GCP.SecretVersions().Access(t.Context(), state.VersionID())
			if err != nil {
				t.Fatal(err)
			}
			if !payload.Equal(secret.FromString(tt.next)) {
				t.Error("the effective version does not hold the value at hand")
			}
		})
	}
}
