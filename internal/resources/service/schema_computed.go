package service

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// computed attributes have no plan modifiers: ModifyPlan plans all of them.
func computed() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"id": schema.StringAttribute{
			MarkdownDescription: "On GKE `projects/P/locations/L/clusters/C/namespaces/NS/services/NAME`, on Cloud Run `projects/P/locations/L/services/NAME`.",
			Computed:            true,
		},
		"url": schema.StringAttribute{
			MarkdownDescription: "Address of `web`: on Cloud Run the public URL, on GKE the address inside of the cluster. Null without `web`, and with `cloud_run.default_uri_disabled`.",
			Computed:            true,
		},
		"release_id": schema.StringAttribute{
			MarkdownDescription: "Release that is declared: 12 hexadecimal characters made from image, config, secret versions and commands, without the " +
				"image where that is another tool's. Known at plan time when those are.",
			Computed: true,
		},
		"status": schema.StringAttribute{
			MarkdownDescription: "`ready`; `creating` when the create was interrupted (the next apply goes on); `degraded` when the last update failed or " +
				"something outside of Terraform broke it (the next apply repairs it); `unavailable` when it is as declared, but a process has no " +
				"pod that answers at the moment, because its nodes were preempted or it began to crash (the plan is empty: no apply would change " +
				"that); `failed` when the first release never became ready. The guide \"When a rollout fails\" says more.",
			Computed: true,
		},
		"image_digest": imageDigestAttribute(),
		"drift": schema.ListAttribute{
			MarkdownDescription: "What was changed outside of Terraform, as `object path: declared -> actual`. The next apply puts it right.",
			ElementType:         types.StringType, Computed: true,
		},
		"objects": schema.ListAttribute{
			MarkdownDescription: "Every object that the service is made of, by full name.",
			ElementType:         types.StringType, Computed: true,
		},
		"effective_labels": tf.EffectiveLabelsAttribute(),
	}
}
