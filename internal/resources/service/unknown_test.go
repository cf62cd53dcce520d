package service

import (
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// crowded declares what the rules compare with each other, and nowhere what would stand in for it by default.
func crowded(o object) {
	o["processes"] = object{
		"web": object{
			"port": 3000, "cpu": "7800m", "memory": "32500Mi", "readiness": object{"path": "/healthz"}, "scale": object{"min": 2, "max": 3},
			"scratch": object{"/var/cache/web": "16Mi"},
		},
		"worker": object{"port": 3001, "cpu": "1", "memory": "1Gi", "scale": object{"min": 2, "max": 2}, "startup": object{"tcp": true}},
	}
	check := object{"path": "/ready", "period": "5s", "timeout": "2s", "failure_threshold": 4}
	o["sidecars"] = object{
		"agent": object{"image": "acme/agent:1", "cpu": "100m", "memory": "128Mi", "port": 8080, "startup": check, "after": []any{"proxy"}, "processes": []any{"web"}},
		"proxy": object{"image": "acme/proxy:1", "cpu": "100m", "memory": "64Mi", "port": 8081, "startup": check, "processes": []any{"web"}},
		"twin":  object{"image": "acme/proxy:1", "cpu": "500m", "memory": "64Mi", "port": 8081, "processes": []any{"worker"}},
	}
	o["config"] = object{"LEVEL": "info"}
	o["secrets"] = object{"KEY": testVersion}
	o["config_files"] = object{"/etc/app/app.conf": "a = b\n"}
	o["secret_files"] = object{"/etc/keys/key": testVersion}
	o["annotations"] = object{"acme.example/team": "web"}
	o["labels"] = object{"team": "web"}
	o["image_owner"] = "external"
	o["drift_ignore"] = []any{"Service traffic"}
}

// Each value of a valid configuration may be known after apply only: nothing is refused for what would stand in for it.
func TestAnyUnknownValueIsNotRefused(t *testing.T) {
	t.Parallel()
	for runtime, config := range map[string]tfsdk.Config{
		"Cloud Run": configuration(t, onRun(crowded, set("cloud_run", object{
			"location": "asia-northeast1", "execution_environment": "gen2", "cpu_always_allocated": true,
			"vpc": object{"subnetwork": "apps", "tags": []any{"egress"}}, "revision_scale": object{"min": 1, "max": 300},
		}))),
		"GKE": configuration(t, onGKE(crowded, set("gke", object{
			"cluster": testCluster, "namespace": "apps", "capacity": "mixed", "identity_wait": object{"image": "acme/busybox:1", "timeout": "30s"},
		}), set("drift_ignore", []any{"Deployment spec.template.spec.containers[web].resources"}))),
	} {
		refused := func(raw tftypes.Value) []string {
			var resp resource.ValidateConfigResponse
			r := &serviceResource{}
			r.ValidateConfig(t.Context(), resource.ValidateConfigRequest{Config: tfsdk.Config{Raw: raw, Schema: config.Schema}}, &resp)
			return shown(resp.Diagnostics)
		}
		if diags := refused(config.Raw); len(diags) > 0 {
			t.Fatalf("on %s nothing is unknown: got %q", runtime, diags)
		}
		tried := 0
		for at := range valuesIn(t, config.Raw) {
			unknownThere, err := tftypes.Transform(config.Raw, func(here *tftypes.AttributePath, v tftypes.Value) (tftypes.Value, error) {
				if here.String() != at {
					return v, nil
				}
				return tftypes.NewValue(v.Type(), tftypes.UnknownValue), nil
			})
			if err != nil {
				t.Fatal(err)
			}
			tried++
			if diags := refused(unknownThere); len(diags) > 0 {
				t.Errorf("on %s with unknown %s: got %q", runtime, at, diags)
			}
		}
		if tried < 80 {
			t.Errorf("on %s only %d values were tried", runtime, tried)
		}
	}
}

// valuesIn are the paths of all values in a configuration but those that are null, which mean what they mean.
func valuesIn(t *testing.T, raw tftypes.Value) map[string]bool {
	t.Helper()
	paths := map[string]bool{}
	err := tftypes.Walk(raw, func(at *tftypes.AttributePath, v tftypes.Value) (bool, error) {
		if len(at.Steps()) > 0 && !v.IsNull() {
			paths[at.String()] = true
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// A pattern that covers nothing is told only when everything that it could cover is known.
func TestPatternsAreJudgedByTheWholeApp(t *testing.T) {
	t.Parallel()
	pattern := set("drift_ignore", []any{"Deployment spec.template.spec.initContainers[proxy].image"})
	const warning = `warning drift_ignore: Nothing to ignore`
	if got := plan(t, providerWith(nil), onGKE(pattern), nil).errors; !slices.Equal(got, []string{warning}) {
		t.Errorf("without sidecars: got %q, want %q", got, warning)
	}
	for _, attribute := range []string{"annotations", "config", "config_files", "image_owner", "labels", "secret_files", "secrets", "sidecars"} {
		if got := plan(t, providerWith(nil), onGKE(pattern, set(attribute, unknown{})), nil).errors; len(got) > 0 {
			t.Errorf("with unknown %s: got %q", attribute, got)
		}
	}
}

// A live check waits for everything that a policy may ask for. Values of config and of secrets decide nothing.
func TestLiveChecksWaitForWhatDecides(t *testing.T) {
	t.Parallel()
	for attribute, decides := range map[string]bool{
		"annotations": true, "drift_ignore": true, "effective_labels": true, "identity": true, "image": true, "image_owner": true, "processes": true,
		"sidecars": true, "config": false, "secrets": false, "config_files": false, "secret_files": false,
	} {
		open := modelOf(t, onGKE(set(attribute, unknown{}))).open(t.Context())
		if (len(open) > 0) != decides {
			t.Errorf("with unknown %s the check waits for %q", attribute, open)
		}
	}
}
