package identity

import (
	"context"
	"maps"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

func resourceSchema(ctx context.Context) schema.Schema {
	attributes := map[string]schema.Attribute{
		"grants":      grantsAttribute(),
		"allow_roles": allowRolesAttribute(),
		"timeouts": timeouts.Attributes(ctx, timeouts.Opts{
			Create: true, Read: true, Update: true, Delete: true,
			CreateDescription: "Time for the creation, waiting for the cluster and for IAM included. Default: `20m`.",
			ReadDescription:   "Time for a refresh. Default: `5m`.",
			UpdateDescription: "Time for a change. Default: `20m`.",
			DeleteDescription: "Time for the deletion. Default: `20m`.",
		}),
	}
	maps.Copy(attributes, placeAttributes())
	maps.Copy(attributes, computedAttributes())
	return schema.Schema{
		MarkdownDescription: "Who an app is: a Kubernetes service account, the Google principal that it acts as, and the roles of that " +
			"principal. No keys are involved.\n\nWith `mode = \"direct\"` the roles go to the Kubernetes service account's own principal. With " +
			"`mode = \"service_account\"` a Google service account is made, which the Kubernetes one impersonates; without a cluster it is " +
			"the account that a service on Cloud Run runs as. Roles are added and removed one member at a time: whatever else is in a " +
			"policy stays as it is, conditions and deleted members included.\n\nA grant is done when IAM, asked again, shows it in the " +
			"policy: it is written. When a role counts everywhere is IAM's to say, mostly within two minutes; nothing is waited for " +
			"by the clock. A `twelvefactor_service` that needs a secret is tried again until it may read it. Many identities in one " +
			"apply share writes: the changes to one policy that come in within 250 ms of each other, a second at most, go out in one.\n\n" +
			"IAM keeps a deleted service account for 30 days and takes it back by its unique id only. One of the same name is brought " +
			"back, in place of a new one that would have none of its grants, where that id can be known: from the state when the " +
			"account was deleted outside of Terraform, within the run that replaces the identity, and from the policies of the project " +
			"and of what `grants` names, which show deleted members. After a `destroy` in an earlier run nothing shows it unless somebody " +
			"else had granted the account something there: look for `unique_id` in `gcloud logging read " +
			"'protoPayload.methodName=\"google.iam.admin.v1.DeleteServiceAccount\"'`, undelete it with `gcloud iam service-accounts " +
			"undelete`, and import it. What comes back has all that others had granted it; an account that can come back no more is " +
			"made anew, with a warning.",
		Attributes: attributes,
	}
}

// placeAttributes say what the identity is called, where it is and of which kind. None can change in place.
func placeAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Required: true,
			MarkdownDescription: "Name of the Kubernetes service account, and display name of the Google one. Lower case letters, digits and `-`. " +
				"Changing it makes a new identity. Example: `shop`.",
			Validators:    []validator.String{tf.Checked("the name of a Kubernetes service account", names.CheckKubeServiceAccount)},
			PlanModifiers: replaced(),
		},
		"project": schema.StringAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "Project of the Google service account. Default: the provider's `project`. Changing it makes a new identity.",
			Validators:          []validator.String{tf.Checked("a project id", names.CheckProject)},
		},
		"cluster": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "Id of the GKE cluster: `projects/PROJECT/locations/LOCATION/clusters/CLUSTER`, as `twelvefactor_cluster.NAME.id` " +
				"has it. Default: none, for a service on Cloud Run. Changing it makes a new identity.",
			Validators:    []validator.String{tf.Checked("the id of a cluster", names.CheckClusterID)},
			PlanModifiers: replaced(),
		},
		"namespace": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "Kubernetes namespace; it is made if it is missing. Required with `cluster`. Changing it makes a new identity. " +
				"Example: `shop`.",
			Validators:    []validator.String{tf.Checked("a Kubernetes namespace", names.CheckNamespace)},
			PlanModifiers: replaced(),
		},
		"mode": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(deploy.IdentityDirect),
			MarkdownDescription: "One of `" + strings.Join(deploy.IdentityModes(), "`, `") + "`. Default: `" + deploy.IdentityDirect +
				"`. Without a cluster it has to be `" + deploy.IdentityServiceAccount + "`. Changing it makes a new identity.",
			Validators:    []validator.String{stringvalidator.OneOf(deploy.IdentityModes()...)},
			PlanModifiers: replaced(),
		},
		"service_account_id": schema.StringAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "The part of the Google service account's email before the `@`: 6 to 30 lower case letters, digits and `-`. " +
				"Default with `mode = \"service_account\"`: made of `name`; null with `direct`. Changing it makes a new identity.",
			Validators: []validator.String{tf.Checked("the id of a service account", names.CheckServiceAccountID)},
		},
	}
}

func computedAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"id": schema.StringAttribute{
			Computed: true, PlanModifiers: kept(),
			MarkdownDescription: "Id, and import id: `projects/PROJECT/locations/LOCATION/clusters/CLUSTER/namespaces/NAMESPACE/serviceAccounts/NAME`, " +
				"or `projects/PROJECT/serviceAccounts/EMAIL` without a cluster.",
		},
		"principal": schema.StringAttribute{
			Computed: true, PlanModifiers: kept(),
			MarkdownDescription: "The IAM member to grant roles to: `principal://…` with `mode = \"direct\"`, else `serviceAccount:EMAIL`.",
		},
		"email": schema.StringAttribute{
			Computed: true, PlanModifiers: kept(),
			MarkdownDescription: "Email of the Google service account; null with `mode = \"direct\"`.",
		},
		"service_account": schema.StringAttribute{
			Computed: true, PlanModifiers: kept(),
			MarkdownDescription: "Full name of the Google service account, `projects/PROJECT/serviceAccounts/EMAIL`, as `service_account` in the " +
				"`grants` of another identity takes it; null with `mode = \"direct\"`.",
		},
		"unique_id": schema.StringAttribute{
			Computed: true, PlanModifiers: kept(),
			MarkdownDescription: "Number of the Google service account, by which it can be undeleted; null with `mode = \"direct\"`.",
		},
		"kubernetes_service_account": schema.StringAttribute{
			Computed: true, PlanModifiers: kept(),
			MarkdownDescription: "Name of the Kubernetes service account; null without a cluster.",
		},
		"status": schema.StringAttribute{
			Computed: true,
			MarkdownDescription: "`ready`; `creating` when a run was interrupted; `degraded` when something was changed or removed outside of " +
				"Terraform. The next apply repairs both.",
		},
		"drift": schema.ListAttribute{
			ElementType: types.StringType, Computed: true,
			MarkdownDescription: "What is not as declared, as `object: declared -> actual`. Missing grants show in `grants` instead.",
		},
	}
}

func replaced() []planmodifier.String {
	return []planmodifier.String{stringplanmodifier.RequiresReplace()}
}

func kept() []planmodifier.String {
	return []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
}
