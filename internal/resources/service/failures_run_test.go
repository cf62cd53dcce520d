package service_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

const (
	runServices = "/services/shop"
	runWorkers  = "/workerPools/shop-worker"
)

func runFailures() map[string]failure {
	missing, there := setImage(fakegcp.ImageMissing)
	crashes, runs := setImage(fakegcp.ImageExits(3))
	deaf, hears := setImage(fakegcp.ImageNeverReady)
	const process = `AttributeName("processes").ElementKeyString(`
	return map[string]failure{
		"image missing": {
			change: nextRelease, broken: missing, mend: there, onCreate: leftUseless, path: `AttributeName("image")`,
			said: []string{`Process "web" does not come up`, "not found", "artifactregistry.reader", "A revision that served before goes on serving"},
		},
		"crash": {
			change: nextRelease, broken: crashes, mend: runs, onCreate: leftUseless, path: process + `"web").AttributeName("port")`,
			said: []string{"failed to start and listen on the port", "Logs URL: https://"},
		},
		"never ready": {
			change: nextRelease, broken: deaf, mend: hears, onCreate: leftUseless, path: process + `"web")`, said: []string{"not ready and cannot serve traffic"},
		},
		"image that may not be read": {
			change: nextRelease, broken: ruled(runServices, codes.FailedPrecondition, "Revision 'shop-00002-abc' is not ready and cannot serve traffic. Google Cloud Run "+
				"Service Agent service-1@serverless-robot-prod.iam.gserviceaccount.com must have permission to read the image, x/y."),
			mend: unruled, mended: nextRelease, onCreate: leftUseless, path: `AttributeName("image")`, said: []string{"must have permission to read the image", "roles/artifactregistry.reader"},
		},
		"quota": {
			change: nextRelease, broken: ruled(runServices, codes.ResourceExhausted, "Quota exceeded for total allowable CPU per project per region."),
			mend: unruled, mended: nextRelease, onCreate: leftUseless, path: process + `"web").AttributeName("scale")`, said: []string{"Lower scale", "iam-admin/quotas"},
		},
		"secret version disabled": {
			change: nextSecret, broken: versionIs(secretmanagerpb.SecretVersion_DISABLED), mend: versionIs(secretmanagerpb.SecretVersion_ENABLED),
			onCreate: leftUseless, path: `AttributeName("secrets").ElementKeyString("KEY")`, said: []string{"DISABLED state", "gcloud secrets versions enable"},
		},
		"secret version missing": {
			change: func(w *failureWorld, config acctest.Attributes) {
				config["secrets"] = map[string]string{"KEY": w.next[:len(w.next)-1] + "9"}
			},
			mended: unchanged, onCreate: leftUseless, path: `AttributeName("secrets").ElementKeyString("KEY")`, said: []string{"was not found", "exists and is enabled"},
		},
		"secret that may not be read": {
			change: nextSecret, broken: propagation(time.Hour * 1000), mend: propagation(0), updateOnly: true, fast: 100,
			path: `AttributeName("secrets").ElementKeyString("KEY")`, said: []string{"Permission denied on secret", "deny policy"},
		},
		"startup check": {
			change: nextRelease, broken: ruled(runServices, codes.FailedPrecondition, "Revision 'shop-00002-abc' is not ready and cannot serve traffic. The user-provided "+
				"container failed the configured startup probe checks. Logs for this revision might contain more information."),
			mend: unruled, mended: nextRelease, onCreate: leftUseless, path: process + `"web").AttributeName("startup")`, said: []string{"startup probe checks"},
		},
		"runner that may not write": {
			change: nextRelease, broken: denied("run.services.create", "run.services.update"), mend: allowed("run.services.create", "run.services.update"),
			onCreate: leftNothing, said: []string{"run.services.", "denied"},
		},
		"runner that may not grant": {
			change: nextSecret, broken: denied("secretmanager.secrets.setIamPolicy"), mend: allowed("secretmanager.secrets.setIamPolicy"),
			onCreate: leftNothing, said: []string{"secretmanager.secrets.setIamPolicy"},
		},
		"runner that may not run workers": {
			change: nextRelease, broken: denied("run.workerpools.create", "run.workerpools.update"), mend: allowed("run.workerpools.create", "run.workerpools.update"),
			onCreate: leftKept, said: []string{"run.workerpools."},
		},
		"worker alone": {
			change: nextRelease, broken: ruled(runWorkers, codes.FailedPrecondition, "Revision 'shop-worker-00002-abc' is not ready and cannot serve traffic. "+
				"The user-provided container failed to start."),
			mend: unruled, mended: nextRelease, onCreate: leftKept, path: process + `"worker")`, said: []string{`Process "worker" does not come up`, "failed to start"},
		},
	}
}

func ruled(target string, code codes.Code, message string) func(*failureWorld) {
	return func(w *failureWorld) {
		w.Helper()
		if err := w.env.Fake.SetOperation(fakegcp.OperationRule{Kind: "ROLLOUT", Target: target, Code: code, Message: message}); err != nil {
			w.Fatal(err)
		}
	}
}

