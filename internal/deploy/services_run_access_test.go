package deploy_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// withRun gives the app with other settings of Cloud Run.
func (w serviceWorld) withRun(change func(*app.CloudRun)) app.App {
	a, run := w.app, *w.app.CloudRun
	change(&run)
	a.CloudRun = &run
	return a
}

func openWithoutPolicy(r *app.CloudRun) { r.Public, r.InvokerIAMDisabled = false, true }

func (w serviceWorld) constrain(name string) {
	w.Helper()
	if err := w.fake.SetConstraint(name, true); err != nil {
		w.Fatal(err)
	}
}

func (w serviceWorld) liveRun() *runpb.Service {
	w.Helper()
	live, err := w.GCP.RunServices().Get(w.Context(), runService)
	if err != nil {
		w.Fatal(err)
	}
	return live
}

// The rollout takes an hour; the refusal is told before it, and the service is kept.
func TestRefusedPublicServiceIsToldBeforeTheRolloutAndKept(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	w.constrain(fakegcp.AllowedPolicyMemberDomains)
	err := w.fake.SetOperation(fakegcp.OperationRule{Kind: "ROLLOUT", Target: runService, Duration: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	state, notices, err := w.CreateService(t.Context(), w.spec(w.app))
	if err != nil || state == nil || state.Status != deploy.ServiceCreating || len(notices) != 1 {
		t.Fatalf("state %s, notices %v, error %v", shown(state), notices, err)
	}
	for _, part := range []string{"allUsers", "invoker_iam_disabled = true", "allowedPolicyMemberDomains", "still being rolled out", "permitted customer"} {
		if !strings.Contains(notices[0].Summary+notices[0].Detail, part) {
			t.Errorf("the notice does not say %q: %v", part, notices[0])
		}
	}
	w.fake.ClearOperations()
	w.fake.Advance(2 * time.Hour)
	made := w.effects("CreateService")
	w.update(w.withRun(openWithoutPolicy))
	if live := w.liveRun(); !live.GetInvokerIamDisabled() || w.effects("CreateService") != made {
		t.Errorf("after the way out: %v", live)
	}
	w.remove()
}

func TestRefusedPublicServiceThatServesIsDegraded(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	private := w.withRun(func(r *app.CloudRun) { r.Public = false })
	public := w.app
	w.app = private
	w.create()
	w.constrain(fakegcp.AllowedPolicyMemberDomains)
	state, _, err := w.UpdateService(t.Context(), w.spec(public))
	var told *deploy.Error
	if !errors.As(err, &told) || state.Status != deploy.ServiceDegraded || !slices.Equal(told.Attribute, []string{"cloud_run", "public"}) ||
		!strings.Contains(told.Fix, "invoker_iam_disabled = true") {
		t.Errorf("state %s, error %v", shown(state), err)
	}
	w.update(private)
}

func TestRequiredInvokerCheckIsToldAtItsAttribute(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	w.constrain(fakegcp.RequireInvokerIAM)
	open := w.withRun(openWithoutPolicy)
	check := func(state *deploy.ServiceState, err error) {
		t.Helper()
		var told *deploy.Error
		if !errors.As(err, &told) || !slices.Equal(told.Attribute, []string{"cloud_run", "invoker_iam_disabled"}) || !strings.Contains(told.Fix, "invokers = [") {
			t.Errorf("state %s, error %v", shown(state), err)
		}
	}
	state, _, err := w.CreateService(t.Context(), w.spec(open))
	check(state, err)
	if left := w.left(); state != nil || len(left) > 0 {
		t.Errorf("state %s, left %q", shown(state), left)
	}
	w.create()
	state, _, err = w.UpdateService(t.Context(), w.spec(open))
	check(state, err)
	w.update(w.app)
}

// Those who are named may call before the check is switched on again.
func TestCallersAreNamedBeforeTheCheckIsOnAgain(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	declared := w.app
	w.app = w.withRun(openWithoutPolicy)
	w.create()
	if n := w.effects("Services/SetIamPolicy"); n > 0 {
		t.Errorf("%d policies of the service were written", n)
	}
	before := len(w.fake.Journal())
	w.update(declared)
	var order []string
	for _, e := range w.fake.Journal()[before:] {
		if strings.HasSuffix(e.Method, "Services/SetIamPolicy") || strings.HasSuffix(e.Method, "Services/UpdateService") {
			order = append(order, e.Method[strings.LastIndexByte(e.Method, '/')+1:])
		}
	}
	if len(order) < 2 || order[0] != "SetIamPolicy" {
		t.Errorf("order of the writes: %v", order)
	}
}

func TestServiceLevelChangesMakeNoRevision(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	w.create()
	before := w.liveRun().GetLatestCreatedRevision()
	changed := w.withRun(func(r *app.CloudRun) {
		r.Ingress, r.DefaultURIDisabled, r.CustomAudiences = app.IngressInternal, true, []string{"https://api.example.com"}
	})
	changed.Processes = map[string]app.Process{"web": {Scale: app.Scale{Min: 1, Max: 20}}, "worker": w.app.Processes["worker"]}
	state := w.update(changed)
	live := w.liveRun()
	if live.GetLatestCreatedRevision() != before || live.GetScaling().GetMinInstanceCount() != 1 || live.GetScaling().GetMaxInstanceCount() != 20 {
		t.Errorf("revision %s, was %s; scaling %v", live.GetLatestCreatedRevision(), before, live.GetScaling())
	}
	if state.URL != "" {
		t.Errorf("the address is %q, although it is switched off", state.URL)
	}
}

// What the API fills in by itself, in whatever spelling, is no drift.
func TestWhatCloudRunFillsInIsNoDrift(t *testing.T) {
	t.Parallel()
	for name, fill := range map[string]func(*runpb.Service){
		"millicores":       func(s *runpb.Service) { s.Template.Containers[0].Resources.Limits["cpu"] = "1000m" },
		"mode of scaling":  func(s *runpb.Service) { s.Scaling.ScalingMode = runpb.ServiceScaling_AUTOMATIC },
		"zeros of scaling": func(s *runpb.Service) { s.Scaling.ManualInstanceCount = new(int32(0)) },
		"environment": func(s *runpb.Service) {
			s.Template.ExecutionEnvironment = runpb.ExecutionEnvironment_EXECUTION_ENVIRONMENT_GEN2
		},
		"revision": func(s *runpb.Service) { s.Template.Revision = "api-00001-abc" },
		"client":   func(s *runpb.Service) { s.Client, s.ClientVersion = "gcloud", "500.0.0" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newRunWorld(t)
			w.create()
			if err := w.fake.UpdateRunService(runService, fill); err != nil {
				t.Fatal(err)
			}
			if state := w.read(); len(state.Drift) > 0 || state.Status != deploy.ServiceReady {
				t.Errorf("read: %s", shown(state))
			}
		})
	}
}

// The settings, each changed behind our back: told with both values, and put back.
func TestDriftOfSettingsIsReportedAndRepaired(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	w.app = w.withRun(func(r *app.CloudRun) {
		r.VPC = &app.VPC{Network: "shared", Tags: []string{"a"}}
		r.RevisionScale = &app.RevisionScale{Max: 8}
		r.CustomAudiences = []string{"https://api.example.com"}
	})
	w.create()
	vpc := func(s *runpb.Service) *runpb.VpcAccess_NetworkInterface {
		return s.Template.VpcAccess.NetworkInterfaces[0]
	}
	for _, test := range []struct {
		want string
		edit func(*runpb.Service)
	}{
		{"template.session_affinity: false -> true", func(s *runpb.Service) { s.Template.SessionAffinity = true }},
		{"template.timeout: 300s -> 60s", func(s *runpb.Service) { s.Template.Timeout.Seconds = 60 }},
		{"template.scaling.max_instance_count: 8 -> 3", func(s *runpb.Service) { s.Template.Scaling.MaxInstanceCount = 3 }},
		{"template.vpc_access: present -> (missing)", func(s *runpb.Service) { s.Template.VpcAccess = nil }},
		{"template.vpc_access.egress: PRIVATE_RANGES_ONLY -> ALL_TRAFFIC", func(s *runpb.Service) { s.Template.VpcAccess.Egress = runpb.VpcAccess_ALL_TRAFFIC }},
		{"template.vpc_access.network_interfaces[0].network: shared -> other", func(s *runpb.Service) { vpc(s).Network = "other" }},
		{`template.vpc_access.network_interfaces[0].tags: ["a"] -> ["a", "b"]`, func(s *runpb.Service) { vpc(s).Tags = []string{"a", "b"} }},
		{"template.containers[web].resources.cpu_idle: true -> false", func(s *runpb.Service) { s.Template.Containers[0].Resources.CpuIdle = false }},
		{"template.containers[web].resources.startup_cpu_boost: true -> false", func(s *runpb.Service) { s.Template.Containers[0].Resources.StartupCpuBoost = false }},
		{"template.containers[web].ports[0].name: http1 -> h2c", func(s *runpb.Service) { s.Template.Containers[0].Ports[0].Name = "h2c" }},
		{"template.containers[web].startup_probe.period_seconds: 240 -> 10", func(s *runpb.Service) {
			p := s.Template.Containers[0].StartupProbe
			p.PeriodSeconds = 10
		}},
		{"template.encryption_key: (missing) -> key", func(s *runpb.Service) { s.Template.EncryptionKey = "key" }},
		{"scaling.max_instance_count: 10 -> 5", func(s *runpb.Service) { s.Scaling.MaxInstanceCount = 5 }},
		{"scaling.min_instance_count: 0 -> 2", func(s *runpb.Service) { s.Scaling.MinInstanceCount = 2 }},
		{"scaling.scaling_mode: (missing) -> MANUAL", func(s *runpb.Service) { s.Scaling.ScalingMode = runpb.ServiceScaling_MANUAL }},
		{"invoker_iam_disabled: false -> true", func(s *runpb.Service) { s.InvokerIamDisabled = true }},
		{"default_uri_disabled: false -> true", func(s *runpb.Service) { s.DefaultUriDisabled = true }},
		{`custom_audiences: ["https://api.example.com"] -> []`, func(s *runpb.Service) { s.CustomAudiences = nil }},
	} {
		if err := w.fake.UpdateRunService(runService, test.edit); err != nil {
			t.Fatal(err)
		}
		if drift := w.read().Drift; !slices.Equal(drift, []string{runService + " " + test.want}) {
			t.Errorf("drift %q, want %q", drift, test.want)
		}
		w.update(w.app)
	}
	if err := w.fake.UpdateWorkerPool(runWorker, func(p *runpb.WorkerPool) { *p.Scaling.ManualInstanceCount, p.Template.VpcAccess = 1, nil }); err != nil {
		t.Fatal(err)
	}
	want := []string{runWorker + " template.vpc_access: present -> (missing)", runWorker + " scaling.manual_instance_count: 2 -> 1"}
	if drift := w.read().Drift; !slices.Equal(drift, want) {
		t.Errorf("drift %q, want %q", drift, want)
	}
	w.update(w.app)
}

func TestQuotaOfInstancesIsToldAtItsAttribute(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	err := w.fake.Inject(fakegcp.Fault{
		Method: "Services/CreateService", Occurrence: 1, Code: codes.InvalidArgument,
		Message: "spec.template.metadata.annotations[autoscaling.knative.dev/maxScale]: Max instances must be set to 10 or fewer in order to set the requested total CPU.",
	})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = w.CreateService(t.Context(), w.spec(w.app))
	var told *deploy.Error
	if !errors.As(err, &told) || !slices.Equal(told.Attribute, []string{"cloud_run", "revision_scale"}) || !strings.Contains(err.Error(), "10 or fewer") {
		t.Errorf("error %v", err)
	}
}
