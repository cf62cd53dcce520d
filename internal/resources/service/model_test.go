package service

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

// Every attribute of the schema has its field and every field its attribute.
func TestModelAndSchemaAgree(t *testing.T) {
	t.Parallel()
	whole := testSchema(t).Type().(basetypes.ObjectType).AttrTypes
	for _, pair := range []struct {
		model any
		types map[string]attr.Type
	}{
		{model{}, whole}, {gkeModel{}, gkeTypes}, {runModel{}, runTypes}, {vpcModel{}, vpcTypes}, {revisionScaleModel{}, revisionScaleTypes}, {processModel{}, processTypes},
		{scaleModel{}, scaleTypes}, {probeModel{}, probeTypes},
		{sidecarModel{}, sidecarTypes}, {waitModel{}, waitTypes},
		{identity{}, identitySchema().Type().(basetypes.ObjectType).AttrTypes},
	} {
		var fields, attributes []string
		for i := range reflect.TypeOf(pair.model).NumField() {
			fields = append(fields, reflect.TypeOf(pair.model).Field(i).Tag.Get("tfsdk"))
		}
		for name := range pair.types {
			attributes = append(attributes, name)
		}
		slices.Sort(fields)
		slices.Sort(attributes)
		if diff := cmp.Diff(attributes, fields); diff != "" {
			t.Errorf("%T: (-schema, +model)\n%s", pair.model, diff)
		}
	}
}

func TestEveryAttributeIsDescribed(t *testing.T) {
	t.Parallel()
	s := testSchema(t)
	if diags := s.ValidateImplementation(t.Context()); diags.HasError() {
		t.Error(diags)
	}
	for name, attribute := range s.Attributes {
		if attribute.GetMarkdownDescription() == "" && name != "timeouts" {
			t.Errorf("%s has no description", name)
		}
	}
}

func everything() object {
	return onGKE(
		set("gke", object{
			"cluster": testCluster, "namespace": "web", "capacity": "spot", "session_affinity": true,
			"identity_wait": object{"enabled": true, "image": "acme/busybox:1", "timeout": "30s"},
		}),
		set("annotations", object{"prometheus.io/scrape": "true"}), set("sidecars", object{"proxy": everythingBeside()}),
		set("config", object{"LOG_LEVEL": "info"}), set("secrets", object{"API_KEY": testVersion}), set("labels", object{"team": "web"}),
		set("identity", testCluster+"/namespaces/web/serviceAccounts/publisher"),
		set("image_owner", "external"), set("drift_ignore", []any{"Deployment spec.replicas", "Deployment metadata.labels.team"}), set("rerender", true),
		set("processes", object{
			"web": object{
				"command": []any{"/app"}, "args": []any{"serve"}, "port": 9000, "cpu": "500m", "memory": "1Gi",
				"scale":    object{"min": 2, "max": 10, "cpu_percent": 70},
				"startup":  object{"grpc": true, "grpc_service": "shop", "period": "5s", "timeout": "2s", "failure_threshold": 9},
				"liveness": object{"path": "/live"}, "readiness": object{"tcp": true},
				"shutdown_grace": "20s", "scratch": object{"/var/cache": "64Mi"},
			},
			"worker": object{"scale": object{"min": 1}},
		}),
	)
}

func everythingBeside() object {
	return object{
		"image": "acme/proxy:1", "command": []any{"/proxy"}, "args": []any{"--port=9001"}, "config": object{"A": "b"},
		"secrets": object{"KEY": testVersion}, "port": 9001, "cpu": "100m", "memory": "128Mi",
		"startup": object{"tcp": true}, "liveness": object{"path": "/live"}, "readiness": object{"grpc": true},
		"scratch": object{"/var/cache": "16Mi"}, "processes": []any{"worker", "web"}, "after": []any{"mesh"},
	}
}

