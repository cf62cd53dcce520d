package cluster

import (
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-validators/int32validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// Limits of GKE. Source: cloud.google.com/kubernetes-engine/quotas and the API reference of NodeConfig.disk_size_gb.
const (
	minDiskGB     = 10
	maxDiskGB     = 65536
	defaultDiskGB = 100
	maxNodes      = 15000

	minPodsPerNode = 8
	maxPodsPerNode = 256
)

func nodePools() schema.Attribute {
	return schema.MapNestedAttribute{
		MarkdownDescription: "The node pools, by a key of your choice: 1 to 40 lower-case letters, digits and hyphens. The key names the pool " +
			"and is the value of the node label `twelvefactor.dev/pool`. At least one.\n\n" +
			"A change of a pool that exists does one of these: `capacity`, `service_account`, `metadata` and `max_pods_per_node` **roll** it, which " +
			"means a new pool and pods that are moved (guide Node pool rolls); `machine_type`, `disk_gb`, `disk_type` and `private_nodes` have GKE " +
			"**replace its nodes** as `upgrade` says; `zones` adds nodes in the new zones and takes away those in zones that are left out; " +
			"everything else leaves its nodes as they are.",
		Required: true,
		Validators: []validator.Map{
			mapvalidator.SizeAtLeast(1),
			mapvalidator.NoNullValues(),
			mapvalidator.KeysAre(tf.Checked("a name that GKE accepts for a node pool", names.CheckNodePool)),
		},
		NestedObject: schema.NestedAttributeObject{Attributes: poolAttributes()},
	}
}

// Nothing inside of a pool or a taint is required by the schema: the framework would miss it in an object that is not
// known yet. checkPools asks for it.

func poolAttributes() map[string]schema.Attribute {
	attributes := machineAttributes()
	for _, more := range []map[string]schema.Attribute{scaleAttributes(), nodeAttributes()} {
		maps.Copy(attributes, more)
	}
	return attributes
}

// machineAttributes say what the nodes are.
func machineAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"machine_type": schema.StringAttribute{
			MarkdownDescription: "Required. Machine type of Compute Engine, such as `e2-standard-4`. A change has GKE replace the nodes, as `upgrade` says.",
			Optional:            true, // but see checkPools
			Validators:          []validator.String{tf.Checked("a machine type", machineForm.check)},
		},
		"capacity": schema.StringAttribute{
			MarkdownDescription: "How the machines are bought: " + oneOf(deploy.ClusterCapacities()) + ". Default: `on_demand`. Spot nodes are far " +
				"cheaper and may go at any time with 30 s notice; preemptible is the older kind, which lasts 24 h at most. A change rolls the pool.",
			Optional: true, Computed: true,
			Validators: []validator.String{stringvalidator.OneOf(deploy.ClusterCapacities()...)},
		},
		"isolate": schema.BoolAttribute{
			MarkdownDescription: "Whether Spot and preemptible nodes carry the taint `cloud.google.com/gke-spot` or `cloud.google.com/gke-preemptible` " +
				"(`NoSchedule`), so that only pods that tolerate it come. Default: `true`: nothing lands on a node that may go without having said " +
				"that it can take it. It means nothing with `on_demand`.",
			Optional: true, Computed: true,
		},
		"disk_gb": schema.Int32Attribute{
			MarkdownDescription: "Size of each node's boot disk in GB, 10 to 65536. Default: `100`, as GKE has it. A change has GKE replace the nodes.",
			Optional:            true, Computed: true,
			Validators: []validator.Int32{int32validator.Between(minDiskGB, maxDiskGB)},
		},
		"disk_type": schema.StringAttribute{
			MarkdownDescription: "Type of the boot disk, such as `pd-balanced` or `hyperdisk-balanced`. Default: the one that GKE takes for the " +
				"machine type; it stays as long as the machines are of the same family. A change has GKE replace the nodes.",
			Optional: true, Computed: true,
			Validators: []validator.String{tf.Checked("a disk type", diskForm.check)},
		},
		"service_account": schema.StringAttribute{
			MarkdownDescription: "Email of the Google service account that the nodes run as. Default: the project's default account, with GKE's " +
				"narrow scopes. A change rolls the pool.",
			Optional: true, Computed: true,
			Validators: []validator.String{tf.Checked("a service account's email", emailForm.check)},
		},
		"metadata": schema.MapAttribute{
			MarkdownDescription: "What the nodes' metadata server shows beside what GKE puts there, such as `{ serial-port-logging-enable = \"true\" }`. " +
				"Never put secrets there: every pod on the host's network reads it. Default: none. A change rolls the pool.",
			ElementType: types.StringType, Optional: true, Computed: true,
			Validators: []validator.Map{mapvalidator.NoNullValues(), mapvalidator.KeysAre(tf.Checked("a metadata key", checkMetadataKey))},
		},
		"max_pods_per_node": schema.Int32Attribute{
			MarkdownDescription: "How many pods a node takes, 8 to 256; the addresses of a node are reserved accordingly. Default: GKE's, 110. A change rolls the pool.",
			Optional:            true, Computed: true,
			Validators: []validator.Int32{int32validator.Between(minPodsPerNode, maxPodsPerNode)},
		},
	}
}

