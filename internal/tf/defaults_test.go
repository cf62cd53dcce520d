package tf_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

var planned = schema.Schema{Attributes: map[string]schema.Attribute{
	"project":          schema.StringAttribute{Optional: true, Computed: true},
	"labels":           tf.LabelsAttribute(),
	"effective_labels": tf.EffectiveLabelsAttribute(),
	"status":           schema.StringAttribute{Computed: true},
}}

// change is a plan request in which the attribute project has a value in the configuration and one in the state; nil
// is null.
func change(t *testing.T, configured any, prior *string) (resource.ModifyPlanRequest, *resource.ModifyPlanResponse) {
	t.Helper()
	kind := planned.Type().TerraformType(t.Context())
	object := func(project any) tftypes.Value {
		labels := tftypes.Map{ElementType: tftypes.String}
		return tftypes.NewValue(kind, map[string]tftypes.Value{
			"project": tftypes.NewValue(tftypes.String, project), "labels": tftypes.NewValue(labels, nil),
			"effective_labels": tftypes.NewValue(labels, nil), "status": tftypes.NewValue(tftypes.String, nil),
		})
	}
	req := resource.ModifyPlanRequest{
		Config: tfsdk.Config{Schema: planned, Raw: object(configured)},
		Plan:   tfsdk.Plan{Schema: planned, Raw: object(configured)},
		State:  tfsdk.State{Schema: planned, Raw: tftypes.NewValue(kind, nil)},
	}
	if prior != nil {
		req.State.Raw = object(*prior)
	}
	return req, &resource.ModifyPlanResponse{Plan: req.Plan}
}

func TestPlanProject(t *testing.T) {
	t.Parallel()
	before := "before"
	known, unknown, null := types.StringValue("provider"), types.StringUnknown(), types.StringNull()
	tests := map[string]struct {
		configured any
		prior      *string
		provider   types.String
		want       types.String
		replaced   bool
	}{
		"configured":                  {configured: "mine", provider: known, want: types.StringValue("mine")},
		"configured, not known yet":   {configured: tftypes.UnknownValue, provider: known, want: unknown},
		"from the provider":           {provider: known, want: known},
		"provider not known yet":      {provider: unknown, want: unknown},
		"kept while not known":        {prior: &before, provider: unknown, want: types.StringValue("before")},
		"another than before":         {prior: &before, provider: known, want: known, replaced: true},
		"the same as before":          {configured: "before", prior: &before, provider: known, want: types.StringValue("before")},
		"configured to something new": {configured: "mine", prior: &before, provider: null, want: types.StringValue("mine"), replaced: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, resp := change(t, test.configured, test.prior)
			p := &tf.Provider{Project: test.provider}
			got := p.PlanProject(t.Context(), req, resp, path.Root("project"))
			var written types.String
			resp.Diagnostics.Append(resp.Plan.GetAttribute(t.Context(), path.Root("project"), &written)...)
			if resp.Diagnostics.HasError() || !got.Equal(test.want) || !written.Equal(test.want) {
				t.Errorf("planned %s, returned %s, want %s: %v", written, got, test.want, resp.Diagnostics)
			}
			if (len(resp.RequiresReplace) > 0) != test.replaced {
				t.Errorf("replaced by %v", resp.RequiresReplace)
			}
		})
	}
}

func TestAMissingProjectNamesEveryPlaceToSetIt(t *testing.T) {
	t.Parallel()
	req, resp := change(t, nil, nil)
	p := &tf.Provider{Project: types.StringNull()}
	p.PlanProject(t.Context(), req, resp, path.Root("project"))
	if len(resp.Diagnostics) != 1 {
		t.Fatalf("diagnostics %v", resp.Diagnostics)
	}
	for _, place := range []string{"in this resource", `provider "twelvefactor"`, "GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT"} {
		if detail := resp.Diagnostics[0].Detail(); !strings.Contains(detail, place) {
			t.Errorf("%q lacks %q", detail, place)
		}
	}
}

