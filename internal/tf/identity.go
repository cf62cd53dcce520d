package tf

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
)

// IdentityRequired is an identity attribute that an import block has to give.
func IdentityRequired(description string) identityschema.StringAttribute {
	return identityschema.StringAttribute{RequiredForImport: true, Description: description}
}

// IdentityOptional is an identity attribute that an import block may give.
func IdentityOptional(description string) identityschema.StringAttribute {
	return identityschema.StringAttribute{OptionalForImport: true, Description: description}
}

// SetIdentity writes a resource's identity. Terraform before 1.12 has none; then it does nothing.
func SetIdentity(ctx context.Context, identity *tfsdk.ResourceIdentity, model any, diags *diag.Diagnostics) {
	if identity == nil {
		return
	}
	diags.Append(identity.Set(ctx, model)...)
}

// ImportID sets the attribute id from an import: the id that was given, or the one that idOf makes of the identity.
// check refuses what is not an id of the resource. M is the resource's identity model.
func ImportID[M any](
	ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse,
	idOf func(M) string, check func(id string) error,
) (id string, ok bool) {
	id = req.ID
	if id == "" && req.Identity != nil {
		var model M
		resp.Diagnostics.Append(req.Identity.Get(ctx, &model)...)
		if resp.Diagnostics.HasError() {
			return "", false
		}
		id = idOf(model)
	}
	if err := check(id); err != nil {
		resp.Diagnostics.AddError("Invalid import id", err.Error()+".")
		return "", false
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), id)...)
	return id, !resp.Diagnostics.HasError()
}