// scaleAttributes say how many nodes there are, and where.
func scaleAttributes() map[string]schema.Attribute {
	count := func(text string, least int32) schema.Int32Attribute {
		return schema.Int32Attribute{
			MarkdownDescription: text, Optional: true, Computed: true,
			Validators: []validator.Int32{int32validator.Between(least, maxNodes)},
		}
	}
	return map[string]schema.Attribute{
		"min_nodes": count("Lower bound of the autoscaler, in total over all zones. Default: `0`.", 0),
		"max_nodes": count("Upper bound of the autoscaler, in total over all zones: 1 to 15000, not below `min_nodes`. Exactly one of `max_nodes` and "+
			"`max_nodes_per_zone` is needed. How many nodes there are is the autoscaler's business and never a difference.", 1),
		"min_nodes_per_zone": count("Lower bound of the autoscaler in each zone, with `max_nodes_per_zone`. Default: `0`.", 0),
		"max_nodes_per_zone": count("Upper bound of the autoscaler in each zone, instead of `max_nodes`.", 1),
		"location_policy": schema.StringAttribute{
			MarkdownDescription: "How the autoscaler chooses zones: `balanced` (evenly) or `any` (where there is capacity). Default: `any` for Spot and preemptible " +
				"nodes, which zones run out of, `balanced` for on-demand ones.",
			Optional: true, Computed: true,
			Validators: []validator.String{stringvalidator.OneOf(deploy.LocationPolicies()...)},
		},
		"zones": schema.SetAttribute{
			MarkdownDescription: "Zones of the nodes, within the cluster's region. Default: the zones that GKE chose for the cluster; " +
				"they stay when the attribute is taken away. A change adds nodes in the new zones, and takes away those in zones that are left out.",
			ElementType: types.StringType, Optional: true, Computed: true,
			Validators: []validator.Set{
				setvalidator.SizeAtLeast(1), setvalidator.NoNullValues(),
				setvalidator.ValueStringsAre(tf.Checked("a zone", checkZone)),
			},
		},
		"upgrade": upgradeAttribute(),
	}
}

// nodeAttributes say what Kubernetes and the network know of the nodes.
func nodeAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"labels": schema.MapAttribute{
			MarkdownDescription: "Kubernetes labels of the nodes. Keys of Kubernetes, GKE and this provider are refused. Default: none beside " +
				"`twelvefactor.dev/capacity` and `twelvefactor.dev/pool`.",
			ElementType: types.StringType, Optional: true, Computed: true,
			Validators: []validator.Map{
				mapvalidator.NoNullValues(),
				mapvalidator.KeysAre(tf.Checked("a node label key", checkNodeKey)),
				mapvalidator.ValueStringsAre(tf.Checked("a node label value", checkNodeValue)),
			},
		},
		"taints": schema.ListNestedAttribute{
			MarkdownDescription: "Taints of the nodes, beside the one that `capacity` brings. Default: none.",
			Optional:            true, Computed: true,
			Validators:   []validator.List{listvalidator.NoNullValues(), listvalidator.UniqueValues()},
			NestedObject: schema.NestedAttributeObject{Attributes: taintAttributes()},
		},
		"tags": schema.SetAttribute{
			MarkdownDescription: "Network tags of the nodes, for firewall rules. Default: none beside GKE's own.",
			ElementType:         types.StringType, Optional: true, Computed: true,
			Validators: []validator.Set{setvalidator.NoNullValues(), setvalidator.ValueStringsAre(tf.Checked("a network tag", tagForm.check))},
		},
		"private_nodes": schema.BoolAttribute{
			MarkdownDescription: "Whether the nodes have internal addresses only. Default: the cluster's `private_nodes`. A change has GKE replace the nodes, " +
				"and so does one of the cluster's for each pool that leaves this out.",
			Optional: true, Computed: true,
		},
	}
}

func taintAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"key": schema.StringAttribute{
			MarkdownDescription: "Required. Key. Keys of Kubernetes, GKE and this provider are refused.", Optional: true,
			Validators: []validator.String{tf.Checked("a taint key", checkNodeKey)},
		},
		"value": schema.StringAttribute{
			MarkdownDescription: "Value. Default: empty.", Optional: true, Computed: true, Default: stringdefault.StaticString(""),
			Validators: []validator.String{tf.Checked("a taint value", checkNodeValue)},
		},
		"effect": schema.StringAttribute{
			MarkdownDescription: "Required. What happens to pods that do not tolerate it: " + oneOf(deploy.TaintEffects()) + ".", Optional: true,
			Validators: []validator.String{stringvalidator.OneOf(deploy.TaintEffects()...)},
		},
	}
}