func TestEffectiveLabels(t *testing.T) {
	t.Parallel()
	req, resp := change(t, "mine", nil)
	own := map[string]string{"team": "shop"}
	if diags := resp.Plan.SetAttribute(t.Context(), path.Root("labels"), own); diags.HasError() {
		t.Fatal(diags)
	}
	req.Plan = resp.Plan
	p := &tf.Provider{DefaultLabels: types.MapValueMust(types.StringType, map[string]attr.Value{
		"team": types.StringValue("platform"), "env": types.StringUnknown(),
	})}
	p.PlanEffectiveLabels(t.Context(), req, resp)
	var got map[string]types.String
	resp.Diagnostics.Append(resp.Plan.GetAttribute(t.Context(), path.Root("effective_labels"), &got)...)
	if resp.Diagnostics.HasError() || len(got) != 2 || got["team"].ValueString() != "shop" || !got["env"].IsUnknown() {
		t.Errorf("effective labels %v: %v", got, resp.Diagnostics)
	}
	p.DefaultLabels = types.MapUnknown(types.StringType)
	p.PlanEffectiveLabels(t.Context(), req, resp)
	var all types.Map
	resp.Diagnostics.Append(resp.Plan.GetAttribute(t.Context(), path.Root("effective_labels"), &all)...)
	if !all.IsUnknown() {
		t.Errorf("with unknown default labels the keys are not known either: %s", all)
	}
}

func TestStatusIsUnknownInEveryPlanThatChangesSomething(t *testing.T) {
	t.Parallel()
	before := "before"
	for name, test := range map[string]struct {
		configured string
		open       bool // by the framework
		repair     bool
		unknown    bool
	}{
		"nothing changes":           {configured: "before"},
		"nothing changes after all": {configured: "before", open: true},
		"something changes":         {configured: "after", unknown: true},
		"repair is due":             {configured: "before", repair: true, unknown: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, resp := change(t, test.configured, &before)
			if test.open {
				resp.Diagnostics.Append(resp.Plan.SetAttribute(t.Context(), path.Root("status"), types.StringUnknown())...)
			}
			tf.PlanStatus(t.Context(), req, resp, test.repair, path.Root("status"))
			var status types.String
			resp.Diagnostics.Append(resp.Plan.GetAttribute(t.Context(), path.Root("status"), &status)...)
			if status.IsUnknown() != test.unknown {
				t.Errorf("status %s: %v", status, resp.Diagnostics)
			}
		})
	}
}

func TestDataSourcesTakeTheProvidersPlace(t *testing.T) {
	t.Parallel()
	known, unknown, null := types.StringValue("acme-dev"), types.StringUnknown(), types.StringNull()
	for name, test := range map[string]struct {
		configured, provider types.String
		want, said           string
	}{
		"configured":             {configured: types.StringValue("mine"), provider: known, want: "mine"},
		"from the provider":      {configured: null, provider: known, want: "acme-dev"},
		"provider not known yet": {configured: null, provider: unknown, said: "known after apply only"},
		"nowhere":                {configured: null, provider: null, said: "in this data source"},
	} {
		for setting, read := range map[string]func(*tf.Provider, *diag.Diagnostics) string{
			"project": func(p *tf.Provider, d *diag.Diagnostics) string {
				return p.ProjectOr(test.configured, path.Root("project"), d)
			},
			"location": func(p *tf.Provider, d *diag.Diagnostics) string {
				return p.LocationOr(test.configured, path.Root("location"), d)
			},
		} {
			var diags diag.Diagnostics
			got := read(&tf.Provider{Project: test.provider, Region: test.provider}, &diags)
			if got != test.want || diags.HasError() != (test.said != "") {
				t.Errorf("%s, %s: %q, %v", name, setting, got, diags)
			}
			if test.said != "" && !strings.Contains(diags[0].Detail(), test.said) {
				t.Errorf("%s, %s: %q lacks %q", name, setting, diags[0].Detail(), test.said)
			}
		}
	}
}

func TestWhatIsReadInAPlanNeedsAKnownProvider(t *testing.T) {
	t.Parallel()
	var diags diag.Diagnostics
	if !(&tf.Provider{Known: true}).CheckKnown("The cluster", &diags) || diags.HasError() {
		t.Error(diags)
	}
	if (&tf.Provider{}).CheckKnown("The cluster", &diags) || !diags.HasError() {
		t.Error("an unknown provider was let through")
	}
}
