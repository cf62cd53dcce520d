package tf

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// SecretLocationAttribute is the attribute location of what is kept in Secret Manager. It has no default, not even the
// provider's region: with one, adding a region to the provider block would replace secrets by empty ones.
func SecretLocationAttribute() schema.StringAttribute {
	return schema.StringAttribute{
		Optional: true,
		MarkdownDescription: "Makes it a regional secret: a region such as `europe-west3`, or a multi-region, `eu` or `us`. The values are kept, " +
			"and read through an endpoint, there only, and the id is `projects/PROJECT/locations/LOCATION/secrets/NAME`. Services on GKE and grants " +
			"take regional secrets, Cloud Run does not. A change makes another secret: the old one is destroyed with all its versions. Default: " +
			"none, a global secret; the provider's `region` has no say in it.",
		PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
		Validators:    []validator.String{Checked("a location of regional secrets", names.CheckSecretLocation)},
	}
}

// SecretLocationIdentity describes the location in a secret's identity.
const SecretLocationIdentity = "The region of a regional secret. Not for a global one."
