package deploy_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

const (
	runService = "projects/acme-dev/locations/asia-northeast1/services/api"
	runWorker  = "projects/acme-dev/locations/asia-northeast1/workerPools/api-worker"
	runAccount = "projects/acme-dev/serviceAccounts/api-asia-northeast1@acme-dev.iam.gserviceaccount.com"
)

func TestRunServiceIsMadeReadAndRemoved(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	made := w.create()
	for _, object := range []string{runService, runWorker, runAccount} {
		if !slices.Contains(made.Objects, object) {
			t.Errorf("%s is not among the objects %q", object, made.Objects)
		}
	}
	if !strings.HasPrefix(made.URL, "https://") || made.ReleaseID != app.ReleaseID(w.app) {
		t.Errorf("url %q, release %q", made.URL, made.ReleaseID)
	}
	read := w.read()
	if !read.Recorded || read.Status != deploy.ServiceReady || len(read.Drift) > 0 || read.App.Image != w.app.Image || read.App.Identity != "" {
		t.Errorf("read: %s", shown(read))
	}
	w.remove()
	if gone := w.read(); gone != nil {
		t.Errorf("after the deletion: %s", shown(gone))
	}
}

func TestRunUpdateTakesAwayWhatIsNotDeclared(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	w.create()
	before := w.effects("CreateService")
	changed := w.app
	changed.Config = map[string]string{"LEVEL": "debug"}
	changed.Secrets = map[string]string{"OTHER": w.secret("other", "x")}
	changed.Processes = map[string]app.Process{"web": w.app.Processes["web"]}
	changed.CloudRun = &app.CloudRun{Project: "acme-dev", Location: "asia-northeast1", Invokers: []string{"serviceAccount:shop-web@acme-dev.iam.gserviceaccount.com"}}
	account := strings.TrimPrefix(changed.CloudRun.Invokers[0], "serviceAccount:")
	if _, err := w.GCP.ServiceAccounts().Create(t.Context(), "acme-dev", strings.Split(account, "@")[0], nil); err != nil {
		t.Fatal(err)
	}
	state := w.update(changed)
	if w.effects("CreateService") != before || slices.Contains(state.Objects, runWorker) {
		t.Errorf("the service was made anew, or the worker is left: %q", state.Objects)
	}
	policies := w.policies()
	if len(policies["projects/acme-dev/secrets/api-key"]) > 0 || len(policies["projects/acme-dev/secrets/other"]) != 1 {
		t.Errorf("grants on secrets: %v", policies)
	}
	if !slices.Equal(policies[runService], changed.CloudRun.Invokers) {
		t.Errorf("invokers: %v", policies[runService])
	}
	w.app = changed
	if err := w.GCP.ServiceAccounts().Delete(t.Context(), "projects/acme-dev/serviceAccounts/"+account); err != nil {
		t.Fatal(err)
	}
	w.remove()
}

// policies lists the members of every policy by object.
func (w serviceWorld) policies() map[string][]string {
	w.Helper()
	members := map[string][]string{}
	for _, name := range []string{"projects/acme-dev/secrets/api-key", "projects/acme-dev/secrets/other"} {
		ref := gcp.PolicyRef{Kind: gcp.SecretPolicy, Name: name}
		found, err := w.GCP.Policies().Members(w.Context(), ref, "roles/secretmanager.secretAccessor")
		if err != nil {
			w.Fatal(err)
		}
		members[name] = found
	}
	found, err := w.GCP.Policies().Members(w.Context(), gcp.PolicyRef{Kind: gcp.RunServicePolicy, Name: runService}, "roles/run.invoker")
	if err != nil {
		w.Fatal(err)
	}
	members[runService] = found
	return members
}

func (w serviceWorld) effects(method string) int {
	return clusterWorld{w.Cloud, w.fake}.effects(method)
}

func TestRunServiceWaitsUntilTheGrantIsEffective(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	w.fake.SetPropagationDelay(500 * time.Millisecond)
	w.create()
	if n := w.effects("UpdateService"); n < 2 {
		t.Errorf("%d updates: the revision that was refused was not tried again", n)
	}
}

func TestRunServiceWhoseFirstReleaseFailsIsToldAsUseless(t *testing.T) {
	t.Parallel()
	tests := map[fakegcp.Behaviour]string{
		fakegcp.ImageMissing: "image", fakegcp.ImageCrashes: "processes.web.port",
	}
	for behaviour, attribute := range tests {
		t.Run(string(behaviour), func(t *testing.T) {
			t.Parallel()
			w := newRunWorld(t)
			if err := w.fake.SetImage(w.app.Image, behaviour); err != nil {
				t.Fatal(err)
			}
			state, _, err := w.CreateService(t.Context(), w.spec(w.app))
			var told *deploy.Error
			if state == nil || state.Status != deploy.ServiceFailed || !errors.As(err, &told) || strings.Join(told.Attribute, ".") != attribute {
				t.Errorf("state %s, error %v", shown(state), err)
			}
			w.remove()
		})
	}
}

