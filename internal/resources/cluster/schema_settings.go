package cluster

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/boolplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// maxAuthorizedNetworks is how many address blocks GKE takes. Source:
// cloud.google.com/kubernetes-engine/docs/how-to/authorized-networks.
const maxAuthorizedNetworks = 100

// Defaults of the settings are in defaults.go: they hold for clusters that this provider made, and an imported cluster
// keeps what it has where the configuration says nothing.

// networkSettings say where the cluster's addresses are and who reaches it.
func networkSettings() map[string]schema.Attribute {
	ranges := func(what, example string) schema.StringAttribute {
		return schema.StringAttribute{
			MarkdownDescription: "Secondary range of the subnetwork for " + what + ": the name of one that exists, or an address block " +
				"(`" + example + "`) or size (`/17`) for one that GKE makes. Clusters are always VPC-native. Default: GKE chooses. " +
				"Changing it makes a new cluster.",
			Optional: true, Computed: true,
			PlanModifiers: []planmodifier.String{stringplanmodifier.UseNonNullStateForUnknown(), replaceForRange()},
			Validators:    []validator.String{tf.Checked("a secondary range", rangeForm.check)},
		}
	}
	return map[string]schema.Attribute{
		"pods_range":     ranges("pods", "10.4.0.0/14"),
		"services_range": ranges("Kubernetes services", "10.0.32.0/20"),
		"private_nodes": schema.BoolAttribute{
			MarkdownDescription: "Whether nodes have internal addresses only, where their pool does not say otherwise. Default: `true`, because nothing needs to reach a node from " +
				"the Internet; images of Artifact Registry still come over Private Google Access, and what calls out to the Internet needs " +
				"Cloud NAT. A change also holds for existing pools that leave out `node_pools.*.private_nodes`: GKE replaces their nodes.",
			Optional: true, Computed: true,
		},
		"dns_endpoint": schema.BoolAttribute{
			MarkdownDescription: "Whether the control plane is reachable from outside of the VPC under its DNS name. Default: `true`: IAM lets a caller in " +
				"before the request comes near the cluster, its certificate is a public one, and runners of Terraform need neither a VPN nor a " +
				"list of addresses.",
			Optional: true, Computed: true,
		},
		"public_endpoint": schema.BoolAttribute{
			MarkdownDescription: "Whether the control plane has an address that is reachable from outside of the VPC. Default: `true`, as GKE has it, so that " +
				"tools that know only addresses work; with `dns_endpoint` it can be `false`. Restrict it with `authorized_networks`.",
			Optional: true, Computed: true,
		},
		"authorized_networks": schema.MapAttribute{
			MarkdownDescription: "Address blocks that may reach the control plane's addresses, with a name for each: `{ \"203.0.113.0/24\" = \"office\" }`. " +
				"An empty map lets in nobody from outside; the DNS endpoint is not affected. Default: none, every address may try.",
			ElementType: types.StringType, Optional: true, Computed: true,
			Validators: []validator.Map{
				mapvalidator.SizeAtMost(maxAuthorizedNetworks), mapvalidator.NoNullValues(),
				mapvalidator.KeysAre(tf.Checked("an address block", checkCIDR)),
			},
		},
		"dataplane_v2": schema.BoolAttribute{
			MarkdownDescription: "Whether GKE Dataplane V2 moves the packets. Default: `true`: without it nothing enforces the network policies of " +
				"namespaces. GKE cannot change it later: changing it makes a new cluster.",
			Optional: true, Computed: true,
			PlanModifiers: []planmodifier.Bool{boolplanmodifier.RequiresReplaceIfConfigured()},
		},
		"gateway_api": schema.BoolAttribute{
			MarkdownDescription: "Whether the Gateway API's resources and GKE's controller for them are there. Default: `true`: it is the successor of Ingress, " +
				"and costs nothing until a Gateway exists.",
			Optional: true, Computed: true,
		},
	}
}

