package service

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

const (
	runID  = "projects/acme-dev/locations/asia-northeast1/services/shop"
	kubeID = testCluster + "/namespaces/shop/services/shop"
)

// planned is what ModifyPlan makes of a configuration and a state.
type planned struct {
	model
	replaces []string
	errors   []string
	unknown  []string // attributes at the top
}

// plan calls ModifyPlan as Terraform and the framework do: the proposed plan is the configuration, with computed
// attributes from the state, or unknown when anything else changes.
func plan(t *testing.T, provider *tf.Provider, config object, state object) planned {
	t.Helper()
	ctx, s := t.Context(), testSchema(t)
	objectType := s.Type().TerraformType(ctx)
	proposed := maps.Clone(config)
	same := state != nil
	for name, attribute := range s.Attributes {
		if config[name] == nil && attribute.IsComputed() {
			continue
		}
		same = same && cmp.Equal(config[name], state[name])
	}
	for name, attribute := range s.Attributes {
		if config[name] == nil && attribute.IsComputed() {
			proposed[name] = any(unknown{})
			if same {
				proposed[name] = state[name]
			}
		}
	}
	req := resource.ModifyPlanRequest{
		Config: tfsdk.Config{Schema: s, Raw: raw(t, objectType, config)},
		Plan:   tfsdk.Plan{Schema: s, Raw: raw(t, objectType, proposed)},
		State:  tfsdk.State{Schema: s, Raw: tftypes.NewValue(objectType, nil)},
	}
	if state != nil {
		req.State.Raw = raw(t, objectType, state)
	}
	resp := resource.ModifyPlanResponse{Plan: req.Plan}
	r := &serviceResource{provider: provider}
	r.ModifyPlan(ctx, req, &resp)
	out := planned{errors: shown(resp.Diagnostics)}
	for _, p := range resp.RequiresReplace {
		out.replaces = append(out.replaces, p.String())
	}
	slices.Sort(out.replaces)
	out.replaces = slices.Compact(out.replaces)
	if !resp.Diagnostics.HasError() {
		mustNot(t, resp.Plan.Get(ctx, &out.model))
		out.unknown = unknownAttributes(t, resp.Plan.Raw)
	}
	return out
}

