package service

import (
	"context"
	"errors"
	"maps"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

const description = `One app, its processes and everything that they need, on GKE or on Cloud Run.

Exactly one of ` + "`gke` and `cloud_run`" + ` chooses the runtime. What both can do means the same on both; what one cannot do is refused by
the plan.

On GKE the service is a Deployment for each process, with autoscaler, disruption budget and topology spread, and a Service for
` + "`web`" + `; namespace and service account are made with it. Its pods meet Pod Security "restricted", and their root filesystem is
read-only. On Cloud Run it is a service for ` + "`web`" + ` and a worker pool for each of the others.

The app gets ` + "`roles/secretmanager.secretAccessor`" + ` on exactly the secrets that ` + "`secrets` and `secret_files`" + ` name. An apply ends when the new
release serves. A release that does not become ready fails the apply, and the old one keeps serving.

An interrupted run leaves ` + "`status = \"creating\"`" + ` and a warning, and the next apply goes on. Let a run fail on anything but a ready
service with a postcondition:

` + "```hcl" + `
lifecycle {
  postcondition {
    condition     = self.status == "ready"
    error_message = "The service is ${self.status}: see the warning, mend the cause and apply again."
  }
}
` + "```"

func resourceSchema(ctx context.Context) schema.Schema {
	attributes := settings()
	maps.Copy(attributes, computed())
	maps.Copy(attributes, ownership())
	maps.Copy(attributes, fileAttributes())
	attributes["gke"] = gkeAttribute()
	attributes["cloud_run"] = runAttribute()
	attributes["processes"] = processesAttribute()
	attributes["sidecars"] = sidecarsAttribute()
	attributes["annotations"] = annotationsAttribute()
	attributes["timeouts"] = timeouts.Attributes(ctx, timeouts.Opts{
		Create: true, Read: true, Update: true, Delete: true,
		CreateDescription: "How long a create may take. Default: `20m`: pods may wait for nodes, and grants for IAM.",
		ReadDescription:   "How long a read may take. Default: `5m`.",
		UpdateDescription: "How long an update may take. Default: `20m`.",
		DeleteDescription: "How long a delete may take. Default: `20m`.",
	})
	return schema.Schema{MarkdownDescription: description, Attributes: attributes}
}

func settings() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			MarkdownDescription: "Name of the service: 1 to 49 lower-case letters, digits and hyphens. A change makes another service.",
			Required:            true,
		},
		"project": schema.StringAttribute{
			MarkdownDescription: "Id of the Google Cloud project. Default: the cluster's project on GKE, the provider's `project` on Cloud Run. " +
				"A change makes another service.",
			Optional: true, Computed: true,
			Validators: []validator.String{tf.Checked("a project id", names.CheckProject)},
		},
		"image": schema.StringAttribute{
			MarkdownDescription: "Container image of all processes, with a tag that never moves (`latest` is refused) or with a digest, such as " +
				"`asia-docker.pkg.dev/acme/shop/web:1a2b3c4`.",
			Required: true,
		},
		"config": schema.MapAttribute{
			MarkdownDescription: "Plain environment of all processes. Names are letters, digits and underscores; those that a runtime sets itself, " +
				"such as `PORT` and `K_SERVICE`, are refused. A change makes a new release. Default: none.",
			ElementType: types.StringType, Optional: true, Validators: noNulls(),
		},
		"secrets": schema.MapAttribute{
			MarkdownDescription: "Secret environment of all processes: environment name to secret version, " +
				"`projects/PROJECT/secrets/SECRET/versions/NUMBER`, which is what `version_id` of `twelvefactor_secret` and " +
				"`twelvefactor_session_key` gives. On GKE the secret may be a regional one, Cloud Run reads global ones only. Aliases and `latest` " +
				"are refused. Values never enter Terraform. Only text can be environment: on GKE, where the provider reads the values to write " +
				"the Kubernetes Secret, one that is not UTF-8 or holds a NUL is refused before anything changes; on Cloud Run no value is read, " +
				"and such a one is for you to avoid (`raw` session keys, binary secrets). Default: none.",
			ElementType: types.StringType, Optional: true, Validators: noNulls(),
		},
		"identity": schema.StringAttribute{
			MarkdownDescription: "Who the app runs as: the `id` of a `twelvefactor_workload_identity`, on GKE one in the same cluster and namespace, on " +
				"Cloud Run one without a cluster. Default: the service makes its own.",
			Optional:   true,
			Validators: []validator.String{tf.Checked("the id of a twelvefactor_workload_identity", checkIdentityID)},
		},
		"labels": schema.MapAttribute{
			MarkdownDescription: "Labels of the service, in addition to the provider's `default_labels`, which they override key by key. On GKE keys and " +
				"values are Kubernetes labels, on Cloud Run Google Cloud labels. Default: none.",
			ElementType: types.StringType, Optional: true, Validators: noNulls(),
		},
	}
}

func noNulls() []validator.Map { return []validator.Map{mapvalidator.NoNullValues()} }

// notEmpty refuses "", which the app takes for "not set". The app's rules judge everything else.
func notEmpty(wanted string) []validator.String {
	return []validator.String{tf.Checked(wanted, func(value string) error {
		if value == "" {
			return errors.New("it is empty")
		}
		return nil
	})}
}

func gkeAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		MarkdownDescription: "Runs the app in a GKE cluster. Exactly one of `gke` and `cloud_run` is set; a change from one to the other makes another " +
			"service, after this one is destroyed, or before that with `create_before_destroy = true` in its `lifecycle`.",
		Optional: true,
		Attributes: map[string]schema.Attribute{
			"cluster": schema.StringAttribute{
				MarkdownDescription: "The cluster: `id` of a `twelvefactor_cluster`, `projects/P/locations/L/clusters/C`. It need not exist when the plan " +
					"is made. A change makes another service.",
				Required:   true,
				Validators: []validator.String{tf.Checked("the id of a cluster", names.CheckClusterID)},
			},
			"namespace": schema.StringAttribute{
				MarkdownDescription: "Kubernetes namespace. It is made, with Pod Security \"restricted\", when it is missing, and then deleted with the last " +
					"service in it; one that was there before, or that is a `twelvefactor_namespace`, is left as it is. In one that denies connections by default, list " +
					"what the service needs there: the service opens nothing itself. Default: `name`. A change makes another service.",
				Optional:   true,
				Validators: notEmpty("a Kubernetes namespace, such as \"shop\", or left out for the service's name"),
			},
			"capacity": schema.StringAttribute{
				MarkdownDescription: "Nodes that the pods run on: " + oneOf(app.Capacities()) + ". `mixed` spreads them over both, so that losing every " +
					"Spot node leaves something serving; a process of never more than one instance then runs on demand. Default: `on_demand`.",
				Optional:   true,
				Validators: notEmpty("one of " + strings.Join(app.Capacities(), ", ")),
			},
			"session_affinity": schema.BoolAttribute{
				MarkdownDescription: "Whether the requests of one client address go to one pod of `web`, as long as that is there. On Spot nodes a preemption ends it, " +
					"and the plan warns. Default: `false`.",
				Optional: true,
			},
			"identity_wait": identityWaitAttribute(),
		},
	}
}