// operationSettings say how the cluster is observed, protected and upgraded.
func operationSettings() map[string]schema.Attribute {
	components := func(what string, all []string) schema.SetAttribute {
		return schema.SetAttribute{
			MarkdownDescription: "Components whose " + what + " go to Cloud Operations: " + oneOf(all) + ". Default: what GKE collects in new clusters; what is there stays when it is left out. An empty set collects nothing.",
			ElementType:         types.StringType, Optional: true, Computed: true,
			Validators: []validator.Set{
				setvalidator.NoNullValues(), setvalidator.ValueStringsAre(stringvalidator.OneOf(all...)),
			},
		}
	}
	flag := func(text string) schema.BoolAttribute {
		return schema.BoolAttribute{MarkdownDescription: text, Optional: true, Computed: true}
	}
	return map[string]schema.Attribute{
		"min_version": schema.StringAttribute{
			MarkdownDescription: "Least version of the control plane: `1.33`, `1.33.5` or `1.33.5-gke.1162000`. An older one is upgraded in place; a newer one stays, " +
				"because GKE upgrades by itself and never goes back. Nodes follow by GKE's own upgrades. Default: the channel's version.",
			Optional:   true,
			Validators: []validator.String{tf.Checked("a version of GKE", deploy.CheckClusterVersion)},
		},
		"maintenance": maintenanceAttribute(),
		"logging":     components("logs", deploy.LoggingComponents()),
		"monitoring":  components("metrics", deploy.MonitoringComponents()),
		"managed_prometheus": flag("Whether Google Cloud Managed Service for Prometheus collects what pods export. Default: `true`, as GKE has it: " +
			"an app exports metrics and is done."),
		"secret_manager_csi": flag("Whether the Secret Manager add-on mounts secrets as files. Default: `true`: `secret_files` of a service on GKE need it."),
		"binary_authorization": schema.StringAttribute{
			MarkdownDescription: "Whether Binary Authorization decides which images run: " + oneOf(deploy.BinaryAuthorizations()) + " (by the project's policy). " +
				"Default: `disabled`, because it is worth nothing before the project has a policy.",
			Optional: true, Computed: true,
			Validators: []validator.String{stringvalidator.OneOf(deploy.BinaryAuthorizations()...)},
		},
		"shielded_nodes": flag("Whether a node has to prove to the control plane that it is a machine of this cluster. Default: `true`: without it, " +
			"whoever reads a node's credentials can pose as a node."),
		"security_posture": schema.StringAttribute{
			MarkdownDescription: "Mode of the security posture dashboard, which looks at workloads for known weaknesses: " + oneOf(deploy.SecurityPostures()) +
				". Default: `basic`, which is free.",
			Optional: true, Computed: true,
			Validators: []validator.String{stringvalidator.OneOf(deploy.SecurityPostures()...)},
		},
		"fleet_project": schema.StringAttribute{
			MarkdownDescription: "Project that hosts the fleet of which the cluster is a member. Default: no fleet.",
			Optional:            true, Computed: true,
			Validators: []validator.String{tf.Checked("a project id", names.CheckProject)},
		},
	}
}

// replaceForRange asks for a new cluster when the configured range is another one: the name, the block and the size of the
// range that is there are the same range.
func replaceForRange() planmodifier.String {
	return stringplanmodifier.RequiresReplaceIf(
		func(ctx context.Context, req planmodifier.StringRequest, resp *stringplanmodifier.RequiresReplaceIfFuncResponse) {
			resp.RequiresReplace = isOtherRange(req.StateValue, req.ConfigValue, keptRanges(ctx, req.Private)[req.Path.String()])
		}, "A different range makes a new cluster.", "A different range makes a new cluster.")
}

// replaceForNetwork asks for a new cluster when the configured network is another one: a path and a name can mean the same.
func replaceForNetwork() planmodifier.String {
	return stringplanmodifier.RequiresReplaceIf(
		func(ctx context.Context, req planmodifier.StringRequest, resp *stringplanmodifier.RequiresReplaceIfFuncResponse) {
			var project types.String
			resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("project"), &project)...)
			resp.RequiresReplace = isOtherNetwork(req.StateValue, req.ConfigValue, project.ValueString())
		}, "A different network makes a new cluster.", "A different network makes a new cluster.")
}
