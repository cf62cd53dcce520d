package identity

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

type model struct {
	ID                       types.String   `tfsdk:"id"`
	Name                     types.String   `tfsdk:"name"`
	Project                  types.String   `tfsdk:"project"`
	Cluster                  types.String   `tfsdk:"cluster"`
	Namespace                types.String   `tfsdk:"namespace"`
	Mode                     types.String   `tfsdk:"mode"`
	ServiceAccountID         types.String   `tfsdk:"service_account_id"`
	Grants                   types.Set      `tfsdk:"grants"`
	AllowRoles               types.Set      `tfsdk:"allow_roles"`
	Principal                types.String   `tfsdk:"principal"`
	Email                    types.String   `tfsdk:"email"`
	ServiceAccount           types.String   `tfsdk:"service_account"`
	UniqueID                 types.String   `tfsdk:"unique_id"`
	KubernetesServiceAccount types.String   `tfsdk:"kubernetes_service_account"`
	Status                   types.String   `tfsdk:"status"`
	Drift                    types.List     `tfsdk:"drift"`
	Timeouts                 timeouts.Value `tfsdk:"timeouts"`
}

type grant struct {
	Role           types.String `tfsdk:"role"`
	Project        types.String `tfsdk:"project"`
	Secret         types.String `tfsdk:"secret"`
	ServiceAccount types.String `tfsdk:"service_account"`
	Condition      *condition   `tfsdk:"condition"`
}

type condition struct {
	Title       types.String `tfsdk:"title"`
	Description types.String `tfsdk:"description"`
	Expression  types.String `tfsdk:"expression"`
}

var conditionType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"title": types.StringType, "description": types.StringType, "expression": types.StringType,
}}

var grantType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"role": types.StringType, "project": types.StringType, "secret": types.StringType, "service_account": types.StringType,
	"condition": conditionType,
}}

func (g grant) expand() deploy.IdentityGrant {
	grant := deploy.IdentityGrant{
		Role: g.Role.ValueString(), Project: g.Project.ValueString(), Secret: g.Secret.ValueString(),
		ServiceAccount: g.ServiceAccount.ValueString(),
	}
	if c := g.Condition; c != nil {
		grant.Condition = deploy.IdentityCondition{
			Title: c.Title.ValueString(), Description: c.Description.ValueString(), Expression: c.Expression.ValueString(),
		}
	}
	return grant
}

// expand makes the declared identity of a plan or a state.
func (m model) expand(ctx context.Context) (deploy.IdentitySpec, diag.Diagnostics) {
	spec := deploy.IdentitySpec{
		Name: m.Name.ValueString(), Project: m.Project.ValueString(), Namespace: m.Namespace.ValueString(),
		Mode: m.Mode.ValueString(), AccountID: m.ServiceAccountID.ValueString(), UniqueID: m.UniqueID.ValueString(),
	}
	var diags diag.Diagnostics
	if id := m.Cluster.ValueString(); id != "" {
		cluster, err := names.ParseClusterID(id)
		if err != nil {
			diags.AddError("Invalid cluster", err.Error()+".")
		}
		spec.Cluster = &cluster
	}
	var grants []grant
	diags.Append(m.Grants.ElementsAs(ctx, &grants, false)...)
	for _, g := range grants {
		spec.Grants = append(spec.Grants, g.expand())
	}
	diags.Append(m.AllowRoles.ElementsAs(ctx, &spec.AllowRoles, false)...)
	return spec, diags
}

// finished is the state after a create or an update: the plan, with what only the cloud knows.
func (m model) finished(spec deploy.IdentitySpec, live *deploy.IdentityState) model {
	m.ID = types.StringValue(spec.ID())
	m.Principal, m.Email = orNull(live.Principal), orNull(live.Email)
	m.ServiceAccount, m.KubernetesServiceAccount = orNull(live.ServiceAccount), orNull(live.KubeServiceAccount)
	if m.UniqueID.IsUnknown() || m.UniqueID.IsNull() {
		// A planned one stays, even if the account had to be made anew since: the next refresh shows that.
		m.UniqueID = orNull(live.UniqueID)
	}
	m.Status = types.StringValue(live.Status)
	m.Drift = stringList(nil)
	return m
}

// flatten is the state after a read: prior, with what was found.
func flatten(prior model, spec deploy.IdentitySpec, live *deploy.IdentityState) model {
	m := prior.finished(spec, live)
	m.Name, m.Project, m.Mode = types.StringValue(spec.Name), types.StringValue(spec.Project), types.StringValue(spec.Mode)
	m.Namespace, m.ServiceAccountID = orNull(spec.Namespace), orNull(spec.AccountID)
	if spec.Cluster != nil {
		m.Cluster = types.StringValue(spec.Cluster.String())
	}
	m.UniqueID = orNull(live.UniqueID)
	if !prior.Grants.IsNull() || len(live.Grants) > 0 {
		m.Grants = grantSet(live.Grants)
	}
	m.Drift = stringList(live.Drift)
	if live.Unreachable && !prior.Status.IsNull() {
		m.Status, m.Drift = prior.Status, prior.Drift
	}
	return m
}

func grantSet(grants []deploy.IdentityGrant) types.Set {
	elements := make([]attr.Value, 0, len(grants))
	for _, g := range grants {
		elements = append(elements, types.ObjectValueMust(grantType.AttrTypes, map[string]attr.Value{
			"role": types.StringValue(g.Role), "project": orNull(g.Project), "secret": orNull(g.Secret),
			"service_account": orNull(g.ServiceAccount), "condition": conditionObject(g.Condition),
		}))
	}
	return types.SetValueMust(grantType, elements)
}

func conditionObject(c deploy.IdentityCondition) types.Object {
	if c == (deploy.IdentityCondition{}) {
		return types.ObjectNull(conditionType.AttrTypes)
	}
	return types.ObjectValueMust(conditionType.AttrTypes, map[string]attr.Value{
		"title": types.StringValue(c.Title), "description": orNull(c.Description), "expression": types.StringValue(c.Expression),
	})
}

func orNull(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

func stringList(list []string) types.List {
	elements := make([]attr.Value, 0, len(list))
	for _, s := range list {
		elements = append(elements, types.StringValue(s))
	}
	return types.ListValueMust(types.StringType, elements)
}

// union is the grants of both lists.
func union(a, b []deploy.IdentityGrant) []deploy.IdentityGrant {
	both := slices.Clone(a)
	for _, g := range b {
		if !slices.Contains(both, g) {
			both = append(both, g)
		}
	}
	return both
}
