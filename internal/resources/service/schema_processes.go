package service

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// Nothing inside of a map is computed: defaults are applied by app.WithDefaults and are not in the state, so that
// adding, renaming and removing a key is never more than that.

func processesAttribute() schema.MapNestedAttribute {
	return schema.MapNestedAttribute{
		MarkdownDescription: "The process types, as in a Procfile: `web` takes requests, the others are workers. At least one; Cloud Run needs `web`. " +
			"Names are 1 to 40 lower-case letters, digits and hyphens.",
		Required:     true,
		Validators:   []validator.Map{mapvalidator.NoNullValues()},
		NestedObject: schema.NestedAttributeObject{Attributes: processAttributes()},
	}
}

func processAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"command": words("Command, instead of the image's entry point. Default: the image's own."),
		"args":    words("Arguments, instead of the image's. Default: the image's own."),
		"port": schema.Int64Attribute{
			MarkdownDescription: fmt.Sprintf("Port that the process listens on, 1 to 65535; it is told so in `PORT`. Only `web` takes requests; a worker's port is for "+
				"its health checks. Default: `%d` for `web`, none for workers.", app.DefaultPort),
			Optional: true, Validators: atLeastOne(),
		},
		"cpu": schema.StringAttribute{
			MarkdownDescription: fmt.Sprintf("CPU of an instance, as a Kubernetes quantity such as `500m`. Default: `%s` on GKE, `%s` on Cloud Run.",
				app.DefaultGKECPU, app.DefaultRunCPU),
			Optional: true,
		},
		"memory": schema.StringAttribute{
			MarkdownDescription: fmt.Sprintf("Memory of an instance, as a Kubernetes quantity such as `512Mi`. Default: `%s` on GKE, `%s` on Cloud Run.",
				app.DefaultGKEMemory, app.DefaultRunMemory),
			Optional: true,
		},
		"scale":    scaleAttribute(),
		"startup":  probeAttribute("Asks a new instance whether it has started; the others wait for it.", app.DefaultStartupThreshold, "none"),
		"liveness": probeAttribute("Asks whether the instance has to be started again; on Cloud Run not by `tcp`.", app.DefaultFailureThreshold, "none"),
		"readiness": probeAttribute("Asks whether the instance can take requests, or for a worker on GKE whether it works. Without one on GKE "+
			"a pod has to run for 10 seconds before it counts.", app.DefaultFailureThreshold, "`web` on GKE is asked by `tcp`"),
		"shutdown_grace": schema.StringAttribute{
			MarkdownDescription: fmt.Sprintf("Time that an instance has for its end, in whole seconds. On GKE `web` goes on serving for a third of it, 5 seconds at most, before it gets "+
				"the signal, so that requests go elsewhere first. Default: `%s` on demand and `%s` on Spot nodes; "+
				"Cloud Run always gives `%s`, and more is refused there.",
				seconds(app.DefaultOnDemandGrace), seconds(app.DefaultSpotGrace), seconds(app.RunShutdownGrace)),
			Optional: true, Validators: []validator.String{tf.DurationValidator(time.Second, seconds(app.RunShutdownGrace))},
		},
		"scratch": schema.MapAttribute{
			MarkdownDescription: fmt.Sprintf("Writable paths and their sizes, because the root filesystem is read-only on GKE; what is written there is lost "+
				"with the instance. Default: `{ \"%s\" = \"%s\" }` on GKE, none on Cloud Run.", app.DefaultScratchPath, app.DefaultScratchSize),
			ElementType: types.StringType, Optional: true, Validators: noNulls(),
		},
	}
}

func scaleAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		MarkdownDescription: "How many instances there are. On Cloud Run these are the bounds of the service, all of its revisions together, and changing " +
			"them makes no revision, as `cloud_run.revision_scale` would.",
		Optional: true,
		Attributes: map[string]schema.Attribute{
			"min": schema.Int64Attribute{
				MarkdownDescription: "Least number of instances. Default: `1` on GKE, which does not scale to zero; `0` for `web` and `1` for workers on Cloud Run.",
				Optional:            true,
			},
			"max": schema.Int64Attribute{
				MarkdownDescription: fmt.Sprintf("Largest number of instances. Default: `min`; for `web` on Cloud Run `%d`. A worker on Cloud Run does not "+
					"autoscale, so that `min` and `max` must be equal there.", app.DefaultRunMax),
				Optional: true, Validators: atLeastOne(),
			},
			"concurrency": schema.Int64Attribute{
				MarkdownDescription: fmt.Sprintf("Requests at a time per instance of `web` on Cloud Run, 1 to 1000. Default: `%d`; `1` below one CPU.",
					app.DefaultRunConcurrency),
				Optional: true, Validators: atLeastOne(),
			},
			"cpu_percent": schema.Int64Attribute{
				MarkdownDescription: fmt.Sprintf("CPU utilization that the autoscaler on GKE aims at, 1 to 100 percent of `cpu`. Default: `%d`.", app.DefaultCPUPercent),
				Optional:            true, Validators: atLeastOne(),
			},
		},
	}
}

func probeAttribute(asks string, threshold int, byDefault string) schema.SingleNestedAttribute {
	return checkAttribute(asks+" A worker needs a `port` for it.", threshold, byDefault)
}

// checkAttribute is a health check. It has no delay of its own: a startup check covers the time of a start.
func checkAttribute(asks string, threshold int, byDefault string) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		MarkdownDescription: asks + " Exactly one of `path`, `tcp` and `grpc` is set. Default: " + byDefault + ".",
		Optional:            true,
		Attributes: map[string]schema.Attribute{
			"path": schema.StringAttribute{
				MarkdownDescription: "Asks by an HTTP GET of this path, such as `/healthz`.", Optional: true,
			},
			"tcp": schema.BoolAttribute{
				MarkdownDescription: "Asks by opening a connection. Default: `false`.", Optional: true,
			},
			"grpc": schema.BoolAttribute{
				MarkdownDescription: "Asks by the gRPC health checking protocol. Default: `false`.", Optional: true,
			},
			"grpc_service": schema.StringAttribute{
				MarkdownDescription: "Name of the gRPC service that a check by `grpc` asks about. Default: the server as a whole.", Optional: true,
				Validators: notEmpty("the name of a gRPC service, or left out for the server as a whole"),
			},
			"period": schema.StringAttribute{
				MarkdownDescription: "Time between two checks, in whole seconds. Default: `" + seconds(app.DefaultProbePeriod) + "`.", Optional: true,
				Validators: []validator.String{tf.DurationValidator(time.Second, seconds(app.DefaultProbePeriod))},
			},
			"timeout": schema.StringAttribute{
				MarkdownDescription: "Time for an answer, in whole seconds, not more than `period`. Default: `" + seconds(app.DefaultProbeTimeout) + "`.",
				Optional:            true, Validators: []validator.String{tf.DurationValidator(time.Second, seconds(app.DefaultProbeTimeout))},
			},
			"failure_threshold": schema.Int64Attribute{
				MarkdownDescription: fmt.Sprintf("How many checks in a row have to fail. Default: `%d`.", threshold),
				Optional:            true, Validators: atLeastOne(),
			},
		},
	}
}

func words(text string) schema.ListAttribute {
	return schema.ListAttribute{
		MarkdownDescription: text, ElementType: types.StringType, Optional: true,
		Validators: []validator.List{listvalidator.NoNullValues()},
	}
}

// atLeastOne refuses zero, which the app takes for "not set".
func atLeastOne() []validator.Int64 { return []validator.Int64{int64validator.AtLeast(1)} }

func oneOf(values []string) string { return "`" + strings.Join(values, "`, `") + "`" }

// seconds writes a duration the way in which most people do: "90s" rather than "1m30s".
func seconds(d time.Duration) string {
	if d%time.Second != 0 {
		return d.String()
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