func TestFailedRunUpdateIsRepairedByTheNext(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	w.create()
	broken := w.app
	broken.Image = "asia-docker.pkg.dev/acme/api/server:2.0.1"
	if err := w.fake.SetImage(broken.Image, fakegcp.ImageCrashes); err != nil {
		t.Fatal(err)
	}
	state, _, err := w.UpdateService(t.Context(), w.spec(broken))
	if err == nil || state.Status != deploy.ServiceDegraded {
		t.Errorf("state %s, error %v", shown(state), err)
	}
	if err := w.fake.SetImage(broken.Image, ""); err != nil {
		t.Fatal(err)
	}
	w.update(broken) // the same release again: only a new revision helps
}

func TestInterruptedRunCreateIsFinishedByTheNextApply(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	if err := w.fake.SetImage(w.app.Image, fakegcp.ImageSlow); err != nil {
		t.Fatal(err)
	}
	w.fake.SetPropagationDelay(time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	state, notices, err := w.CreateService(ctx, w.spec(w.app))
	if err != nil || len(notices) != 1 || state == nil || state.Status != deploy.ServiceCreating {
		t.Fatalf("state %s, notices %v, error %v", shown(state), notices, err)
	}
	w.fake.SetPropagationDelay(0)
	w.fake.Advance(2 * time.Hour)
	w.update(w.app)
	w.remove()
}

func TestRunCreateTakesOverOnlyItsOwnUnfinishedService(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	w.create()
	_, _, err := w.CreateService(t.Context(), w.spec(w.app))
	if err == nil || !strings.Contains(err.Error(), `id = "`+runService+`"`) {
		t.Errorf("a finished service met: %v", err)
	}
	mark := func(s *runpb.Service) {
		maps.Copy(s.Labels, names.Stamp{Stack: "test"}.Labels(time.Now()))
	}
	if err := w.fake.UpdateRunService(runService, mark); err != nil {
		t.Fatal(err)
	}
	other := serviceWorld{t, serviceCloud(t, w.fake, "another"), w.fake, w.app}
	if _, _, err := other.CreateService(t.Context(), w.spec(w.app)); err == nil {
		t.Error("another stack took the service over")
	}
	state, notices, err := w.CreateService(t.Context(), w.spec(w.app))
	if err != nil || len(notices) != 1 || state.Status != deploy.ServiceReady {
		t.Errorf("adoption: %s, %v, %v", shown(state), notices, err)
	}
}

func TestRunCreateWhoseAnswerWasLostIsSettled(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"IAM/CreateServiceAccount", "Services/CreateService", "WorkerPools/CreateWorkerPool", "SetIamPolicy"} {
		for _, when := range []fakegcp.When{fakegcp.Before, fakegcp.After} {
			w := newRunWorld(t)
			err := w.fake.Inject(fakegcp.Fault{Method: method, Occurrence: 1, When: when, Code: codes.Unavailable})
			if err != nil {
				t.Fatal(err)
			}
			w.create()
			w.remove()
		}
	}
}

func TestRefusedRunCreateLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	w.fake.Deny("run.services.create", "")
	state, _, err := w.CreateService(t.Context(), w.spec(w.app))
	if state != nil || gcp.Classify(err) != gcp.PermissionDenied {
		t.Errorf("state %s, error %v", shown(state), err)
	}
	if left := w.left(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestRunDriftIsReportedAndRepaired(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	w.create()
	web := func(change func(*runpb.Container)) func() error {
		return func() error {
			return w.fake.UpdateRunService(runService, func(s *runpb.Service) { change(s.Template.Containers[0]) })
		}
	}
	tests := map[string]struct {
		edit func() error
		want string
	}{
		"image":        {web(func(c *runpb.Container) { c.Image = "other:1" }), runService + " template.containers[web].image: " + w.app.Image + " -> other:1"},
		"config":       {web(func(c *runpb.Container) { c.Env[0].Values = &runpb.EnvVar_Value{Value: "x"} }), runService + " template.containers[web].env[LEVEL].value: info -> x"},
		"added config": {web(func(c *runpb.Container) { c.Env = append(c.Env, &runpb.EnvVar{Name: "MORE"}) }), runService + " template.containers[web].env[MORE]: (missing) -> present"},
		"minimum": {func() error {
			return w.fake.UpdateRunService(runService, func(s *runpb.Service) { s.Template.Scaling.MinInstanceCount = 3 })
		}, runService + " template.scaling.min_instance_count: 0 -> 3"},
		"worker gone": {func() error { return w.fake.Remove(runWorker) }, runWorker + ": present -> (missing)"},
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		if err := tests[name].edit(); err != nil {
			t.Fatal(err)
		}
		if drift := w.read().Drift; !slices.Equal(drift, []string{tests[name].want}) {
			t.Errorf("%s: drift %q, want %q", name, drift, tests[name].want)
		}
		w.update(w.app)
	}
	if err := w.fake.Remove(runService); err != nil {
		t.Fatal(err)
	}
	state, _, err := w.ReadService(t.Context(), w.app)
	if err != nil || state == nil || !slices.Contains(state.Drift, runService+": present -> (missing)") {
		t.Errorf("service gone, the rest there: %s, %v", shown(state), err)
	}
	w.update(w.app)
	w.remove()
}
