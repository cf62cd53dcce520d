package service

import (
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

func sidecarsAttribute() schema.MapNestedAttribute {
	return schema.MapNestedAttribute{
		MarkdownDescription: "Containers that run beside the processes and share their network, such as a database proxy or an agent, by name: 1 to 40 " +
			"lower-case letters, digits and hyphens, no name of a process. A process starts after its sidecars that have a `startup` check have passed it. A " +
			"change of image, command, `config` or `secrets` makes a new release. Default: none.",
		Optional:     true,
		Validators:   []validator.Map{mapvalidator.NoNullValues()},
		NestedObject: schema.NestedAttributeObject{Attributes: sidecarAttributes()},
	}
}

func sidecarAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"image": schema.StringAttribute{
			MarkdownDescription: "Container image, pinned as that of the service.", Optional: true,
		},
		"command": words("Command, instead of the image's entry point. Default: the image's own."),
		"args":    words("Arguments, instead of the image's. Default: the image's own."),
		"config": schema.MapAttribute{
			MarkdownDescription: "Plain environment. The service's `config` is not in it. Default: none.",
			ElementType:         types.StringType, Optional: true, Validators: noNulls(),
		},
		"secrets": schema.MapAttribute{
			MarkdownDescription: "Secret environment, as that of the service: environment name to secret version. Default: none.",
			ElementType:         types.StringType, Optional: true, Validators: noNulls(),
		},
		"port": schema.Int64Attribute{
			MarkdownDescription: "Port that its health checks ask, 1 to 65535, other than those of the process and its other sidecars. Only the process takes " +
				"requests from outside, and a sidecar is not told its port in `PORT`. Default: none.",
			Optional: true, Validators: atLeastOne(),
		},
		"cpu": schema.StringAttribute{
			MarkdownDescription: fmt.Sprintf("CPU, as a Kubernetes quantity. Default: `%s` on GKE, `%s` on Cloud Run, where all containers of an instance together "+
				"have at most 8.", app.DefaultGKESidecarCPU, app.DefaultRunCPU),
			Optional: true,
		},
		"memory": schema.StringAttribute{
			MarkdownDescription: fmt.Sprintf("Memory, as a Kubernetes quantity. Default: `%s` on GKE, `%s` on Cloud Run.", app.DefaultGKESidecarMemory, app.DefaultRunMemory),
			Optional:            true,
		},
		"startup": checkAttribute("Asks whether it has started; the process, and sidecars that name it in `after`, wait for it. Asks `port`.",
			app.DefaultStartupThreshold, "none"),
		"liveness": checkAttribute("Asks whether it has to be started again. Asks `port`; on Cloud Run not by `tcp`.", app.DefaultFailureThreshold, "none"),
		"readiness": checkAttribute("Asks whether the pod can take requests. Asks `port`. On GKE only: Cloud Run asks `web` alone.",
			app.DefaultFailureThreshold, "none"),
		"scratch": schema.MapAttribute{
			MarkdownDescription: fmt.Sprintf("Writable paths and their sizes, of its own. Default: `{ \"%s\" = \"%s\" }` on GKE, none on Cloud Run.",
				app.DefaultScratchPath, app.DefaultScratchSize),
			ElementType: types.StringType, Optional: true, Validators: noNulls(),
		},
		"processes": setOfNames("Processes that it runs beside. Default: all."),
		"after":     setOfNames("Sidecars that must have started before it does; each needs a `startup` check. Default: none."),
	}
}

// setOfNames is a set of names. An empty one means what leaving it out means.
func setOfNames(text string) schema.SetAttribute {
	return schema.SetAttribute{
		MarkdownDescription: text, ElementType: types.StringType, Optional: true,
		Validators: []validator.Set{setvalidator.NoNullValues(), setvalidator.SizeAtLeast(1), setvalidator.ValueStringsAre(stringvalidator.LengthAtLeast(1))},
	}
}

func annotationsAttribute() schema.MapAttribute {
	return schema.MapAttribute{
		MarkdownDescription: "Annotations for tools: on GKE of the Deployments, their pods and the Service, on Cloud Run of the service, the worker pools and their " +
			"revisions. Annotations that others set are neither shown nor touched. The runtime's own, such as those below `kubernetes.io/` and " +
			"`run.googleapis.com/`, are refused. A change starts the instances anew. Default: none.",
		ElementType: types.StringType, Optional: true, Validators: noNulls(),
	}
}

func identityWaitAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		MarkdownDescription: "New pods wait for their identity: GKE's metadata server does not answer a pod in its first seconds, and an app that asks Google for " +
			"anything then fails. An init container asks until there is an answer. Default: on.",
		Optional: true,
		Attributes: map[string]schema.Attribute{
			"enabled": schema.BoolAttribute{
				MarkdownDescription: "Whether pods wait. An app that calls no Google API, or tries again by itself, needs no wait. Default: `true`.",
				Optional:            true,
			},
			"image": schema.StringAttribute{
				MarkdownDescription: "Image with `sh`, `timeout` and `wget`, pinned. GKE's nodes pull the default from Google's cache of Docker Hub, also where they " +
					"cannot reach the internet; name a copy in Artifact Registry where a policy allows only your own registries. Default: `" + app.DefaultWaitImage + "`.",
				Optional: true, Validators: notEmpty("an image such as \"" + app.DefaultWaitImage + "\", or left out"),
			},
			"timeout": schema.StringAttribute{
				MarkdownDescription: "How long a pod waits before its init container fails, and Kubernetes starts that again; up to `5m`. Default: `" +
					seconds(app.DefaultWaitTimeout) + "`.",
				Optional: true, Validators: []validator.String{tf.DurationValidator(time.Second, seconds(app.DefaultWaitTimeout))},
			},
		},
	}
}
