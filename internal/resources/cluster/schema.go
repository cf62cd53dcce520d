package cluster

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

const description = `A GKE Standard cluster with its node pools.

The cluster is created with its own pools in one operation; a default pool never exists. Workload Identity is always
on, with ` + "`GKE_METADATA`" + ` on every node, and so are VPC-native networking, repair and upgrade by GKE, secure boot and
integrity monitoring of new nodes. Every other setting has a default, given with its reason below.

**Defaults and imports.** In a cluster that this provider made, an attribute that the configuration leaves out has its default,
and a change by hand shows as a difference; where GKE chooses the default (` + "`logging`, `monitoring`, `zones`, `disk_type`" + `), what
is there stays. An imported cluster keeps what it has wherever the configuration says nothing, its place included, and is never replaced for
it. What an import does change: it switches Workload Identity on, and puts this provider's labels on the cluster and on nodes;
` + "`drift`" + ` lists it. The configuration that ` + "`plan -generate-config-out=FILE`" + ` writes works as it is, but for pools that do not scale:
` + "`max_nodes`" + ` is a decision. Pools that the configuration does not name are deleted. Autopilot clusters cannot be imported.

Nodes carry the labels ` + "`twelvefactor.dev/capacity`" + ` and ` + "`twelvefactor.dev/pool`" + `, by which
services choose them; Spot and preemptible nodes carry GKE's taint as well.

Adding, changing and removing a pool updates the cluster in place. A change that a live pool cannot take (` + "`capacity`" + `,
` + "`service_account`" + `) makes a new pool, waits for it, and deletes the old one, which respects PodDisruptionBudgets.

A run that is interrupted leaves the cluster in the state with ` + "`status = \"creating\"`" + ` and a warning, and the next apply
goes on. Let a run fail on anything but a healthy cluster with a postcondition:

` + "```hcl" + `
lifecycle {
  postcondition {
    condition     = self.status == "ready"
    error_message = "The cluster is ${self.status}: apply again."
  }
}
` + "```"

func resourceSchema(ctx context.Context) schema.Schema {
	attributes := settings()
	for _, more := range []map[string]schema.Attribute{networkSettings(), operationSettings(), upgradeSettings(), computed()} {
		maps.Copy(attributes, more)
	}
	attributes["node_pools"] = nodePools()
	attributes["timeouts"] = timeouts.Attributes(ctx, timeouts.Opts{
		Create: true, Update: true, Delete: true,
		CreateDescription: "How long a create may take, such as `60m` (default).",
		UpdateDescription: "How long an update may take, such as `60m` (default).",
		DeleteDescription: "How long a delete may take, such as `40m` (default).",
	})
	return schema.Schema{MarkdownDescription: description, Attributes: attributes}
}

func settings() map[string]schema.Attribute {
	replace := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			MarkdownDescription: "Name of the cluster: 1 to 40 lower-case letters, digits and hyphens. Changing it makes a new cluster.",
			Required:            true, PlanModifiers: replace,
			Validators: []validator.String{tf.Checked("a name that GKE accepts", names.CheckCluster)},
		},
		"project": schema.StringAttribute{
			MarkdownDescription: "Id of the Google Cloud project. Default: the provider's `project`. Changing it makes a new cluster.",
			Optional:            true, Computed: true,
			Validators: []validator.String{tf.Checked("a project id", names.CheckProject)},
		},
		"location": schema.StringAttribute{
			MarkdownDescription: "Region (`asia-northeast1`: control plane and nodes in several zones) or zone (`asia-northeast1-b`). " +
				"Default: the provider's `region`. Changing it makes a new cluster.",
			Optional: true, Computed: true,
			Validators: []validator.String{tf.Checked("a region or a zone", names.CheckLocation)},
		},
		"release_channel": schema.StringAttribute{
			MarkdownDescription: "How soon GKE upgrades the cluster: " + oneOf(deploy.ReleaseChannels()) + ". Default: `regular`: versions that have " +
				"proven themselves in `rapid`.",
			Optional: true, Computed: true,
			Validators: []validator.String{stringvalidator.OneOf(deploy.ReleaseChannels()...)},
		},
		"network": schema.StringAttribute{
			MarkdownDescription: "VPC network: a name, or `projects/P/global/networks/N` for a shared one. Default: `default`. " +
				"Changing it makes a new cluster.",
			Optional: true, Computed: true,
			PlanModifiers: []planmodifier.String{replaceForNetwork()},
			Validators:    []validator.String{tf.Checked("a network's name or path", networkForm.check)},
		},
		"subnetwork": schema.StringAttribute{
			MarkdownDescription: "Subnetwork in the cluster's region: a name, or `projects/P/regions/R/subnetworks/S`. Default: the one that " +
				"GKE finds in `network`. Changing it makes a new cluster.",
			Optional: true, Computed: true,
			PlanModifiers: []planmodifier.String{
				stringplanmodifier.UseNonNullStateForUnknown(), replaceForNetwork(),
			},
			Validators: []validator.String{tf.Checked("a subnetwork's name or path", subnetworkForm.check)},
		},
		"labels": labelsAttribute(),
		"deletion_protection": schema.BoolAttribute{
			MarkdownDescription: "Whether plans that delete or replace the cluster are refused. Default: `false`; set it to `true` where it " +
				"matters (`modules/platform` does for production). One that was never ready is not protected.",
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
		},
	}
}

// labelsAttribute is computed too, so that an imported cluster keeps its labels where the configuration has none.
func labelsAttribute() schema.Attribute {
	labels := tf.LabelsAttribute()
	labels.Computed = true
	return labels
}
