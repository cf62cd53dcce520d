package service

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// validate runs the checks between attributes; provider is nil as in terraform validate.
func validate(t *testing.T, o object, provider *tf.Provider) diag.Diagnostics {
	t.Helper()
	var resp resource.ValidateConfigResponse
	r := &serviceResource{provider: provider}
	r.ValidateConfig(t.Context(), resource.ValidateConfigRequest{Config: configuration(t, o)}, &resp)
	return resp.Diagnostics
}

func TestWrongInputIsRefusedAtItsAttribute(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 50)
	for _, row := range []struct {
		wrong object
		at    string
	}{
		{onRun(set("cloud_run", nil)), `gke`},
		{onRun(set("gke", object{"cluster": testCluster})), `cloud_run`},
		{onRun(set("name", "Shop")), `name`},
		{onRun(set("name", long)), `name`},
		{onRun(set("image", "asia-docker.pkg.dev/acme/shop/web")), `image`},
		{onRun(set("image", "asia-docker.pkg.dev/acme/shop/web:latest")), `image`},
		{onRun(set("image", "")), `image`},
		{onRun(set("config", object{"PORT": "80"})), `config["PORT"]`},
		{onRun(set("config", object{"K_SERVICE": unknown{}})), `config["K_SERVICE"]`},
		{onRun(set("config", object{"1ST": "x"})), `config["1ST"]`},
		{onRun(set("secrets", object{"LOG-LEVEL": unknown{}})), `secrets["LOG-LEVEL"]`},
		{onRun(set("secrets", object{"A": "payments-api-key"})), `secrets["A"]`},
		{onRun(set("secrets", object{"A": "projects/acme-dev/secrets/a/versions/latest"})), `secrets["A"]`},
		{onRun(set("secrets", object{"A": regionalVersion, "B": testVersion})), `secrets["A"]`},
		{onRun(set("secrets", object{"A": "projects/acme-dev/locations/global/secrets/a/versions/1"})), `secrets["A"]`},
		{onGKE(set("secrets", object{"A": "projects/acme-dev/locations/asia-northeast1-a/secrets/a/versions/1"})), `secrets["A"]`},
		{onRun(set("config", object{"A": "x"}), set("secrets", object{"A": testVersion})), `config["A"]`},
		{onRun(set("processes", object{})), `processes`},
		{onRun(set("processes", object{"worker": object{}})), `processes`},
		{onRun(set("processes", object{"web": object{}, "Worker": unknown{}})), `processes["Worker"]`},
		{onRun(worker(object{"scale": object{"min": 1, "max": 3}})), `processes["worker"].scale`},
		{onRun(worker(object{"port": 70000})), `processes["worker"].port`},
		{onRun(worker(object{"liveness": object{"path": "/"}})), `processes["worker"].liveness`},
		{onRun(worker(object{"port": 80, "readiness": object{"path": "/"}})), `processes["worker"].readiness`},
		{onRun(set("sidecars", object{"Proxy": unknown{}})), `sidecars["Proxy"]`},
		{onRun(set("sidecars", object{"proxy": object{"image": "acme/proxy"}})), `sidecars["proxy"].image`},
		{onRun(set("annotations", object{"run.googleapis.com/x": "y"})), `annotations["run.googleapis.com/x"]`},
		{onRun(web(object{"port": 70000})), `processes["web"].port`},
		{onRun(web(object{"cpu": "lots"})), `processes["web"].cpu`},
		{onRun(web(object{"memory": "512"})), `processes["web"].memory`},
		{onRun(web(object{"scale": object{"min": 3, "max": 2}})), `processes["web"].scale.max`},
		{onRun(web(object{"scale": object{"cpu_percent": 50}})), `processes["web"].scale.cpu_percent`},
		{onRun(web(object{"shutdown_grace": "20s"})), `processes["web"].shutdown_grace`},
		{onRun(web(object{"liveness": object{"path": "/", "tcp": true}})), `processes["web"].liveness`},
		{onRun(web(object{"scratch": object{"tmp": "1Mi"}})), `processes["web"].scratch["tmp"]`},
		{onRun(set("labels", object{"Team": "web"})), `labels["Team"]`},
		{onRun(set("cloud_run", object{"ingress": "none"})), `cloud_run.ingress`},
		{onRun(set("cloud_run", object{"invokers": []any{"allUsers"}})), `cloud_run.invokers`},
		{onRun(set("cloud_run", object{"vpc": object{}})), `cloud_run.vpc`},
		{onRun(set("cloud_run", object{"vpc": object{"network": "Default"}})), `cloud_run.vpc.network`},
		{onRun(set("cloud_run", object{"vpc": object{"network": "default", "tags": []any{"a_b", unknown{}}}})), `cloud_run.vpc.tags`},
		{onRun(set("cloud_run", object{"execution_environment": "gen3"})), `cloud_run.execution_environment`},
		{onRun(set("cloud_run", object{"execution_environment": "gen2"}), web(object{"cpu": "500m"})), `cloud_run.execution_environment`},
		{onRun(set("cloud_run", object{"cpu_always_allocated": true}), web(object{"memory": "256Mi"})), `cloud_run.cpu_always_allocated`},
		{onRun(set("cloud_run", object{"request_timeout": "3601s"})), `cloud_run.request_timeout`},
		{onRun(set("cloud_run", object{"protocol": "http2"})), `cloud_run.protocol`},
		{onRun(set("cloud_run", object{"revision_scale": object{"max": 2}}), web(object{"scale": object{"min": 3}})), `cloud_run.revision_scale`},
		{onRun(set("cloud_run", object{"custom_audiences": []any{"a b"}})), `cloud_run.custom_audiences`},
		{onRun(set("cloud_run", object{"invoker_iam_disabled": true, "public": true})), `cloud_run.invoker_iam_disabled`},
		{onRun(worker(object{"memory": "256Mi"})), `processes["worker"].memory`},
		{onRun(set("identity", testCluster+"/namespaces/shop/serviceAccounts/shop")), `identity`},
		{onGKE(set("gke", object{"cluster": testCluster, "namespace": "kube-system"})), `gke.namespace`},
		{onGKE(set("gke", object{"cluster": unknown{}, "namespace": "Shop"})), `gke.namespace`},
		{onGKE(set("gke", object{"cluster": testCluster, "capacity": "cheap"})), `gke.capacity`},
		{onGKE(web(object{"scale": object{"min": 0}})), `processes["web"].scale.min`},
		{onGKE(web(object{"scale": object{"concurrency": 80}})), `processes["web"].scale.concurrency`},
		{onGKE(set("project", "acme-prod")), `project`},
		{onGKE(set("identity", "projects/acme-dev/serviceAccounts/a@acme-dev.iam.gserviceaccount.com")), `identity`},
		{onGKE(set("identity", testCluster+"/namespaces/other/serviceAccounts/shop")), `identity`},
	} {
		diags := validate(t, row.wrong, nil)
		if len(diags) != 1 || diags[0].Severity() != diag.SeverityError {
			t.Errorf("at %s: got %q, want one error", row.at, shown(diags))
			continue
		}
		if got := diags[0].(diag.DiagnosticWithPath).Path().String(); got != row.at {
			t.Errorf("got an error at %s, want at %s: %s", got, row.at, diags[0].Summary())
		}
	}
}

