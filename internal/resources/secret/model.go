package secret

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// model is the resource in plan and state. ValueWO is null in both; the value itself is read from the configuration
// alone, as a secret.Bytes, and never gets into a model.
type model struct {
	ID              types.String   `tfsdk:"id"`
	Name            types.String   `tfsdk:"name"`
	Project         types.String   `tfsdk:"project"`
	ValueWO         types.String   `tfsdk:"value_wo"`
	ValueWOVersion  types.String   `tfsdk:"value_wo_version"`
	Labels          types.Map      `tfsdk:"labels"`
	EffectiveLabels types.Map      `tfsdk:"effective_labels"`
	Accessors       types.Set      `tfsdk:"accessors"`
	Version         types.String   `tfsdk:"version"`
	VersionID       types.String   `tfsdk:"version_id"`
	Status          types.String   `tfsdk:"status"`
	Timeouts        timeouts.Value `tfsdk:"timeouts"`
}

// identity is the resource's identity.
type identity struct {
	Project types.String `tfsdk:"project"`
	Name    types.String `tfsdk:"name"`
}

func (m model) secretID() names.SecretID {
	return names.SecretID{Project: m.Project.ValueString(), Name: m.Name.ValueString()}
}

func (m model) identity() identity { return identity{Project: m.Project, Name: m.Name} }

// expand is the declared secret.
func (m model) expand() deploy.SecretSpec {
	return deploy.SecretSpec{
		ID:           m.secretID(),
		ValueVersion: m.ValueWOVersion.ValueString(),
		Labels:       stringsOf(m.EffectiveLabels),
		Accessors:    membersOf(m.Accessors),
	}
}

// known is what the state knows of the live secret.
func (m model) known() deploy.SecretKnown {
	return deploy.SecretKnown{
		Imported:  m.Name.IsNull(),
		Labels:    stringsOf(m.EffectiveLabels),
		Accessors: membersOf(m.Accessors),
	}
}

// finished is the planned model with what the apply has found out. What was known in the plan stays, as Terraform demands.
func (m model) finished(live deploy.SecretState) model {
	m.ValueWO = types.StringNull()
	m.ID = types.StringValue(live.ID.String())
	if m.Version.IsUnknown() {
		m.Version = orNull(live.Version)
	}
	if m.VersionID.IsUnknown() {
		m.VersionID = orNull(live.VersionID())
	}
	m.Status = types.StringValue(live.Status)
	return m
}

// flatten is the live secret as far as it is managed; prior says what is.
func flatten(live deploy.SecretState, prior model, defaults types.Map) model {
	imported := prior.Name.IsNull()
	m := prior
	m.ValueWO = types.StringNull()
	m.ID = types.StringValue(live.ID.String())
	m.Name = types.StringValue(live.ID.Name)
	m.Project = types.StringValue(live.ID.Project)
	if live.Recorded || imported {
		m.ValueWOVersion = orNull(live.ValueVersion)
	}
	m.Labels, m.EffectiveLabels = present(live.Labels, prior.Labels), present(live.Labels, prior.EffectiveLabels)
	if imported {
		m.Labels, m.EffectiveLabels = importedLabels(live.Labels, defaults)
	}
	if len(live.Accessors) > 0 || !prior.Accessors.IsNull() {
		m.Accessors = setOf(live.Accessors)
	}
	m.Version, m.VersionID = orNull(live.Version), orNull(live.VersionID())
	m.Status = types.StringValue(live.Status)
	return m
}

// present gives the live values of the managed labels.
func present(live map[string]string, managed types.Map) types.Map {
	if managed.IsNull() {
		return managed
	}
	kept := map[string]attr.Value{}
	for key := range managed.Elements() {
		if value, ok := live[key]; ok {
			kept[key] = types.StringValue(value)
		}
	}
	return types.MapValueMust(types.StringType, kept)
}

// importedLabels takes all labels for managed; those that the provider's default labels set are not the resource's own.
func importedLabels(live map[string]string, defaults types.Map) (own, effective types.Map) {
	all, rest := map[string]attr.Value{}, map[string]attr.Value{}
	for key, value := range live {
		all[key] = types.StringValue(value)
		if byDefault, ok := defaults.Elements()[key]; !ok || !byDefault.Equal(all[key]) {
			rest[key] = all[key]
		}
	}
	own = types.MapNull(types.StringType)
	if len(rest) > 0 {
		own = types.MapValueMust(types.StringType, rest)
	}
	return own, types.MapValueMust(types.StringType, all)
}

func orNull(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

func stringsOf(m types.Map) map[string]string {
	out := map[string]string{}
	for key, value := range m.Elements() {
		if s, ok := value.(types.String); ok {
			out[key] = s.ValueString()
		}
	}
	return out
}

func membersOf(set types.Set) []string {
	var out []string
	_ = set.ElementsAs(context.Background(), &out, false) // strings by schema, known at apply
	return slices.Sorted(slices.Values(out))
}

func setOf(members []string) types.Set {
	values := make([]attr.Value, 0, len(members))
	for _, member := range members {
		values = append(values, types.StringValue(member))
	}
	return types.SetValueMust(types.StringType, values)
}
