package cluster

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// statuses are the values of the attribute status and what they mean.
var statuses = []struct{ name, meaning string }{
	{deploy.ClusterReady, "it serves, with all of its pools"},
	{deploy.ClusterCreating, "its creation, or that of a pool, is not finished: the next apply goes on"},
	{deploy.ClusterDegraded, "it serves, but GKE reports a problem with it or with a pool, such as one that got no machines: the next apply makes GKE try again"},
	{deploy.ClusterFailed, "it cannot be used, and the next plan replaces it"},
	{deploy.ClusterDeleting, "GKE is deleting it, and the next plan replaces it when it is gone"},
}

func computed() map[string]schema.Attribute {
	kept := func(text string) schema.StringAttribute {
		return schema.StringAttribute{
			MarkdownDescription: text, Computed: true,
			PlanModifiers: []planmodifier.String{stringplanmodifier.UseNonNullStateForUnknown()},
		}
	}
	var meanings []string
	for _, s := range statuses {
		meanings = append(meanings, "`"+s.name+"` ("+s.meaning+")")
	}
	return map[string]schema.Attribute{
		"id":             kept("`projects/P/locations/L/clusters/C`."),
		"endpoint":       kept("Address of the Kubernetes API, without `https://`."),
		"ca_certificate": kept("Certificate of the authority that signs the Kubernetes API's certificate, as base64 of PEM."),
		"version":        kept("Version of the control plane. GKE raises it by itself. That is never a difference."),
		"workload_pool": schema.StringAttribute{
			MarkdownDescription: "Workload Identity pool, `PROJECT.svc.id.goog`. Known at plan time.", Computed: true,
		},
		"status": schema.StringAttribute{
			MarkdownDescription: strings.Join(meanings, ", ") + ".", Computed: true,
		},
		"effective_labels": tf.EffectiveLabelsAttribute(),
		"drift": schema.ListAttribute{
			MarkdownDescription: "What was changed outside of Terraform in settings that no attribute shows, as `path: declared -> actual`. " +
				"The next apply puts it right.",
			ElementType: types.StringType, Computed: true,
		},
	}
}

func oneOf(values []string) string { return "`" + strings.Join(values, "`, `") + "`" }