func TestExpand(t *testing.T) {
	t.Parallel()
	got, diags := expand(t.Context(), modelOf(t, everything()))
	mustNot(t, diags)
	want := app.App{
		Name: "shop", Image: testImage, Identity: "publisher",
		GKE: &app.GKE{
			Cluster: testCluster, Namespace: "web", Capacity: app.Spot, SessionAffinity: true,
			IdentityWait: &app.IdentityWait{Image: "acme/busybox:1", Timeout: 30e9},
		},
		Annotations: map[string]string{"prometheus.io/scrape": "true"},
		Sidecars: map[string]app.Sidecar{"proxy": {
			Image: "acme/proxy:1", Command: []string{"/proxy"}, Args: []string{"--port=9001"}, Config: map[string]string{"A": "b"},
			Secrets: map[string]string{"KEY": testVersion}, Port: 9001, CPU: "100m", Memory: "128Mi",
			Startup: &app.Probe{TCP: true}, Liveness: &app.Probe{Path: "/live"}, Readiness: &app.Probe{GRPC: true},
			Scratch: map[string]string{"/var/cache": "16Mi"}, Processes: []string{"web", "worker"}, After: []string{"mesh"},
		}},
		Config: map[string]string{"LOG_LEVEL": "info"}, Secrets: map[string]string{"API_KEY": testVersion},
		Labels: map[string]string{"team": "web"},
		Ownership: app.Ownership{
			ImageOwner: app.ImageExternal, DriftIgnore: []string{"Deployment metadata.labels.team", "Deployment spec.replicas"}, Rerender: true,
		},
		Processes: map[string]app.Process{
			"web": {
				Command: []string{"/app"}, Args: []string{"serve"}, Port: 9000, CPU: "500m", Memory: "1Gi",
				Scale:    app.Scale{Min: 2, Max: 10, CPUPercent: 70, MinSet: true},
				Startup:  &app.Probe{GRPC: true, GRPCService: "shop", Period: 5e9, Timeout: 2e9, FailureThreshold: 9},
				Liveness: &app.Probe{Path: "/live"}, Readiness: &app.Probe{TCP: true},
				ShutdownGrace: 20e9, Scratch: map[string]string{"/var/cache": "64Mi"},
			},
			"worker": {Scale: app.Scale{Min: 1, MinSet: true}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want, +got)\n%s", diff)
	}
}

// roundTrips are configurations that an import has to give back as they were written.
var roundTrips = map[string]object{
	"the least on GKE":         onGKE(),
	"the least on Cloud Run":   onRun(),
	"everything":               everything(),
	"what says the default":    onRun(web(object{"port": 8080, "scale": object{"min": 0, "max": 100, "concurrency": 80}})),
	"no wait":                  onGKE(set("gke", object{"cluster": testCluster, "identity_wait": object{"enabled": false}})),
	"a wait that says nothing": onGKE(set("gke", object{"cluster": testCluster, "identity_wait": object{}, "session_affinity": false})),
	"the least sidecar":        onRun(set("sidecars", object{"proxy": object{"image": "acme/proxy:1"}})),
	"sidecars that are empty":  onRun(set("sidecars", object{}), set("annotations", object{})),
	"a sidecar with what is empty": onRun(set("sidecars", object{"proxy": object{
		"image": "acme/proxy:1", "config": object{}, "secrets": object{}, "args": []any{}, "scratch": object{},
	}})),
	"a parked worker":         onRun(worker(object{"scale": object{"min": 0}})),
	"everything of Cloud Run": onRun(set("cloud_run", everythingOfRun())),
	"what is empty": onRun(
		set("config", object{}), set("secrets", object{}), set("labels", object{}), set("config_files", object{}), set("secret_files", object{}), web(object{"scale": object{}, "command": []any{}, "scratch": object{}}),
		set("cloud_run", object{"location": "asia-northeast1", "public": false, "invokers": []any{}, "ingress": "all"})),
	"another wording":             onRun(web(object{"shutdown_grace": "0m5s", "readiness": object{"path": "/", "tcp": false, "period": "1m"}})),
	"owners that are the default": onRun(set("image_owner", "terraform"), set("drift_ignore", []any{}), set("rerender", false)),
	"invokers": onRun(set("cloud_run", object{"location": "asia-northeast1", "invokers": []any{"user:b@acme.example", "user:a@acme.example"}}),
		set("identity", "projects/acme-dev/serviceAccounts/shop-web@acme-dev.iam.gserviceaccount.com")),
}

// recordedApp is what comes back from the live objects of a declared app.
func recordedApp(t *testing.T, m model) app.App {
	t.Helper()
	a := m.spec(t.Context(), 0, nil).App
	encoded, err := app.Encode(app.WithDefaults(a))
	if err != nil {
		t.Fatal(err)
	}
	back, err := app.Decode(encoded)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range back.Processes {
		p.Scale.MinSet = true
		back.Processes[name] = p
	}
	return back
}

func labelled(m model) model {
	m.EffectiveLabels = types.MapValueMust(types.StringType, m.Labels.Elements())
	return m
}

func TestImportGivesBackWhatWasWritten(t *testing.T) {
	t.Parallel()
	for name, o := range roundTrips {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := labelled(modelOf(t, o))
			imported := modelOf(t, object{"id": "x"})
			got := recorded(t.Context(), recordedApp(t, want), imported, types.MapNull(types.StringType), nil)
			want.ID = got.ID
			compareModels(t, want, got)
		})
	}
}

