package service

import (
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

func runAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		MarkdownDescription: "Runs the app on Cloud Run. Exactly one of `gke` and `cloud_run` is set; a change from one to the other makes another " +
			"service, as said at `gke`.",
		Optional: true,
		Attributes: map[string]schema.Attribute{
			"location": schema.StringAttribute{
				MarkdownDescription: "Region, such as `asia-northeast1`. Default: the provider's `region`. A change makes another service.",
				Optional:            true, Computed: true,
				Validators: []validator.String{tf.Checked("a region", checkRegion)},
			},
			"ingress": oneOfAttribute("Where requests may come from", app.Ingresses(), "`all`"),
			"public": flag("Whether everybody may call it: grants `allUsers` the role `roles/run.invoker`. An organization whose policy refuses " +
				"`allUsers` (domain restricted sharing) refuses this, which the create tells before it waits for the rollout: there set " +
				"`invoker_iam_disabled`."),
			"invokers": stringSet("IAM members that may call it, such as `serviceAccount:shop@acme-dev.iam.gserviceaccount.com`. They are added and " +
				"removed one by one; members that others have granted are neither shown nor touched."),
			"invoker_iam_disabled": flag("Whether everybody may call it because Cloud Run does not look at the policy. What `public` is for where the " +
				"organization refuses `allUsers`; an organization may refuse this too (`constraints/run.managed.requireInvokerIam`). Not together " +
				"with `public` or `invokers`."),
			"default_uri_disabled": flag("Whether the service has no `run.app` address; then `url` is null, and requests come by a load balancer or a domain " +
				"of your own."),
			"custom_audiences": stringSet("Audiences that callers' tokens may name besides the service's own address, such as `https://api.example.com`."),
			"vpc":              vpcAttribute(),
			"session_affinity": flag("Whether requests of one client go to the same instance of `web` as long as that lasts. Sessions still belong into a " +
				"backing service: instances come and go."),
			"cpu_always_allocated": flag("Whether an instance of `web` has its CPU between requests too, for work in the background (instance-based billing). " +
				"Needs one CPU and `512Mi`. Workers always have theirs."),
			"startup_cpu_boost": schema.BoolAttribute{
				MarkdownDescription: "Whether an instance of `web` gets more CPU while it starts. Default: `true`.", Optional: true,
			},
			"execution_environment": oneOfAttribute("Execution environment of `web`", app.ExecutionEnvironments(),
				"Cloud Run chooses. `gen2` needs one CPU and `512Mi`. Workers always run in `gen2`"),
			"request_timeout": schema.StringAttribute{
				MarkdownDescription: "Longest time that a request may take, in whole seconds, `1s` to `3600s`. Default: `" + seconds(app.DefaultRequestTimeout) + "`.",
				Optional:            true, Validators: []validator.String{tf.DurationValidator(time.Second, seconds(app.DefaultRequestTimeout))},
			},
			"protocol": oneOfAttribute("What `web` speaks on its port: HTTP/1, or HTTP/2 without TLS (`h2c`) from end to end, which gRPC with streams from the "+
				"client needs", app.Protocols(), "`http1`"),
			"revision_scale": revisionScaleAttribute(),
		},
	}
}

func vpcAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		MarkdownDescription: "Way into a VPC network for all processes, by Direct VPC egress. At least one of `network` and `subnetwork` is set. Cloud Run's " +
			"service agent needs `roles/compute.networkUser` on a subnetwork of another project. Default: none.",
		Optional: true,
		Attributes: map[string]schema.Attribute{
			"network": schema.StringAttribute{
				MarkdownDescription: "The network: its name, or `projects/PROJECT/global/networks/NAME`. Default: that of the subnetwork.",
				Optional:            true, Validators: notEmpty("a network, such as \"default\""),
			},
			"subnetwork": schema.StringAttribute{
				MarkdownDescription: "The subnetwork that instances get addresses of: its name, or `projects/PROJECT/regions/REGION/subnetworks/NAME`, in " +
					"the region of the service. Default: the one with the name of the network.",
				Optional: true, Validators: notEmpty("a subnetwork, such as \"apps\""),
			},
			"tags":   stringSet("Network tags of the instances, that firewall rules refer to; at most 64."),
			"egress": oneOfAttribute("What goes through the network", app.Egresses(), "`"+app.EgressPrivate+"`"),
		},
	}
}

func revisionScaleAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		MarkdownDescription: "Bounds of the instances of each revision of `web`. `scale` of `web` bounds all revisions together, and a change of it " +
			"makes no revision, whereas a change here makes one. Default: none.",
		Optional: true,
		Attributes: map[string]schema.Attribute{
			"min": schema.Int64Attribute{
				MarkdownDescription: "Least number of instances of a revision, also of one that gets no traffic. Default: `0`.",
				Optional:            true, Validators: []validator.Int64{int64validator.AtLeast(0)},
			},
			"max": schema.Int64Attribute{
				MarkdownDescription: "Largest number of instances of a revision. Default: `100`, and `scale.max` where that is more, whose changes make a " +
					"revision then. A project whose quota allows fewer instances needs it.",
				Optional: true, Validators: atLeastOne(),
			},
		},
	}
}

// flag is an optional attribute that is off unless it is set.
func flag(text string) schema.BoolAttribute {
	return schema.BoolAttribute{MarkdownDescription: text + " Default: `false`.", Optional: true}
}

func stringSet(text string) schema.SetAttribute {
	return schema.SetAttribute{
		MarkdownDescription: text + " Default: none.", ElementType: types.StringType, Optional: true,
		Validators: []validator.Set{setvalidator.NoNullValues(), setvalidator.ValueStringsAre(stringvalidator.LengthAtLeast(1))},
	}
}

// oneOfAttribute is a choice; the app's rules judge it.
func oneOfAttribute(text string, accepted []string, byDefault string) schema.StringAttribute {
	return schema.StringAttribute{
		MarkdownDescription: text + ": " + oneOf(accepted) + ". Default: " + byDefault + ".",
		Optional:            true,
		Validators:          notEmpty("one of " + strings.Join(accepted, ", ")),
	}
}
