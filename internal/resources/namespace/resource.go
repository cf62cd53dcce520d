package namespace

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// Default timeouts: a few calls each, a cluster that is still being created, and a deletion that waits for finalizers.
const (
	changeTimeout = 20 * time.Minute
	readTimeout   = 5 * time.Minute
)

var (
	_ resource.ResourceWithConfigure      = (*namespaceResource)(nil)
	_ resource.ResourceWithIdentity       = (*namespaceResource)(nil)
	_ resource.ResourceWithImportState    = (*namespaceResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*namespaceResource)(nil)
	_ resource.ResourceWithValidateConfig = (*namespaceResource)(nil)
)

type namespaceResource struct{ provider *tf.Provider }

// New makes the resource twelvefactor_namespace.
func New() resource.Resource { return &namespaceResource{} }

// Metadata names the resource.
func (*namespaceResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = tf.TypePrefix + "namespace"
}

// Schema describes the resource.
func (*namespaceResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = resourceSchema(ctx)
}

// identity is what finds a namespace again.
type identity struct {
	Project  string `tfsdk:"project"`
	Location string `tfsdk:"location"`
	Cluster  string `tfsdk:"cluster"`
	Name     string `tfsdk:"name"`
}

func (i identity) id() string {
	cluster := names.ClusterID{Project: i.Project, Location: i.Location, Name: i.Cluster}
	return names.KubeNamespaceID{Cluster: cluster, Name: i.Name}.String()
}

func identityOf(id names.KubeNamespaceID) identity {
	return identity{Project: id.Cluster.Project, Location: id.Cluster.Location, Cluster: id.Cluster.Name, Name: id.Name}
}

// IdentitySchema describes what a namespace is found by.
func (*namespaceResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"project":  tf.IdentityRequired("Project id."),
		"location": tf.IdentityRequired("Location of the cluster."),
		"cluster":  tf.IdentityRequired("Name of the cluster."),
		"name":     tf.IdentityRequired("Name of the namespace."),
	}}
}

// Configure takes the provider.
func (r *namespaceResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.provider = tf.FromProviderData(req.ProviderData, &resp.Diagnostics)
}

// Create makes the namespace and what is declared to be in it.
func (r *namespaceResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	timeout := tf.Timeout(ctx, plan.Timeouts, tf.Create, changeTimeout, &resp.Diagnostics)
	spec := plan.spec(ctx, timeout, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	tf.SetIdentity(ctx, resp.Identity, identityOf(spec.ID), &resp.Diagnostics)
	ctx, cancel := tf.WithTimeout(ctx, tf.Create, timeout)
	defer cancel()
	live, notices, err := r.provider.Cloud.CreateNamespace(ctx, spec)
	tf.AddNotices(&resp.Diagnostics, notices)
	tf.AddError(&resp.Diagnostics, err, "The namespace was not created")
	if live != nil {
		resp.Diagnostics.Append(resp.State.Set(ctx, plan.applied(spec.ID, live))...)
	}
}

// Read shows what is live.
func (r *namespaceResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var prior model
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	timeout := tf.Timeout(ctx, prior.Timeouts, tf.Read, readTimeout, &resp.Diagnostics)
	spec := prior.spec(ctx, 0, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	tf.SetIdentity(ctx, resp.Identity, identityOf(spec.ID), &resp.Diagnostics)
	if !r.provider.Known {
		return // whom to ask is known after apply
	}
	ctx, cancel := tf.WithTimeout(ctx, tf.Read, timeout)
	defer cancel()
	live, notices, err := r.provider.Cloud.ReadNamespace(ctx, spec)
	tf.AddNotices(&resp.Diagnostics, notices)
	tf.AddError(&resp.Diagnostics, err, "The namespace could not be read")
	switch {
	case err != nil:
	case live == nil:
		resp.State.RemoveResource(ctx)
	case live.Unreachable && prior.imported():
		resp.Diagnostics.AddError("The namespace could not be imported", "Its cluster cannot be reached, and an import needs what is recorded there. "+
			"Import it when the cluster answers.")
	case live.Unreachable: // the state stays, and a notice says so
	default:
		resp.Diagnostics.Append(resp.State.Set(ctx, prior.refreshed(ctx, spec, live, &resp.Diagnostics))...)
	}
}

// Update brings the namespace to the plan: a change, a repair, or the rest of an interrupted create.
func (r *namespaceResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, prior model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	timeout := tf.Timeout(ctx, plan.Timeouts, tf.Update, changeTimeout, &resp.Diagnostics)
	spec := plan.spec(ctx, timeout, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	tf.SetIdentity(ctx, resp.Identity, identityOf(spec.ID), &resp.Diagnostics)
	ctx, cancel := tf.WithTimeout(ctx, tf.Update, timeout)
	defer cancel()
	live, notices, err := r.provider.Cloud.UpdateNamespace(ctx, spec)
	tf.AddNotices(&resp.Diagnostics, notices)
	tf.AddError(&resp.Diagnostics, err, "The namespace was not updated")
	if err != nil {
		// The next plan compares with what was there before and shows a repair, never "no changes".
		prior.Status = types.StringValue(deploy.NamespaceDegraded)
		resp.Diagnostics.Append(resp.State.Set(ctx, prior)...)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan.applied(spec.ID, live))...)
}

// Delete removes the namespace.
func (r *namespaceResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var prior model
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	timeout := tf.Timeout(ctx, prior.Timeouts, tf.Delete, changeTimeout, &resp.Diagnostics)
	spec := prior.spec(ctx, timeout, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := tf.WithTimeout(ctx, tf.Delete, timeout)
	defer cancel()
	notices, err := r.provider.Cloud.DeleteNamespace(ctx, spec)
	tf.AddNotices(&resp.Diagnostics, notices)
	tf.AddError(&resp.Diagnostics, err, "The namespace was not deleted")
}

// ImportState takes an existing namespace by id or identity; Read finds out the rest.
func (*namespaceResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	id, ok := tf.ImportID(ctx, req, resp, identity.id, checkImport)
	if !ok {
		return
	}
	parsed, err := names.ParseKubeNamespaceID(id)
	tf.AddError(&resp.Diagnostics, err, "Invalid import id")
	tf.SetIdentity(ctx, resp.Identity, identityOf(parsed), &resp.Diagnostics)
}