// Without its wording an app is imported with all that it says, and means the same.
func TestImportOfAnAppWithoutWording(t *testing.T) {
	t.Parallel()
	for name, o := range roundTrips {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, wording := range []json.RawMessage{nil, json.RawMessage(`{"processes":{"web":{"port":1}}}`), json.RawMessage(`{"gke":7}`)} {
				a := recordedApp(t, labelled(modelOf(t, o)))
				a.Source = wording
				m := recorded(t.Context(), a, modelOf(t, object{"id": "x"}), types.MapNull(types.StringType), nil)
				back, diags := expand(t.Context(), m)
				mustNot(t, diags)
				if !same(back, a) {
					t.Errorf("(-recorded, +imported)\n%s", cmp.Diff(a, back))
				}
			}
		})
	}
}

// A refresh keeps the wording of the state where something else is live.
func TestFlattenKeepsWhatMeansTheSame(t *testing.T) {
	t.Parallel()
	for name, o := range roundTrips {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prior := modelOf(t, o)
			a, _ := expand(t.Context(), prior)
			got, diags := flatten(t.Context(), a, prior)
			mustNot(t, diags)
			compareModels(t, prior, got)
		})
	}
}

func TestDefaultLabelsAreNotTheServicesOwn(t *testing.T) {
	t.Parallel()
	defaults := types.MapValueMust(types.StringType, map[string]attr.Value{"team": types.StringValue("web"), "env": types.StringValue("dev")})
	live := map[string]string{"team": "web", "env": "prod", "tier": "front"}
	all, own := splitLabels(live, modelOf(t, onRun()), defaults)
	if len(all.Elements()) != 3 || len(own.Elements()) != 2 || own.Elements()["team"] != nil {
		t.Errorf("all are %s, own are %s", all, own)
	}
	_, own = splitLabels(live, modelOf(t, onRun(set("labels", object{"team": "web"}))), defaults)
	if len(own.Elements()) != 3 {
		t.Errorf("a repeated label is not kept: %s", own)
	}
}

func compareModels(t *testing.T, want, got model) {
	t.Helper()
	if diff := cmp.Diff(valueOf(t, want).String(), valueOf(t, got).String()); diff != "" {
		t.Errorf("(-want, +got)\n%s", diff)
	}
}

func valueOf(t *testing.T, m model) tftypes.Value {
	t.Helper()
	s := testSchema(t)
	state := tfsdk.State{Schema: s, Raw: tftypes.NewValue(s.Type().TerraformType(t.Context()), nil)}
	mustNot(t, state.Set(t.Context(), m))
	return state.Raw
}
