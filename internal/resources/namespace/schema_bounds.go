package namespace

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// bounds are what the pods of the namespace may do and use.
func bounds() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"default_deny": schema.BoolAttribute{
			MarkdownDescription: "Whether a NetworkPolicy denies every connection that is not listed. Allowed are: pods of the namespace among themselves; " +
				"DNS (port 53 of kube-dns, of the cache on the node, of Cloud DNS, and of the cluster's range of Services); the metadata server, which " +
				"Workload Identity needs (`169.254.169.254` on 80 and 8080, `169.254.169.252` on 987 and 988); and `network`. Probes come from the node " +
				"and always pass. A cluster enforces it with Dataplane V2 (`dataplane_v2` of `twelvefactor_cluster`) or Calico; in others it has no effect, " +
				"and the apply says so. Default: `true`.",
			Optional: true, Computed: true, Default: booldefault.StaticBool(true),
		},
		"network": schema.SingleNestedAttribute{
			MarkdownDescription: "What is allowed beside that. An entry is a namespace or a range of addresses, with a TCP port or for all ports and " +
				"protocols: `cart`, `cart:8080`, `10.20.0.0/16`, `10.20.0.5/32:5432`. A connection between two namespaces that deny by default has to be " +
				"listed on both sides. Default: nothing.",
			Optional: true,
			Attributes: map[string]schema.Attribute{
				"ingress_from": peers("Who may connect to the pods of this namespace; a port is one that these pods listen on. Load balancers of Google " +
					"come from `130.211.0.0/22` and `35.191.0.0/16`. Default: nobody else."),
				"egress_to": peers("Whom the pods of this namespace may connect to; a port is one that the other side listens on (of pods behind a Service " +
					"their own port, not the Service's). `0.0.0.0/0:443` is HTTPS to everywhere, Google's APIs at their public addresses included; " +
					"`199.36.153.8/30:443` are Google's APIs through `private.googleapis.com`. Default: nobody else."),
			},
		},
		"quota": schema.MapAttribute{
			MarkdownDescription: "ResourceQuota: the most that all of the namespace may use together, by the names that Kubernetes has for it, such as " +
				"`{ \"requests.cpu\" = \"10\", \"requests.memory\" = \"20Gi\", pods = \"50\" }`. Pods that do not say what is bounded are refused: those of a " +
				"service say what CPU and memory they ask for and limit memory, and have no limit of CPU, so that `limits.cpu` also needs " +
				"`limits.default_limit`. Leave room for a rollout, which adds a quarter of the pods, at least one. Default: none.",
			ElementType: types.StringType, Optional: true, Validators: entries(app.CheckQuota),
		},
		"limits": schema.SingleNestedAttribute{
			MarkdownDescription: "LimitRange: what a container asks for and is limited to when it does not say, and what it may say. Each is a map from " +
				"`cpu`, `memory` or `ephemeral-storage` to a quantity. Default: none.",
			Optional: true,
			Attributes: map[string]schema.Attribute{
				"default_request": limit("What is asked for when a container does not say. Default: `default_limit`."),
				"default_limit": limit("The limit of a container that has none. A CPU limit throttles services, too, and one below what a process asks for " +
					"refuses its pods. Default: `max`."),
				"min": limit("The least that a container may ask for. Default: none."),
				"max": limit("The most that a container may be limited to. Default: none."),
			},
		},
	}
}

func peers(text string) schema.SetAttribute {
	return schema.SetAttribute{
		MarkdownDescription: text, ElementType: types.StringType, Optional: true,
		Validators: []validator.Set{
			setvalidator.NoNullValues(), setvalidator.ValueStringsAre(tf.Checked("a namespace or a range of addresses, with or without a port", app.CheckPeer)),
		},
	}
}

func limit(text string) schema.MapAttribute {
	return schema.MapAttribute{MarkdownDescription: text, ElementType: types.StringType, Optional: true, Validators: entries(app.CheckLimit)}
}
