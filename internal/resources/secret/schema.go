package secret

import (
	"context"
	"fmt"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// maxValueVersion bounds value_wo_version, which is kept in an annotation of the secret, in bytes.
const maxValueVersion = 256

// Schema describes the resource.
func (r *secretResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A secret in Secret Manager whose value Terraform passes on without storing it: the value is in no state, " +
			"plan or log. It is sent to the API only when `value_wo_version` changes, and what it then makes is a new version of the " +
			"secret. A new version is verified before it is put in force, and the aliases `current` and `previous` are kept on it and on the " +
			"one before; see `keep_versions` for what becomes of older ones.",
		Attributes: withAttributes(map[string]schema.Attribute{
			"id":       computedString("`projects/PROJECT/secrets/NAME`, of a regional secret `projects/PROJECT/locations/LOCATION/secrets/NAME`."),
			"name":     nameAttribute(),
			"project":  projectAttribute(),
			"location": tf.SecretLocationAttribute(),
			"value_wo": schema.StringAttribute{
				Optional: true, WriteOnly: true, Sensitive: true,
				MarkdownDescription: fmt.Sprintf("The value: 1 to %d bytes. Write-only: it may come from an ephemeral variable or an ephemeral "+
					"resource, and Terraform 1.11 or OpenTofu 1.12 is needed. It is needed only when `value_wo_version` changes, and may be null "+
					"otherwise.", deploy.MaxSecretBytes),
				Validators: []validator.String{tf.Checked(fmt.Sprintf("1 to %d bytes long", deploy.MaxSecretBytes), checkValue)},
			},
			"value_base64_wo": schema.StringAttribute{
				Optional: true, WriteOnly: true, Sensitive: true,
				MarkdownDescription: fmt.Sprintf("The value in standard base64, for one that is not text, such as `filebase64(\"keystore.p12\")`: 1 to %d bytes "+
					"when it is decoded. The version holds the decoded bytes. Write-only like `value_wo`, and instead of it.", deploy.MaxSecretBytes),
				Validators: []validator.String{tf.Checked(fmt.Sprintf("base64 of 1 to %d bytes", deploy.MaxSecretBytes), checkBase64)},
			},
			"value_wo_version": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Your own name for the current value, such as `\"2026-11\"`: 1 to 256 bytes. A change of it writes `value_wo` or " +
					"`value_base64_wo` as a new version of the secret. Default: none; the provider then manages no value, and others add versions.",
				Validators: []validator.String{stringvalidator.LengthBetween(1, maxValueVersion)},
			},
			"labels":           tf.LabelsAttribute(),
			"effective_labels": tf.EffectiveLabelsAttribute(),
			"accessors":        accessorsAttribute(),
			"version":          computedString("The number of the version that holds the value, such as `\"3\"`. Null when there is none, or when it was disabled or destroyed by hand."),
			"version_id":       computedString("The full name of that version, the `id` followed by `/versions/NUMBER`: give this to a service."),
			"status": computedString("`ready`; `creating` when the create was interrupted (the next apply goes on); `degraded` when the version " +
				"was disabled or destroyed by hand (the next apply writes a new one); `drifted` when the alias `current` or `previous`, or the annotation `twelvefactor-spec`, was changed or " +
				"removed (the next apply sets it back)."),
			"keep_versions":    tf.KeepVersionsAttribute(),
			"surplus_versions": tf.SurplusVersionsAttribute(),
			"timeouts":         timeouts.Attributes(ctx, timeouts.Opts{Create: true, Read: true, Update: true, Delete: true}),
		}, noticesAttributes(), tf.SecretStoreAttributes("values")),
	}
}

// withAttributes adds the attributes of other files to a schema.
func withAttributes(all map[string]schema.Attribute, others ...map[string]schema.Attribute) map[string]schema.Attribute {
	for _, other := range others {
		maps.Copy(all, other)
	}
	return all
}

// IdentitySchema describes what a secret is found by.
func (r *secretResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"project":  tf.IdentityRequired("The project's id."),
		"location": tf.IdentityOptional(tf.SecretLocationIdentity),
		"name":     tf.IdentityRequired("The secret's name."),
	}}
}

func computedString(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: description}
}

func nameAttribute() schema.StringAttribute {
	return schema.StringAttribute{
		Required:            true,
		MarkdownDescription: "The secret's name in the project: 1 to 255 letters, digits, `-` and `_`. It cannot change: see `allow_replacement_of`.",
		Validators:          []validator.String{tf.Checked("the name of a secret", names.CheckSecret)},
	}
}

func projectAttribute() schema.StringAttribute {
	return schema.StringAttribute{
		Optional: true, Computed: true,
		MarkdownDescription: "The project's id. Default: the provider's `project`. It cannot change: see `allow_replacement_of`.",
		Validators:          []validator.String{tf.Checked("a project id", names.CheckProject)},
	}
}

func accessorsAttribute() schema.SetAttribute {
	return schema.SetAttribute{
		ElementType: types.StringType, Optional: true,
		MarkdownDescription: "IAM members that get `roles/secretmanager.secretAccessor` on this secret, such as " +
			"`\"serviceAccount:shop@acme-dev.iam.gserviceaccount.com\"`. They are added and removed one by one: members that others have granted " +
			"are neither shown nor touched. `allUsers` and `allAuthenticatedUsers` are refused. Default: none.",
		Validators: []validator.Set{setvalidator.NoNullValues(), setvalidator.ValueStringsAre(tf.Checked("an IAM member", deploy.CheckAccessor))},
	}
}