func TestWhatIsUnknownIsNotRefused(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]object{
		"runtime":         onRun(set("cloud_run", nil), set("gke", unknown{})),
		"other runtime":   onRun(set("gke", unknown{})),
		"cluster":         onGKE(set("gke", object{"cluster": unknown{}})),
		"namespace":       onGKE(set("gke", object{"cluster": testCluster, "namespace": unknown{}}), set("identity", testCluster+"/namespaces/a/serviceAccounts/b")),
		"image":           onRun(set("image", unknown{})),
		"name":            onRun(set("name", unknown{})),
		"config":          onRun(set("config", unknown{})),
		"secret version":  onRun(set("secrets", object{"A": unknown{}})),
		"processes":       onRun(set("processes", unknown{})),
		"process":         onRun(set("processes", object{"web": unknown{}})),
		"command":         onRun(web(object{"command": []any{unknown{}}})),
		"scale":           onRun(worker(object{"scale": unknown{}})),
		"least instances": onRun(worker(object{"scale": object{"min": unknown{}, "max": 3}})),
		"kind of check":   onRun(web(object{"liveness": object{"path": unknown{}}})),
		"grace":           onRun(web(object{"shutdown_grace": unknown{}})),
		"invokers":        onRun(set("cloud_run", object{"invokers": []any{unknown{}}})),
		"identity":        onGKE(set("identity", unknown{})),
		"network":         onRun(set("cloud_run", object{"vpc": object{"network": unknown{}}})),
		"vpc":             onRun(set("cloud_run", object{"vpc": unknown{}})),
		"size":            onRun(set("cloud_run", object{"execution_environment": "gen2", "cpu_always_allocated": true}), web(object{"cpu": unknown{}, "memory": "256Mi"})),
		"revisions":       onRun(set("cloud_run", object{"revision_scale": object{"min": unknown{}}})),
		"revisions' web":  onRun(set("cloud_run", object{"revision_scale": object{"min": 200}}), web(object{"scale": object{"max": unknown{}}})),
		"request timeout": onRun(set("cloud_run", object{"request_timeout": unknown{}, "protocol": unknown{}, "startup_cpu_boost": unknown{}})),
		"project":         onGKE(set("project", unknown{})),
		"label":           onRun(set("labels", object{"team": unknown{}})),
	} {
		if diags := validate(t, o, nil); len(diags) > 0 {
			t.Errorf("%s: got %q", name, shown(diags))
		}
	}
}

