package cluster

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/int32validator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// Limits of upgrade settings. Source: cloud.google.com/kubernetes-engine/docs/concepts/node-pool-upgrade-strategies.
const (
	maxSurgeNodes = 20
	maxBatchNodes = 15000
	wholeBatch    = 100
	defaultSoak   = "1h"
)

func upgradeAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		MarkdownDescription: "How GKE replaces nodes for a new version or machine. Default: `{ max_surge = 1, max_unavailable = 0 }`: a new node first, one " +
			"at a time, as GKE has it.",
		Optional: true, Computed: true,
		Attributes: map[string]schema.Attribute{
			"max_surge": schema.Int32Attribute{
				MarkdownDescription: "How many nodes are added at a time. Default: `1`; null with `blue_green`.",
				Optional:            true, Computed: true,
				Validators: []validator.Int32{int32validator.Between(0, maxSurgeNodes)},
			},
			"max_unavailable": schema.Int32Attribute{
				MarkdownDescription: "How many nodes may be missing at a time. Default: `0`; null with `blue_green`.",
				Optional:            true, Computed: true,
				Validators: []validator.Int32{int32validator.Between(0, maxSurgeNodes)},
			},
			"blue_green": schema.SingleNestedAttribute{
				MarkdownDescription: "A second set of nodes beside the first, to which pods move in batches, and back if it goes wrong. It needs quota for twice " +
					"the nodes. Not with `max_surge` and `max_unavailable`. Default: none.",
				Optional: true,
				Attributes: map[string]schema.Attribute{
					"batch_nodes": schema.Int32Attribute{
						MarkdownDescription: "Nodes in a batch. Exactly one of `batch_nodes` and `batch_percent` is needed.",
						Optional:            true, Validators: []validator.Int32{int32validator.Between(1, maxBatchNodes)},
					},
					"batch_percent": schema.Int32Attribute{
						MarkdownDescription: "Share of the nodes in a batch, 1 to 100.",
						Optional:            true, Validators: []validator.Int32{int32validator.Between(1, wholeBatch)},
					},
					"batch_soak": soakAttribute("Pause after each batch, such as `30m`. Default: `0s`.", "0s"),
					"soak":       soakAttribute("How long the old nodes stay after the last batch, up to `168h`. Default: `"+defaultSoak+"`.", defaultSoak),
				},
			},
		},
	}
}

func soakAttribute(text, byDefault string) schema.StringAttribute {
	return schema.StringAttribute{
		MarkdownDescription: text, Optional: true, Computed: true, Default: stringdefault.StaticString(byDefault),
		Validators: []validator.String{tf.Checked("a duration", checkSoak)},
	}
}
