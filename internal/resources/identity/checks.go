package identity

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
)

// checkGrants wants in every grant a role that may be had, exactly one target, and a whole condition. The schema cannot
// require what is inside of a grant: the framework would miss it in a grant that is not known yet.
func checkGrants(ctx context.Context, m model, diags *diag.Diagnostics) {
	conditions := map[deploy.IdentityGrant]int{}
	for _, element := range m.Grants.Elements() {
		object, ok := element.(types.Object)
		if !ok || object.IsNull() || object.IsUnknown() {
			continue
		}
		at := path.Root("grants").AtSetValue(element)
		checkTarget(object, at, diags)
		checkCondition(object, at, diags)
		g, known := knownGrant(ctx, object)
		if !known {
			continue
		}
		checkRole(ctx, m.AllowRoles, g, at.AtName("role"), diags)
		g.Condition = deploy.IdentityCondition{}
		if conditions[g]++; conditions[g] == deploy.IdentityConditionsPerRole+1 {
			diags.AddAttributeError(at, "Too many conditions for one role", fmt.Sprintf("IAM takes %s for one member in at most %d bindings of "+
				"a policy. Join conditions with ||, or grant a custom role that holds fewer permissions.", g.Role, deploy.IdentityConditionsPerRole))
		}
	}
}

// knownGrant is a grant of which everything is known.
func knownGrant(ctx context.Context, object types.Object) (deploy.IdentityGrant, bool) {
	value, err := object.ToTerraformValue(ctx)
	if err != nil || !value.IsFullyKnown() {
		return deploy.IdentityGrant{}, false
	}
	var g grant
	diags := object.As(ctx, &g, basetypes.ObjectAsOptions{})
	return g.expand(), !diags.HasError()
}

func checkTarget(object types.Object, at path.Path, diags *diag.Diagnostics) {
	if object.Attributes()["role"].IsNull() {
		diags.AddAttributeError(at.AtName("role"), "Missing role",
			"role must be set in every grant, for example role = \"roles/cloudsql.client\".")
	}
	set, unknown := 0, 0
	for _, name := range targets {
		switch target := object.Attributes()[name]; {
		case target.IsUnknown():
			unknown++
		case !target.IsNull():
			set++
		}
	}
	if set > 1 || set == 0 && unknown == 0 {
		diags.AddAttributeError(at, "One target per grant",
			"A grant is for a project, a secret or a service account: set exactly one of project (\"acme-dev\"), secret "+
				"(twelvefactor_secret.NAME.id) and service_account (twelvefactor_workload_identity.NAME.service_account).")
	}
}

func checkCondition(object types.Object, at path.Path, diags *diag.Diagnostics) {
	condition, ok := object.Attributes()["condition"].(types.Object)
	if !ok || condition.IsNull() || condition.IsUnknown() {
		return
	}
	for name, example := range map[string]string{
		"title": `"until the migration is over"`, "expression": `"request.time < timestamp('2027-01-01T00:00:00Z')"`,
	} {
		if condition.Attributes()[name].IsNull() {
			diags.AddAttributeError(at.AtName("condition").AtName(name), "Missing "+name,
				fmt.Sprintf("%s must be set in every condition, for example %s = %s.", name, name, example))
		}
	}
}

func checkRole(ctx context.Context, allowed types.Set, g deploy.IdentityGrant, at path.Path, diags *diag.Diagnostics) {
	value, err := allowed.ToTerraformValue(ctx)
	if err != nil || !value.IsFullyKnown() {
		return // what is allowed is known after the apply of something else, which is looked at again then
	}
	var roles []string
	diags.Append(allowed.ElementsAs(ctx, &roles, false)...)
	if err := deploy.CheckIdentityGrant(g, roles); err != nil {
		diags.AddAttributeError(at, "Refused role", err.Error()+".")
	}
}
