package service

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

func checkIgnore(pattern string) error {
	_, err := app.ParseIgnore(pattern)
	return err
}

// ownership are the attributes about what others may change.
func ownership() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"image_owner": schema.StringAttribute{
			MarkdownDescription: "Who decides which image runs: " + oneOf(app.ImageOwners()) + ". With `external` another tool deploys images (CI with " +
				"`gcloud run deploy` or `kubectl set image`, Cloud Deploy, Flux): `image` is only what the service begins with, a deployment is " +
				"no difference in the plan, and no apply takes it back. A process that is added later begins with the image that `web` runs. " +
				"Everything else but what that tool notes in labels (`managed-by` too) and annotations stays Terraform's, on Cloud Run also the traffic, which " +
				"rests on the newest revision. A change to `external` keeps what runs, " +
				"on GKE with a new rollout of the same image, because `release_id` no longer covers it; a change back deploys `image`. Default: `terraform`.",
			Optional:   true,
			Validators: []validator.String{tf.Checked("who decides which image runs", app.CheckImageOwner)},
		},
		"drift_ignore": schema.SetAttribute{
			MarkdownDescription: "Fields that others may change, such as a mutating webhook: written as `drift` shows a field, up to the colon, for " +
				"example `Deployment/shop/shop-web spec.template.spec.containers[web].resources` or, for all objects of a kind, " +
				"`Deployment spec.template.spec.containers[*].resources` and on Cloud Run `Service traffic`. `*` stands for one step, and everything " +
				"under the field is covered. What others made of it is neither shown nor taken back, until the configuration itself changes the field. Default: none.",
			ElementType: types.StringType, Optional: true,
			Validators: []validator.Set{
				setvalidator.NoNullValues(),
				setvalidator.ValueStringsAre(tf.Checked("the path of a field", checkIgnore)),
			},
		},
		"rerender": schema.BoolAttribute{
			MarkdownDescription: "Whether a newer version of this provider, which makes other objects of the same declaration, is a change by itself. " +
				"Without it the plan only tells so, and the objects are written anew with the next change. Default: `false`.",
			Optional: true,
		},
	}
}

func imageDigestAttribute() schema.StringAttribute {
	return schema.StringAttribute{
		MarkdownDescription: fmt.Sprintf("Digest of the image that `%s`, or else the first process, runs, whoever deployed it. Null while the runtime does not "+
			"tell, and while instances run different ones.", app.Web),
		Computed: true,
	}
}
