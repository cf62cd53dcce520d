package cloudrun_test

import (
	"bytes"
	"maps"
	"path"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/cloudrun"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/golden"
)

func messages(in cloudrun.Input) []proto.Message {
	var all []proto.Message
	if s := cloudrun.Service(in); s != nil {
		all = append(all, s)
	}
	for _, pool := range cloudrun.WorkerPools(in) {
		all = append(all, pool)
	}
	return all
}

func base(t *testing.T) cloudrun.Input {
	t.Helper()
	return golden.CloudRun(t)[golden.Base]
}

// written gives messages as bytes, in which only the order within maps is the encoder's.
func written(t testing.TB, all []proto.Message) []byte {
	t.Helper()
	var out []byte
	for _, m := range all {
		b, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(out, m)
		if err != nil {
			t.Fatal(err)
		}
		out = b
	}
	return out
}

func TestTheSameAppRendersToTheSameMessages(t *testing.T) {
	t.Parallel()
	first := map[string][]byte{}
	for name, in := range golden.CloudRun(t) {
		first[name] = written(t, messages(in))
	}
	for range 100 {
		for name, in := range golden.CloudRun(t) {
			if again := written(t, messages(in)); !bytes.Equal(first[name], again) {
				t.Fatalf("%s renders differently", name)
			}
		}
	}
}

func TestTheAppIsRecorded(t *testing.T) {
	t.Parallel()
	for name, in := range golden.CloudRun(t) {
		for _, m := range messages(in) {
			annotations := m.(interface{ GetAnnotations() map[string]string }).GetAnnotations()
			back, err := app.Decode([]byte(annotations[names.KubeApp]))
			if err != nil {
				t.Fatal(err)
			}
			want := app.WithDefaults(in.App)
			for process, p := range want.Processes {
				p.Scale.MinSet = false // the record has the number itself
				want.Processes[process] = p
			}
			if diff := cmp.Diff(want, back); diff != "" {
				t.Errorf("%s: (-want, +got)\n%s", name, diff)
			}
		}
	}
}

// What only marks the service must not make a revision of it.
func TestMarksDoNotMakeRevisions(t *testing.T) {
	t.Parallel()
	finished, creating := base(t), base(t)
	creating.Creating, creating.Stamp = time.Unix(1793534400, 0), names.Stamp{Stack: "another"}
	if !proto.Equal(cloudrun.Service(finished).GetTemplate(), cloudrun.Service(creating).GetTemplate()) {
		t.Error("a mark changes the template")
	}
	if proto.Equal(cloudrun.Service(finished), cloudrun.Service(creating)) {
		t.Error("the mark is nowhere")
	}
	again := base(t)
	again.Attempt = 1
	if proto.Equal(cloudrun.Service(finished).GetTemplate(), cloudrun.Service(again).GetTemplate()) {
		t.Error("another attempt does not change the template")
	}
}

func TestEveryIngressHasAValueOfTheAPI(t *testing.T) {
	t.Parallel()
	seen := map[runpb.IngressTraffic]string{}
	for _, ingress := range app.Ingresses() {
		in := base(t)
		in.App.CloudRun.Ingress = ingress
		got := cloudrun.Service(in).GetIngress()
		if other, ok := seen[got]; ok || got == runpb.IngressTraffic_INGRESS_TRAFFIC_UNSPECIFIED {
			t.Errorf("ingress %s is %s, as is %q", ingress, got, other)
		}
		seen[got] = ingress
	}
}

func TestSecretsArePinned(t *testing.T) {
	t.Parallel()
	want := map[string]string{"SESSION_KEYS": "shop-session-key@3", "PAYMENTS_API_KEY": "projects/acme-shared/secrets/payments-api-key@1"}
	for _, container := range []*runpb.Container{
		cloudrun.Service(base(t)).GetTemplate().GetContainers()[0], cloudrun.WorkerPools(base(t))[0].GetTemplate().GetContainers()[0],
	} {
		got := map[string]string{}
		for _, e := range container.GetEnv() {
			if ref := e.GetValueSource().GetSecretKeyRef(); ref != nil {
				got[e.GetName()] = ref.GetSecret() + "@" + ref.GetVersion()
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("secrets %v, want %v", got, want)
		}
	}
}

func TestWorkerPoolsOfTwoServicesAreTwo(t *testing.T) {
	t.Parallel()
	one, other := base(t), base(t)
	one.App.Name, one.App.Processes["mail-worker"] = "public", app.Process{}
	other.App.Name, other.App.Processes["worker"] = "public-mail", app.Process{}
	seen := map[string]bool{}
	for _, in := range []cloudrun.Input{one, other} {
		for _, pool := range cloudrun.WorkerPools(in) {
			if seen[pool.GetName()] || names.CheckRunService(path.Base(pool.GetName())) != nil {
				t.Errorf("worker pool %s is another's, or not valid", pool.GetName())
			}
			seen[pool.GetName()] = true
		}
	}
}

func TestAnotherRuntimeRendersNothing(t *testing.T) {
	t.Parallel()
	in := base(t)
	in.App.CloudRun, in.App.GKE = nil, &app.GKE{}
	if all := messages(in); len(all) != 0 {
		t.Errorf("rendered %v", all)
	}
}

func TestWholeCPUsAreWrittenAsTheAPIDoes(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"1": "1", "1000m": "1", "2.0": "2", "0.5": "500m", "500m": "500m", "": "1", "x": "x"} {
		in := base(t)
		in.App.Processes["web"] = app.Process{CPU: given}
		got := cloudrun.Service(in).GetTemplate().GetContainers()[0].GetResources().GetLimits()["cpu"]
		if got != want {
			t.Errorf("cpu %q is written %q, want %q", given, got, want)
		}
	}
}

func TestNamesAreThoseOfTheProject(t *testing.T) {
	t.Parallel()
	for _, m := range messages(base(t)) {
		if name := m.(interface{ GetName() string }).GetName(); !strings.HasPrefix(name, "projects/acme-dev/locations/asia-northeast1/") {
			t.Errorf("name %s", name)
		}
	}
}
