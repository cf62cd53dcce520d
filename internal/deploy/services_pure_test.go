package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
)

func declaredRun() *runpb.Service {
	return &runpb.Service{
		Name: "projects/acme-dev/locations/asia-northeast1/services/api", Ingress: runpb.IngressTraffic_INGRESS_TRAFFIC_ALL,
		Labels: map[string]string{"team": "shop"},
		Template: &runpb.RevisionTemplate{
			Scaling: &runpb.RevisionScaling{MaxInstanceCount: 10},
			Containers: []*runpb.Container{{
				Name: "web", Image: "api:1", Args: []string{"serve"},
				Env:       []*runpb.EnvVar{{Name: "LEVEL", Values: &runpb.EnvVar_Value{Value: "info"}}},
				Resources: &runpb.ResourceRequirements{Limits: map[string]string{"cpu": "1", "memory": "512Mi"}, CpuIdle: true},
				Ports:     []*runpb.ContainerPort{{ContainerPort: 8080}}, StartupProbe: &runpb.Probe{PeriodSeconds: 240},
			}},
		},
	}
}

// liveRun is declaredRun as the API would answer it: with everything filled in.
func liveRun() *runpb.Service {
	live := declaredRun()
	live.Etag, live.Generation, live.Uri, live.LaunchStage = `"x"`, 2, "https://api.a.run.app", 4
	live.Labels["others"] = "label"
	live.Template.Revision = "api-00002-abc"
	c := live.Template.Containers[0]
	c.Ports[0].Name, c.StartupProbe.FailureThreshold = "http1", 1
	c.Resources.Limits["cpu"] = "1000m"
	return live
}

