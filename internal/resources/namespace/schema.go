package namespace

import (
	"context"
	"maps"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

const description = `A namespace of a GKE cluster, with what holds for all pods in it: Pod Security, which connections are allowed, quota and
limits.

Nobody needs it to run a service: a ` + "`twelvefactor_service`" + ` makes the namespace that it names, with Pod Security "restricted" and no
network policy. This resource is for a namespace that is to deny what is not listed, or that several services share. Services and
identities refer to it, ` + "`namespace = twelvefactor_namespace.shop.name`" + `, so that it is there before them and goes after them; they never
delete it.

With ` + "`default_deny`" + ` a service is reached by the pods of its own namespace and by what ` + "`network.ingress_from`" + ` lists, and reaches
those, DNS, the metadata server, and what ` + "`network.egress_to`" + ` lists. Nothing else: no database, no Google API, no other namespace. A
service brings no policy of its own, and becomes ready all the same, because the node may always probe it. The guide
"Namespaces and networks" has the entries that services need.

A destroy deletes the namespace only if nothing is in it but what Kubernetes and this resource put there.`

func resourceSchema(ctx context.Context) schema.Schema {
	attributes := map[string]schema.Attribute{
		"timeouts": timeouts.Attributes(ctx, timeouts.Opts{
			Create: true, Read: true, Update: true, Delete: true,
			CreateDescription: "How long a create may take, waiting for a cluster that is still being created included. Default: `20m`.",
			ReadDescription:   "How long a read may take. Default: `5m`.",
			UpdateDescription: "How long an update may take. Default: `20m`.",
			DeleteDescription: "How long a delete may take; Kubernetes waits for the finalizers of what is in the namespace. Default: `20m`.",
		}),
	}
	maps.Copy(attributes, settings())
	maps.Copy(attributes, bounds())
	maps.Copy(attributes, computed())
	return schema.Schema{MarkdownDescription: description, Attributes: attributes}
}

func settings() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"cluster": schema.StringAttribute{
			MarkdownDescription: "The cluster: `id` of a `twelvefactor_cluster`, `projects/P/locations/L/clusters/C`. It need not exist when the plan is " +
				"made. A change makes another namespace.",
			Required: true, Validators: []validator.String{tf.Checked("the id of a cluster", names.CheckClusterID)}, PlanModifiers: replaced(),
		},
		"name": schema.StringAttribute{
			MarkdownDescription: "Name of the namespace: 1 to 63 lower-case letters, digits and hyphens. `default` and names that begin with `kube-` or " +
				"`gke-managed-` belong to Kubernetes and GKE. A change makes another namespace.",
			Required: true, Validators: []validator.String{tf.Checked("the name of a namespace", app.CheckOwnNamespace)}, PlanModifiers: replaced(),
		},
		"labels": schema.MapAttribute{
			MarkdownDescription: "Kubernetes labels of the namespace and of the objects that this resource puts into it, in addition to the provider's " +
				"`default_labels`, which they override key by key. Labels that others set stay. Default: none.",
			ElementType: types.StringType, Optional: true, Validators: entries(app.CheckNamespaceLabel),
		},
		"annotations": schema.MapAttribute{
			MarkdownDescription: "Annotations of the namespace. Those that others set stay. Default: none.",
			ElementType:         types.StringType, Optional: true, Validators: entries(app.CheckNamespaceAnnotation),
		},
		"pod_security": schema.StringAttribute{
			MarkdownDescription: "Pod Security Standard that pods are refused by: `" + strings.Join(app.PodSecurities(), "`, `") + "`. Every service of this " +
				"provider meets `restricted`. Warnings and the audit log always go by `restricted`, so that they name what would be refused. The version " +
				"of the standard is pinned: an upgrade of the cluster refuses no pod that ran before. Default: `" + app.Restricted + "`.",
			Optional: true, Computed: true, Default: stringdefault.StaticString(app.Restricted),
			Validators: []validator.String{tf.Checked("a Pod Security Standard", app.CheckPodSecurity)},
		},
		"force_destroy": schema.BoolAttribute{
			MarkdownDescription: "Whether a destroy deletes the namespace with whatever is in it. It has to be applied before the destroy. Grants in IAM " +
				"that services and identities in it had stay then. Default: `false`: a namespace that is not empty is an error that names what it holds.",
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
		},
	}
}

func computed() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"id": schema.StringAttribute{
			MarkdownDescription: "`projects/P/locations/L/clusters/C/namespaces/NAME`, and import id.", Computed: true,
		},
		"status": schema.StringAttribute{
			MarkdownDescription: "`ready`; `creating` when the create was interrupted; `degraded` when something was changed outside of Terraform or the last " +
				"update failed; `deleting` when somebody deleted it and Kubernetes is not done. The next apply repairs all of them.",
			Computed: true,
		},
		"drift": schema.ListAttribute{
			MarkdownDescription: "What was changed outside of Terraform, as `object path: declared -> actual`. The next apply puts it right.",
			ElementType:         types.StringType, Computed: true,
		},
		"objects": schema.ListAttribute{
			MarkdownDescription: "The namespace and the objects that this resource puts into it, by full name.",
			ElementType:         types.StringType, Computed: true,
		},
		"effective_labels": tf.EffectiveLabelsAttribute(),
	}
}

func replaced() []planmodifier.String {
	return []planmodifier.String{stringplanmodifier.RequiresReplace()}
}
