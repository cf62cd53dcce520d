package cluster

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/int32validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int32default"
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
)

func nodePools() schema.Attribute {
	return schema.MapNestedAttribute{
		MarkdownDescription: "The node pools, by a key of your choice: 1 to 40 lower-case letters, digits and hyphens. The key names the pool " +
			"and is the value of the node label `twelvefactor.dev/pool`. At least one.",
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
	return map[string]schema.Attribute{
		"machine_type": schema.StringAttribute{
			MarkdownDescription: "Required. Compute Engine machine type, such as `e2-standard-4`. GKE replaces the nodes one after another when it changes.",
			Optional:            true, // but see checkPools
			Validators:          []validator.String{tf.Checked("a machine type", machineForm.check)},
		},
		"capacity": schema.StringAttribute{
			MarkdownDescription: "How the machines are bought: " + oneOf(deploy.ClusterCapacities()) + ". Default: `on_demand`. Spot nodes are far " +
				"cheaper and may go at any time with 30 s notice; preemptible is the older kind, which lasts 24 h at most. A change makes a new pool.",
			Optional: true, Computed: true, Default: stringdefault.StaticString(deploy.PoolOnDemand),
			Validators: []validator.String{stringvalidator.OneOf(deploy.ClusterCapacities()...)},
		},
		"min_nodes": schema.Int32Attribute{
			MarkdownDescription: "Lower bound of the autoscaler, in total over all zones. Default: `0`.",
			Optional:            true, Computed: true, Default: int32default.StaticInt32(0),
			Validators: []validator.Int32{int32validator.Between(0, maxNodes)},
		},
		"max_nodes": schema.Int32Attribute{
			MarkdownDescription: "Required. Upper bound of the autoscaler, in total over all zones: 1 to 15000, not below `min_nodes`.",
			Optional:            true, // but see checkPools
			Validators:          []validator.Int32{int32validator.Between(1, maxNodes)},
		},
		"disk_gb": schema.Int32Attribute{
			MarkdownDescription: "Size of each node's boot disk in GB, 10 to 65536. Default: `100`.",
			Optional:            true, Computed: true, Default: int32default.StaticInt32(defaultDiskGB),
			Validators: []validator.Int32{int32validator.Between(minDiskGB, maxDiskGB)},
		},
		"labels": schema.MapAttribute{
			MarkdownDescription: "Kubernetes labels of the nodes. Keys of Kubernetes, GKE and this provider are refused.",
			ElementType:         types.StringType, Optional: true,
			Validators: []validator.Map{
				mapvalidator.NoNullValues(),
				mapvalidator.KeysAre(tf.Checked("a node label key", checkNodeKey)),
				mapvalidator.ValueStringsAre(tf.Checked("a node label value", checkNodeValue)),
			},
		},
		"taints": schema.ListNestedAttribute{
			MarkdownDescription: "Taints of the nodes, beside the one that `capacity` brings.",
			Optional:            true,
			Validators:          []validator.List{listvalidator.NoNullValues(), listvalidator.UniqueValues()},
			NestedObject:        schema.NestedAttributeObject{Attributes: taintAttributes()},
		},
		"service_account": schema.StringAttribute{
			MarkdownDescription: "Email of the Google service account that the nodes run as. Default: the project's default account, with GKE's " +
				"narrow scopes. A change makes a new pool.",
			Optional:   true,
			Validators: []validator.String{tf.Checked("a service account's email", emailForm.check)},
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
