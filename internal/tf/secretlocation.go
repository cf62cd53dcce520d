package tf

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// SecretLocationAttribute is the attribute location of what is kept in Secret Manager. It has no default, not even the
// provider's region: with one, adding a region to the provider block would replace secrets by empty ones.
func SecretLocationAttribute() schema.StringAttribute {
	return schema.StringAttribute{
		Optional: true,
		MarkdownDescription: "Makes it a regional secret: a region such as `europe-west3`, or a multi-region, `eu` or `us`. The values are kept, " +
			"and read through an endpoint, there only, and the id is `projects/PROJECT/locations/LOCATION/secrets/NAME`. Services on GKE and grants " +
			"take regional secrets, Cloud Run does not. It cannot change: see `allow_replacement_of`. Default: " +
			"none, a global secret; the provider's `region` has no say in it.",
		Validators: []validator.String{Checked("a location of regional secrets", names.CheckSecretLocation)},
	}
}

// SecretLocationIdentity describes the location in a secret's identity.
const SecretLocationIdentity = "The region of a regional secret. Not for a global one."

// SecretIdentity is the identity of what is kept in Secret Manager.
type SecretIdentity struct {
	Project  types.String `tfsdk:"project"`
	Location types.String `tfsdk:"location"`
	Name     types.String `tfsdk:"name"`
}

// SecretIdentityOf is the identity of a secret.
func SecretIdentityOf(id names.SecretID) SecretIdentity {
	return SecretIdentity{Project: types.StringValue(id.Project), Location: StringOrNull(id.Location), Name: types.StringValue(id.Name)}
}

// SecretID is the secret with this identity.
func (i SecretIdentity) SecretID() names.SecretID {
	return names.SecretID{Project: i.Project.ValueString(), Location: i.Location.ValueString(), Name: i.Name.ValueString()}
}

// CheckSecretImportID demands the project's id: the state and the plan compare it with the attribute project.
func CheckSecretImportID(id string) error {
	parsed, err := names.ParseSecretID(id)
	if err != nil {
		return err
	}
	return names.CheckProject(parsed.Project)
}