func unknownAttributes(t *testing.T, v tftypes.Value) []string {
	t.Helper()
	var parts map[string]tftypes.Value
	if err := v.As(&parts); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name, part := range parts {
		if !part.IsFullyKnown() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// live is the state after a successful apply of a configuration.
func live(t *testing.T, config object, changes ...with) object {
	t.Helper()
	a, _ := expand(t.Context(), modelOf(t, config))
	o := maps.Clone(config)
	o["id"], o["url"] = runID, "https://shop-1.run.app"
	if config["gke"] != nil {
		o["id"], o["url"] = kubeID, "http://shop.shop.svc.cluster.local"
	}
	o["release_id"], o["status"] = app.ReleaseID(a), "ready"
	o["image_digest"] = "sha256:1"
	o["drift"], o["objects"] = []any{}, []any{"one"}
	o["effective_labels"] = object{}
	if config["labels"] != nil {
		o["effective_labels"] = config["labels"]
	}
	for _, change := range changes {
		change(o)
	}
	return o
}

func TestPlanOfACreate(t *testing.T) {
	t.Parallel()
	noProject := set("project", nil)
	for _, row := range []struct {
		name    string
		config  object
		id      string
		project string
		unknown []string
	}{
		{"Cloud Run", onRun(), runID, "acme-dev", []string{"image_digest", "objects", "status", "url"}},
		{"Cloud Run with the provider's project and region", onRun(noProject, set("cloud_run", object{})), runID, "acme-dev", []string{"image_digest", "objects", "status", "url"}},
		{"GKE", onGKE(noProject), kubeID, "acme-dev", []string{"image_digest", "objects", "status", "url"}},
		{"a cluster made in the same apply", onGKE(noProject, set("gke", object{"cluster": unknown{}})), "", "",
			[]string{"gke", "id", "image_digest", "objects", "project", "status", "url"}},
		{"a secret made in the same apply", onRun(set("secrets", object{"A": unknown{}})), runID, "acme-dev",
			[]string{"image_digest", "objects", "release_id", "secrets", "status", "url"}},
		{"an unknown command", onRun(web(object{"command": []any{unknown{}}})), runID, "acme-dev",
			[]string{"image_digest", "objects", "processes", "release_id", "status", "url"}},
		{"an unknown scale", onRun(web(object{"scale": unknown{}})), runID, "acme-dev",
			[]string{"image_digest", "objects", "processes", "status", "url"}},
		{"an unknown runtime", onRun(noProject, set("cloud_run", unknown{})), "", "",
			[]string{"cloud_run", "id", "image_digest", "objects", "project", "status", "url"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := plan(t, providerWith(nil), row.config, nil)
			if len(got.errors) > 0 || len(got.replaces) > 0 {
				t.Errorf("errors %q, replaces %q", got.errors, got.replaces)
			}
			if got.ID.ValueString() != row.id || got.Project.ValueString() != row.project {
				t.Errorf("id %s, project %s", got.ID, got.Project)
			}
			if diff := cmp.Diff(row.unknown, got.unknown); diff != "" {
				t.Errorf("unknown: (-want, +got)\n%s", diff)
			}
			if len(got.Drift.Elements()) != 0 || got.Drift.IsNull() || got.Drift.IsUnknown() {
				t.Errorf("drift is %s", got.Drift)
			}
		})
	}
}

func TestPlanOfAnUpdate(t *testing.T) {
	t.Parallel()
	everything := []string{"image_digest", "objects", "status"}
	for _, row := range []struct {
		name          string
		before, after object
		unknown       []string
		moves         []string
	}{
		{"nothing", live(t, onRun()), onRun(), nil, nil},
		{"nothing on GKE", live(t, onGKE()), onGKE(set("project", nil)), nil, nil},
		{"config", live(t, onRun()), onRun(set("config", object{"A": "1"})), everything, nil},
		{"a rotated secret", live(t, onRun(set("secrets", object{"A": testVersion}))), onRun(set("secrets", object{"A": unknown{}})),
			[]string{"image_digest", "objects", "release_id", "secrets", "status"}, nil},
		{"scale", live(t, onRun()), onRun(web(object{"scale": object{"max": 5}})), everything, nil},
		{"a worker", live(t, onRun()), onRun(worker(object{})), everything, nil},
		{"web goes", live(t, onGKE()), onGKE(set("processes", object{"worker": object{}})), []string{"image_digest", "objects", "status", "url"}, nil},
		{"labels", live(t, onRun()), onRun(set("labels", object{"team": "web"})), everything, nil},
		{"drift", live(t, onRun(), set("drift", []any{"Service shop: a -> b"})), onRun(), everything, nil},
		{"degraded", live(t, onRun(), set("status", "degraded")), onRun(), everything, nil},
		{"creating", live(t, onRun(), set("status", "creating"), set("url", nil)), onRun(), []string{"image_digest", "objects", "status", "url"}, nil},
		{"another release is live", live(t, onRun(), set("release_id", "000000000000")), onRun(), everything, nil},

		{"name", live(t, onRun()), onRun(set("name", "store")), []string{"image_digest", "objects", "status", "url"}, []string{"name"}},
		{"location", live(t, onRun()), onRun(set("cloud_run", object{"location": "asia-northeast2"})), []string{"image_digest", "objects", "status", "url"},
			[]string{"cloud_run.location"}},
		{"project", live(t, onRun()), onRun(set("project", "acme-prod")), []string{"image_digest", "objects", "status", "url"}, []string{"project"}},
		{"to GKE", live(t, onRun()), onGKE(), []string{"image_digest", "objects", "status", "url"}, []string{"cloud_run", "gke"}},
		{"to Cloud Run", live(t, onGKE()), onRun(), []string{"image_digest", "objects", "status", "url"}, []string{"cloud_run", "gke"}},
		{"namespace", live(t, onGKE()), onGKE(set("gke", object{"cluster": testCluster, "namespace": "web"})),
			[]string{"image_digest", "objects", "status", "url"}, []string{"gke.namespace"}},
		{"a namespace that is the default", live(t, onGKE()), onGKE(set("gke", object{"cluster": testCluster, "namespace": "shop"})), everything, nil},
		{"capacity", live(t, onGKE()), onGKE(set("gke", object{"cluster": testCluster, "capacity": "mixed"})), everything, nil},
		{"cluster", live(t, onGKE()), onGKE(set("gke", object{"cluster": strings.Replace(testCluster, "clusters/dev", "clusters/new", 1)})),
			[]string{"image_digest", "objects", "status", "url"}, []string{"gke.cluster"}},
		{"a cluster that is made anew", live(t, onGKE()), onGKE(set("project", nil), set("gke", object{"cluster": unknown{}})),
			[]string{"gke", "id", "image_digest", "objects", "project", "status", "url"}, []string{"gke.cluster", "project"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := plan(t, providerWith(nil), row.after, row.before)
			if len(got.errors) > 0 {
				t.Errorf("errors %q", got.errors)
			}
			if diff := cmp.Diff(row.unknown, got.unknown); diff != "" {
				t.Errorf("unknown: (-want, +got)\n%s", diff)
			}
			if diff := cmp.Diff(row.moves, got.replaces); diff != "" {
				t.Errorf("replaces: (-want, +got)\n%s", diff)
			}
			if len(got.Drift.Elements()) != 0 {
				t.Errorf("drift is %s", got.Drift)
			}
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	t.Parallel()
	zone := providerWith(nil)
	zone.Region = types.StringValue("asia-northeast1-b")
	nowhere := providerWith(nil)
	nowhere.Project, nowhere.Region = types.StringNull(), types.StringNull()
	for _, row := range []struct {
		provider *tf.Provider
		config   object
		want     string
	}{
		{zone, onRun(set("cloud_run", object{})), "error cloud_run.location: Location is not a region"},
		{nowhere, onRun(set("cloud_run", object{})), "error cloud_run.location: Missing cloud_run.location"},
		{nowhere, onRun(set("project", nil)), "error project: Missing project"},
		{providerWith(nil), onRun(set("config", object{"A": "a\x00b"})), `error config["A"]: Value cannot be an environment variable`},
	} {
		if got := plan(t, row.provider, row.config, nil); !slices.Equal(got.errors, []string{row.want}) {
			t.Errorf("got %q, want %s", got.errors, row.want)
		}
	}
}

// Terraform plans again when it applies, perhaps hours later, and takes no other answer.
func TestPlanIsPure(t *testing.T) {
	t.Parallel()
	first := plan(t, providerWith(nil), onGKE(set("labels", object{"b": "1", "a": "2"})), live(t, onGKE()))
	for range 10 {
		again := plan(t, providerWith(nil), onGKE(set("labels", object{"b": "1", "a": "2"})), live(t, onGKE()))
		if diff := cmp.Diff(valueOf(t, first.model).String(), valueOf(t, again.model).String()); diff != "" {
			t.Fatalf("(-first, +again)\n%s", diff)
		}
	}
}
