package service

import (
	"errors"
	"maps"
	"slices"
	"strings"
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

func crowdedOnBoth() map[string]object {
	return map[string]object{
		"Cloud Run": onRun(crowded, set("cloud_run", object{
			"location": "asia-northeast1", "execution_environment": "gen2", "cpu_always_allocated": true,
			"vpc": object{"subnetwork": "apps", "tags": []any{"egress"}}, "revision_scale": object{"min": 1, "max": 300},
		})),
		"GKE": onGKE(crowded, set("gke", object{
			"cluster": testCluster, "namespace": "apps", "capacity": "mixed", "identity_wait": object{"image": "acme/busybox:1", "timeout": "30s"},
		}), set("drift_ignore", []any{"Deployment spec.template.spec.containers[web].resources"})),
	}
}

// Each value of a valid configuration may be known after apply only: nothing is refused for what would stand in for it.
func TestAnyUnknownValueIsNotRefused(t *testing.T) {
	t.Parallel()
	for runtime, declared := range crowdedOnBoth() {
		config := configuration(t, declared)
		refused := func(raw tftypes.Value) []string {
			var resp resource.ValidateConfigResponse
			r := &serviceResource{}
			r.ValidateConfig(t.Context(), resource.ValidateConfigRequest{Config: tfsdk.Config{Raw: raw, Schema: config.Schema}}, &resp)
			return shown(resp.Diagnostics)
		}
		if diags := refused(config.Raw); len(diags) > 0 {
			t.Fatalf("on %s nothing is unknown: got %q", runtime, diags)
		}
		for at := range valuesIn(t, config.Raw) {
			if diags := refused(withValue(t, config.Raw, at, tftypes.UnknownValue)); len(diags) > 0 {
				t.Errorf("on %s with unknown %s: got %q", runtime, at, diags)
			}
		}
	}
}

// What a plan says while a value is unknown is so when it is known, whether it is what was there before, another or none:
// anything else is fatal in the middle of an apply.
func TestWhatIsPlannedHoldsWhenValuesAreKnown(t *testing.T) {
	t.Parallel()
	for runtime, config := range crowdedOnBoth() {
		whole := configuration(t, config).Raw
		for situation, state := range map[string]tftypes.Value{
			"create": tftypes.NewValue(whole.Type(), nil), "update": configuration(t, live(t, config)).Raw,
		} {
			asItWas, _ := plannedFrom(t, whole, state)
			for at := range valuesIn(t, whole) {
				if strings.Count(at, ".") > 1 { // what is computed depends on nothing that is deeper, or on all of it
					continue
				}
				open, diags := plannedFrom(t, withValue(t, whole, at, tftypes.UnknownValue), state)
				if len(diags) > 0 {
					t.Fatalf("%s on %s with unknown %s: got %q", situation, runtime, at, diags)
				}
				finals := map[string]map[string]tftypes.Value{"as it was": asItWas}
				if nothing, diags := plannedFrom(t, withValue(t, whole, at, nil), state); len(diags) == 0 { // else it is refused then
					finals["nothing"] = nothing
				}
				for turnsOut, final := range finals {
					for name, value := range open {
						if config[name] == nil && value.IsFullyKnown() && !value.Equal(final[name]) {
							t.Errorf("%s on %s with unknown %s, which is %s: %s was to be %s and is %s", situation, runtime, at, turnsOut, name, value, final[name])
						}
					}
				}
			}
		}
	}
}

// plannedFrom is what ModifyPlan makes of a configuration, by attribute, and what it refuses.
func plannedFrom(t *testing.T, config, state tftypes.Value) (map[string]tftypes.Value, []string) {
	t.Helper()
	s := testSchema(t)
	var proposed, before map[string]tftypes.Value
	if err := errors.Join(config.As(&proposed), state.As(&before)); err != nil {
		t.Fatal(err)
	}
	proposed = maps.Clone(proposed) // As gives the value's own
	for name, attribute := range s.Attributes {
		if attribute.IsComputed() && proposed[name].IsNull() {
			proposed[name] = tftypes.NewValue(proposed[name].Type(), tftypes.UnknownValue)
			if unchanged := config.Equal(stateConfig(t, state)); unchanged {
				proposed[name] = before[name]
			}
		}
	}
	plan := tfsdk.Plan{Schema: s, Raw: tftypes.NewValue(config.Type(), proposed)}
	resp := resource.ModifyPlanResponse{Plan: plan}
	r := &serviceResource{provider: providerWith(nil)}
	r.ModifyPlan(t.Context(), resource.ModifyPlanRequest{
		Config: tfsdk.Config{Schema: s, Raw: config}, Plan: plan, State: tfsdk.State{Schema: s, Raw: state},
	}, &resp)
	var made map[string]tftypes.Value
	if err := resp.Plan.Raw.As(&made); err != nil {
		t.Fatal(err)
	}
	return made, shown(resp.Diagnostics.Errors())
}

// stateConfig is a state without what only the provider sets.
func stateConfig(t *testing.T, state tftypes.Value) tftypes.Value {
	t.Helper()
	if state.IsNull() {
		return state
	}
	var parts map[string]tftypes.Value
	if err := state.As(&parts); err != nil {
		t.Fatal(err)
	}
	parts = maps.Clone(parts)
	for name, attribute := range testSchema(t).Attributes {
		if attribute.IsComputed() && !attribute.IsOptional() {
			parts[name] = tftypes.NewValue(parts[name].Type(), nil)
		}
	}
	return tftypes.NewValue(state.Type(), parts)
}

// withValue is a configuration with another value in one place.
func withValue(t *testing.T, raw tftypes.Value, at string, value any) tftypes.Value {
	t.Helper()
	changed, err := tftypes.Transform(raw, func(here *tftypes.AttributePath, v tftypes.Value) (tftypes.Value, error) {
		if here.String() != at {
			return v, nil
		}
		return tftypes.NewValue(v.Type(), value), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return changed
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
	if len(paths) < 80 {
		t.Fatalf("only %d values were found", len(paths))
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
