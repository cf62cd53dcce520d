package identity

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// maxGrants is well under what one policy holds (1500 members), so that one identity cannot fill it.
const maxGrants = 100

func grantsAttribute() schema.SetNestedAttribute {
	return schema.SetNestedAttribute{
		Optional: true,
		MarkdownDescription: "Roles of the identity, each on one project, one secret or one other service account, perhaps under a " +
			"condition. The same role on the same target under another condition is another grant. Roles that cover a whole project " +
			"are refused unless `allow_roles` names them. The member is always this identity: nothing here can be made public. " +
			"Changing grants never makes a new identity. Default: none.",
		Validators: []validator.Set{setvalidator.SizeAtMost(maxGrants), setvalidator.NoNullValues()},
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"role": schema.StringAttribute{
				Optional:            true, // but see checkGrants
				MarkdownDescription: "Required. The role: `roles/NAME`, or a custom one with its full name. Example: `roles/cloudsql.client`.",
				Validators:          []validator.String{tf.Checked("a role", deploy.CheckIdentityRole)},
			},
			"project": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Id of the project that the role is for. Default: none; exactly one of `project`, `secret` and " +
					"`service_account` is needed.",
				Validators: []validator.String{tf.Checked("a project id", names.CheckProject)},
			},
			"secret": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Id of the secret that the role is for: `projects/PROJECT/secrets/SECRET`, of a regional one " +
					"`projects/PROJECT/locations/LOCATION/secrets/SECRET`, as `twelvefactor_secret.NAME.id` has it. Default: none.",
				Validators: []validator.String{tf.Checked("the id of a secret", func(id string) error {
					parsed, err := names.ParseSecretID(id)
					if err != nil {
						return err
					}
					return names.CheckProject(parsed.Project) // with two names for one policy a change could take back what it gives
				})},
			},
			"service_account": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Full name of the service account that the role is for: `projects/PROJECT/serviceAccounts/EMAIL`, as " +
					"`twelvefactor_workload_identity.NAME.service_account` has it. Example of a role there: " +
					"`roles/iam.serviceAccountTokenCreator`. Default: none.",
				Validators: []validator.String{tf.Checked("the full name of a service account", func(name string) error {
					_, err := names.ParseServiceAccountName(name)
					return err
				})},
			},
			"condition": conditionAttribute(),
		}},
	}
}

func conditionAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "When the role counts. IAM takes no condition for the basic roles `roles/owner`, `roles/editor` and " +
			"`roles/viewer`. `request.time` can be asked for on every target; what else can, IAM's " +
			"[attribute reference](https://cloud.google.com/iam/docs/conditions-attribute-reference) says. Default: always.",
		Attributes: map[string]schema.Attribute{
			"title": schema.StringAttribute{
				Optional:            true, // but see checkGrants
				MarkdownDescription: "Required. Name of the condition, up to 100 characters. Example: `until the migration is over`.",
				Validators:          []validator.String{stringvalidator.UTF8LengthBetween(1, deploy.IdentityConditionTitle)},
			},
			"description": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "What it is for, up to 256 characters. Default: none.",
				Validators:          []validator.String{stringvalidator.UTF8LengthBetween(1, deploy.IdentityConditionDescription)},
			},
			"expression": schema.StringAttribute{
				Optional: true, // but see checkGrants
				MarkdownDescription: "Required. The condition in the Common Expression Language, with at most 12 logical operators. Example: " +
					"`request.time < timestamp('2027-01-01T00:00:00Z')`.",
				Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			},
		},
	}
}

func allowRolesAttribute() schema.SetAttribute {
	return schema.SetAttribute{
		ElementType: types.StringType, Optional: true,
		MarkdownDescription: "Which of the roles that cover a whole project `grants` may have, by name. On any target: `roles/owner`, " +
			"`roles/editor`, and those that manage its policy, `roles/iam.securityAdmin` and `roles/resourcemanager.projectIamAdmin`. On a " +
			"project: those that act as each of its service accounts or change what they may, `roles/iam.serviceAccountUser`, " +
			"`.serviceAccountTokenCreator`, `.serviceAccountKeyAdmin`, `.serviceAccountAdmin`, `.workloadIdentityUser` and `.roleAdmin`; " +
			"on one service account they are fine. Custom roles are not looked into. Default: none.",
		Validators: []validator.Set{
			setvalidator.ValueStringsAre(stringvalidator.OneOf(deploy.IdentityOwnerRoles()...)), setvalidator.NoNullValues(),
		},
	}
}

// targets are the attributes of a grant of which exactly one is set.
var targets = strings.Fields("project secret service_account")