// denied takes permissions from the caller, allowed gives them back.
func denied(permissions ...string) func(*failureWorld) {
	return func(w *failureWorld) {
		for _, p := range permissions {
			w.env.Fake.Deny(p, "")
		}
	}
}

func allowed(permissions ...string) func(*failureWorld) {
	return func(w *failureWorld) {
		for _, p := range permissions {
			w.env.Fake.Allow(p, "")
		}
	}
}

func unruled(w *failureWorld) { w.env.Fake.ClearOperations() }

// propagation sets how long a grant takes to be effective; those that were made become so when it is none.
func propagation(d time.Duration) func(*failureWorld) {
	return func(w *failureWorld) {
		if d == 0 {
			w.env.Fake.Advance(2000 * time.Hour)
		}
		w.env.Fake.SetPropagationDelay(d)
	}
}

func TestFailuresOnCloudRun(t *testing.T) {
	t.Parallel()
	for name, f := range runFailures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !f.updateOnly {
				t.Run("create", func(t *testing.T) {
					t.Parallel()
					newRunFailureWorld(t, f).create(f)
				})
			}
			t.Run("update", func(t *testing.T) {
				t.Parallel()
				newRunFailureWorld(t, f).update(f)
			})
		})
	}
}

func newRunFailureWorld(t *testing.T, f failure) *failureWorld {
	t.Helper()
	clk := f.clock()
	env := acctest.New(t, withClock(clk))
	w := &failureWorld{T: t, env: env, life: env.NewLife(t, noun, acctest.NewCanaries()), clock: clk}
	w.secret, w.next = w.version("key"), w.version("next")
	w.good = acctest.Attributes{
		"name": "shop", "image": image, "cloud_run": acctest.Attributes{"location": acctest.Region},
		"config": map[string]string{"LEVEL": "info"}, "secrets": map[string]string{"KEY": w.secret},
		"processes": map[string]acctest.Attributes{
			"web":    {"readiness": acctest.Attributes{"path": "/healthz"}},
			"worker": {"command": []string{"/app", "worker"}},
		},
	}
	w.identities, w.serving, w.gone = runIdentities, runServing, runGone
	return w
}

// runIdentities are the UIDs of the service and its worker pool.
func runIdentities(w *failureWorld) map[string]string {
	w.Helper()
	found := map[string]string{"service": liveService(w.T, w.env, runID).GetUid()}
	err := w.env.Fake.UpdateWorkerPool(strings.ReplaceAll(runID, runServices, runWorkers), func(p *runpb.WorkerPool) { found["pool"] = p.GetUid() })
	if err != nil {
		w.Fatal(err)
	}
	return found
}

// runServing watches that all traffic goes to a revision that is ready.
func runServing(w *failureWorld) (stop func()) {
	w.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: w.env.Fake.Addr()})
	calls := len(w.env.Fake.Journal())
	ctx, cancel := context.WithCancel(w.Context())
	ended := make(chan struct{})
	w.Cleanup(func() {
		cancel()
		<-ended
		_ = client.Close()
	})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(5 * time.Millisecond):
			}
			live, err := client.RunServices().Get(ctx, runID)
			if err != nil {
				if ctx.Err() == nil {
					w.Error(err)
				}
				return
			}
			traffic := live.GetTrafficStatuses()
			if live.GetLatestReadyRevision() == "" || len(traffic) != 1 || traffic[0].GetPercent() != 100 {
				w.Errorf("traffic goes to %v, the revision that is ready is %q", traffic, live.GetLatestReadyRevision())
				return
			}
		}
	}()
	return func() {
		cancel()
		<-ended
		for _, call := range w.env.Fake.Journal()[calls:] {
			if strings.HasSuffix(call.Method, "DeleteService") || strings.HasSuffix(call.Method, "DeleteWorkerPool") {
				w.Errorf("%s was called although everything serves", call.Method)
			}
		}
	}
}

func runGone(w *failureWorld) {
	w.Helper()
	w.checkPolicies()
	left, err := w.env.Fake.Remaining()
	if err != nil {
		w.Fatal(err)
	}
	for _, name := range left {
		if !strings.Contains(name, "/secrets/") {
			w.Errorf("%s is left", name)
		}
	}
	w.life.Canaries.CheckFake(w, w.env)
}

// The grant becomes effective while the apply waits for it: in the same apply, with a new revision, on create and on update.
func TestGrantThatBecomesEffectiveLater(t *testing.T) {
	t.Parallel()
	w := newRunFailureWorld(t, failure{})
	w.env.Fake.SetPropagationDelay(time.Second)
	w.works("after the create", w.good)
	created := w.env.Effects("UpdateService")
	if created == 0 {
		t.Error("the revision that was refused was not tried again")
	}
	w.works("after the update", w.changed(nextSecret))
	if w.env.Effects("UpdateService") < created+2 {
		t.Error("the revision of the update was not tried again")
	}
	w.remove()
}