func TestRunDiffFindsWhatIsNotAsDeclared(t *testing.T) {
	t.Parallel()
	container := func(s *runpb.Service) *runpb.Container { return s.Template.Containers[0] }
	tests := map[string]struct {
		edit func(*runpb.Service)
		want []string
	}{
		"what the API fills in": {func(*runpb.Service) {}, nil},
		"scalar":                {func(s *runpb.Service) { container(s).Image = "api:2" }, []string{"template.containers[web].image: api:1 -> api:2"}},
		"enum": {func(s *runpb.Service) { s.Ingress = runpb.IngressTraffic_INGRESS_TRAFFIC_NONE },
			[]string{"ingress: INGRESS_TRAFFIC_ALL -> INGRESS_TRAFFIC_NONE"}},
		"label":    {func(s *runpb.Service) { delete(s.Labels, "team") }, []string{"labels[team]: shop -> (missing)"}},
		"quantity": {func(s *runpb.Service) { container(s).Resources.Limits["memory"] = "1Gi" }, []string{"template.containers[web].resources.limits[memory]: 512Mi -> 1Gi"}},
		"accelerator": {func(s *runpb.Service) { container(s).Resources.Limits["nvidia.com/gpu"] = "1" },
			[]string{"template.containers[web].resources.limits[nvidia.com/gpu]: (missing) -> 1"}},
		"list": {func(s *runpb.Service) { container(s).Args = nil }, []string{`template.containers[web].args: ["serve"] -> []`}},
		"declared as empty": {func(s *runpb.Service) { container(s).Command = []string{"sh"} },
			[]string{`template.containers[web].command: [] -> ["sh"]`}},
		"declared as zero": {func(s *runpb.Service) { s.Template.Scaling.MinInstanceCount = 2 },
			[]string{"template.scaling.min_instance_count: 0 -> 2"}},
		"added entry": {func(s *runpb.Service) {
			container(s).Env = append(container(s).Env, &runpb.EnvVar{Name: "KEY", Values: &runpb.EnvVar_Value{Value: "hidden"}})
		}, []string{"template.containers[web].env[KEY]: (missing) -> present"}},
		"headers, without their values": {func(s *runpb.Service) {
			get := &runpb.HTTPGetAction{HttpHeaders: []*runpb.HTTPHeader{{Name: "Authorization", Value: "hidden"}}}
			container(s).StartupProbe.ProbeType = &runpb.Probe_HttpGet{HttpGet: get}
		}, []string{"template.containers[web].startup_probe.http_get.http_headers: [] -> [{name: Authorization}]"}},
		"replaced container": {func(s *runpb.Service) { container(s).Name = "other" },
			[]string{"template.containers[web]: present -> (missing)", "template.containers[other]: (missing) -> present"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			live := liveRun()
			test.edit(live)
			if diff := cmp.Diff(test.want, runDiff(declaredRun(), live)); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRetiredIsWhatNoReleaseNeedsAnyMore(t *testing.T) {
	t.Parallel()
	version := func(secret string) string { return "projects/acme-dev/secrets/" + secret + "/versions/1" }
	on := func(identity string, secrets ...string) app.App {
		a := app.App{Name: "api", Identity: identity, CloudRun: &app.CloudRun{Project: "acme-dev", Location: "asia-northeast1"}, Secrets: map[string]string{}}
		for i, s := range secrets {
			a.Secrets[fmt.Sprintf("KEY%d", i)] = s
		}
		return a
	}
	const own, other = "api-asia-northeast1@acme-dev.iam.gserviceaccount.com", "other@acme-dev.iam.gserviceaccount.com"
	tests := map[string]struct {
		earlier       serviceRetired
		before, after app.App
		want          map[string][]string
	}{
		"another version of a secret": {before: on("", version("a")), after: on("", "projects/acme-dev/secrets/a/versions/2"), want: map[string][]string{}},
		"a secret less":               {before: on("", version("a"), version("b")), after: on("", version("b")), want: map[string][]string{own: {"projects/acme-dev/secrets/a"}}},
		"another identity":            {before: on("", version("a")), after: on(other, version("a")), want: map[string][]string{own: {"projects/acme-dev/secrets/a"}}},
		"id and number of a project": {
			before: on("", "projects/123456789012/secrets/a/versions/1"), after: on("", version("a")), want: map[string][]string{},
		},
		"a regional secret in place of a global one of its name": {
			before: on("", version("a")), after: on("", "projects/acme-dev/locations/eu/secrets/a/versions/1"),
			want: map[string][]string{own: {"projects/acme-dev/secrets/a"}},
		},
		"a regional secret less": {
			before: on("", "projects/acme-dev/locations/eu/secrets/a/versions/1"), after: on(""),
			want: map[string][]string{own: {"projects/acme-dev/locations/eu/secrets/a"}},
		},
		"id and number of a regional secret's project": {
			before: on("", "projects/123456789012/locations/eu/secrets/a/versions/1"), after: on("", "projects/acme-dev/locations/eu/secrets/a/versions/1"),
			want: map[string][]string{},
		},
		"id and number with another location": {
			before: on("", "projects/123456789012/locations/eu/secrets/a/versions/1"), after: on("", "projects/acme-dev/locations/us/secrets/a/versions/1"),
			want: map[string][]string{own: {"projects/123456789012/locations/eu/secrets/a"}},
		},
		"an interrupted update": {
			earlier: serviceRetired{Grants: map[string][]string{own: {"projects/acme-dev/secrets/old"}}},
			before:  on("", version("a")), after: on("", version("a")), want: map[string][]string{own: {"projects/acme-dev/secrets/old"}},
		},
		"an interrupted update that is taken back": {
			earlier: serviceRetired{Grants: map[string][]string{own: {"projects/acme-dev/secrets/a"}}},
			before:  on(""), after: on("", version("a")), want: map[string][]string{},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := test.earlier.plus(test.before, test.after)
			if diff := cmp.Diff(test.want, got.Grants); diff != "" {
				t.Errorf("grants (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRetiredAnnotationNamesNothingButWhatItMay(t *testing.T) {
	t.Parallel()
	hostile := `{"grants":{"a@b":["projects/acme-dev/secrets/a","projects/x/secrets/../policies","projects/acme-dev/locations/eu/secrets/a",
		"projects/acme-dev/locations/evil.example.com/secrets/a"],"x/y:z":["projects/acme-dev/secrets/a"]},
		"processes":["worker","../services/api"]}`
	got, unfinished, err := serviceRetiredOf(map[string]string{serviceRetiredAnnotation: hostile})
	want := serviceRetired{Grants: map[string][]string{"a@b": {"projects/acme-dev/secrets/a", "projects/acme-dev/locations/eu/secrets/a"}}, Processes: []string{"worker"}}
	if diff := cmp.Diff(want, got); diff != "" || !unfinished || err != nil {
		t.Errorf("unfinished %v, error %v (-want +got):\n%s", unfinished, err, diff)
	}
	if _, _, err := serviceRetiredOf(map[string]string{serviceRetiredAnnotation: "no JSON"}); err == nil {
		t.Error("what is no JSON was read")
	}
}

func TestFailuresThatPassAreToldFromThoseOfTheRelease(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	crash := &kube.RolloutError{Deployment: "shop-web", Reason: "CrashLoopBackOff", Hopeless: true}
	revision := &gcp.OperationError{Code: codes.Internal, Message: "Revision 'x' is not ready and cannot serve traffic."}
	tests := map[string]struct {
		ctx  context.Context
		err  error
		want bool
	}{
		"crash":                      {t.Context(), crash, false},
		"revision":                   {t.Context(), revision, false},
		"permission":                 {t.Context(), status.Error(codes.PermissionDenied, "no"), false},
		"unavailable":                {t.Context(), status.Error(codes.Unavailable, "away"), true},
		"timeout while pods wait":    {t.Context(), fmt.Errorf("%w; %w", context.DeadlineExceeded, &kube.RolloutError{Reason: "NotReady"}), true},
		"anything after the timeout": {ended, errors.New("cut off"), true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := serviceMayGoOn(test.ctx, test.err); got != test.want {
				t.Errorf("may go on: %v, want %v", got, test.want)
			}
		})
	}
}

func TestReasonsOfPodsLeadToAttributes(t *testing.T) {
	t.Parallel()
	a := app.App{Name: "shop", Processes: map[string]app.Process{"web": {}, "worker": {}}}
	for reason, attribute := range map[string]string{
		"ImagePullBackOff": "image", "CrashLoopBackOff": "processes.worker", "NotReady": "processes.worker.readiness",
		"Unschedulable": "gke.capacity", "SomethingNew": "",
	} {
		err := serviceError("create", a, &kube.RolloutError{Namespace: "shop", Deployment: "shop-worker", Reason: reason})
		var told *Error
		if !errors.As(err, &told) || strings.Join(told.Attribute, ".") != attribute || !strings.Contains(told.Why, `"worker"`) {
			t.Errorf("%s: %v", reason, err)
		}
		if slices.ContainsFunc([]string{"PROCESS", "NAMESPACE", "DEPLOYMENT"}, func(s string) bool { return strings.Contains(told.Fix, s) }) {
			t.Errorf("%s: %s", reason, told.Fix)
		}
	}
}
