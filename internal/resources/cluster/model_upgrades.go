package cluster

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

type upgradeAfterModel struct {
	Cluster     types.String `tfsdk:"cluster"`
	Soak        types.String `tfsdk:"soak"`
	Granularity types.String `tfsdk:"granularity"`
}

// upgradesModel is what the last refresh found out, or what the plan makes of it.
type upgradesModel struct {
	Held           types.Bool   `tfsdk:"held"`
	Due            types.String `tfsdk:"due"`
	TargetVersion  types.String `tfsdk:"target_version"`
	SoakedVersion  types.String `tfsdk:"soaked_version"`
	RunningVersion types.String `tfsdk:"running_version"`
	RunningSince   types.String `tfsdk:"running_since"`
	Reason         types.String `tfsdk:"reason"`
}

var upgradesType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"held": types.BoolType, "due": types.StringType, "target_version": types.StringType, "soaked_version": types.StringType,
	"running_version": types.StringType, "running_since": types.StringType, "reason": types.StringType,
}}

// expandUpgrades gives the rule with the decision that a plan or a state holds; nil without a rule.
func expandUpgrades(ctx context.Context, m model, diags *diag.Diagnostics) *deploy.UpgradeAfter {
	rule, ok := upgradeRule(ctx, m.UpgradeAfter, diags)
	if !ok {
		return nil
	}
	id, err := names.ParseClusterID(rule.Cluster.ValueString())
	if err != nil {
		return nil // checked by the schema
	}
	soak, _ := time.ParseDuration(rule.Soak.ValueString()) // checked
	after := &deploy.UpgradeAfter{Cluster: id, Soak: soak, Granularity: rule.Granularity.ValueString(), Hold: true}
	if last, ok := upgradesOf(ctx, m.Upgrades, diags); ok {
		since, _ := time.Parse(time.RFC3339, last.RunningSince.ValueString()) // zero when it is null
		after.Hold = last.Held.ValueBool()
		after.Last = deploy.UpgradeDecision{
			Held: last.Held.ValueBool(), Soaked: last.SoakedVersion.ValueString(), Running: last.RunningVersion.ValueString(), RunningSince: since,
		}
	}
	return after
}

func upgradeRule(ctx context.Context, value types.Object, diags *diag.Diagnostics) (rule upgradeAfterModel, ok bool) {
	if value.IsNull() || value.IsUnknown() {
		return rule, false
	}
	diags.Append(value.As(ctx, &rule, basetypes.ObjectAsOptions{})...)
	return rule, true
}

func upgradesOf(ctx context.Context, value types.Object, diags *diag.Diagnostics) (upgrades upgradesModel, ok bool) {
	if value.IsNull() || value.IsUnknown() {
		return upgrades, false
	}
	diags.Append(value.As(ctx, &upgrades, basetypes.ObjectAsOptions{})...)
	return upgrades, true
}

// flattenUpgrades writes what a read found out; null when nothing is or shall be held.
func flattenUpgrades(ctx context.Context, d *deploy.UpgradeDecision, diags *diag.Diagnostics) types.Object {
	if d == nil {
		return types.ObjectNull(upgradesType.AttrTypes)
	}
	m := upgradesModel{
		Held: types.BoolValue(d.Held), Due: tf.StringOrNull(d.Due), Reason: types.StringValue(d.Reason),
		TargetVersion: tf.StringOrNull(d.Target), SoakedVersion: tf.StringOrNull(d.Soaked), RunningVersion: tf.StringOrNull(d.Running),
	}
	if !d.RunningSince.IsZero() {
		m.RunningSince = types.StringValue(d.RunningSince.UTC().Format(time.RFC3339))
	}
	return m.value(ctx, diags)
}

func (m upgradesModel) value(ctx context.Context, diags *diag.Diagnostics) types.Object {
	value, more := types.ObjectValueFrom(ctx, upgradesType.AttrTypes, m)
	diags.Append(more...)
	return value
}