func providerWith(factors map[string]string) *tf.Provider {
	enforced := map[string]string{app.LiveCheck: "off"} // there is nobody to ask
	maps.Copy(enforced, factors)
	return &tf.Provider{
		Known: true, Factors: enforced, Project: types.StringValue("acme-dev"), Region: types.StringValue("asia-northeast1"),
		DefaultLabels: types.MapValueMust(types.StringType, nil),
	}
}

func TestFactorsSayHowRulesAreEnforced(t *testing.T) {
	t.Parallel()
	suspicious := onRun(set("config", object{"API_TOKEN": "x"}))
	alone := onGKE(set("gke", object{"cluster": testCluster, "capacity": "spot"}))
	for _, row := range []struct {
		config  object
		factors map[string]string
		want    []string
	}{
		{suspicious, nil, []string{`warning config["API_TOKEN"]: Value looks like a secret`}},
		{suspicious, map[string]string{"secret-in-config": "error"}, []string{`error config["API_TOKEN"]: Value looks like a secret`}},
		{suspicious, map[string]string{"secret-in-config": "off"}, nil},
		{alone, nil, []string{`warning processes["web"].scale.min: One instance on Spot nodes`}},
		{onRun(set("image", "a/b:latest")), map[string]string{"pinned-image": "warn"}, []string{`warning image: Image is not pinned`}},
	} {
		got := shown(validate(t, row.config, providerWith(row.factors)))
		if !slices.Equal(got, row.want) {
			t.Errorf("with %v: got %q, want %q", row.factors, got, row.want)
		}
	}
	if diags := validate(t, suspicious, nil); len(diags) > 0 {
		t.Errorf("without a provider it is not known whether the warning is wanted: %q", shown(diags))
	}
}

// No finding shows a value of config.
func TestFindingsDoNotShowConfig(t *testing.T) {
	t.Parallel()
	const value = "c0nfidential-\x00value"
	diags := validate(t, onRun(set("config", object{"API_TOKEN": value})), providerWith(nil))
	if len(diags) != 2 {
		t.Errorf("what is no text and looks like a secret is found %d times", len(diags))
	}
	for _, d := range diags {
		if strings.Contains(d.Detail()+d.Summary(), "c0nfidential") {
			t.Errorf("shown: %s", d.Detail())
		}
	}
}
