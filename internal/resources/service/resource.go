package service

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// Default timeouts. An update waits for the same things as a create.
const (
	createTimeout = deploy.ServiceCreateTimeout
	readTimeout   = 5 * time.Minute
	updateTimeout = deploy.ServiceCreateTimeout
	deleteTimeout = 20 * time.Minute
)

var (
	_ resource.ResourceWithConfigure      = (*serviceResource)(nil)
	_ resource.ResourceWithIdentity       = (*serviceResource)(nil)
	_ resource.ResourceWithImportState    = (*serviceResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*serviceResource)(nil)
	_ resource.ResourceWithValidateConfig = (*serviceResource)(nil)
)

type serviceResource struct{ provider *tf.Provider }

// New makes the resource twelvefactor_service.
func New() resource.Resource { return &serviceResource{} }

// Metadata names the resource. A service can move, and its identity with it.
func (*serviceResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = tf.TypePrefix + "service"
	resp.ResourceBehavior.MutableIdentity = true
}

// Schema describes the resource.
func (*serviceResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = resourceSchema(ctx)
}

// IdentitySchema describes what a service is found by.
func (*serviceResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identitySchema()
}

// Configure takes the provider.
func (r *serviceResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.provider = tf.FromProviderData(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig checks the configuration by the twelve-factor rules.
func (r *serviceResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config model
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	checkApp(ctx, req.Config.Raw, config, r.provider, &resp.Diagnostics)
	checkPlace(ctx, config, &resp.Diagnostics)
	checkFiles(config, &resp.Diagnostics)
}

// Create makes the service and waits until it serves.
func (r *serviceResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	timeout := tf.Timeout(ctx, plan.Timeouts, tf.Create, createTimeout, &resp.Diagnostics)
	spec := plan.spec(ctx, timeout, &resp.Diagnostics)
	id, err := deploy.ServiceID(spec.App)
	tf.AddError(&resp.Diagnostics, err, "The service has no place")
	if err == nil {
		tf.SetIdentity(ctx, resp.Identity, identityAt(id), &resp.Diagnostics)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := tf.WithTimeout(ctx, tf.Create, timeout)
	defer cancel()
	live, notices, err := r.provider.Cloud.CreateService(ctx, spec)
	tf.AddNotices(&resp.Diagnostics, notices)
	tf.AddError(&resp.Diagnostics, err, "The service was not created")
	if live != nil {
		resp.Diagnostics.Append(resp.State.Set(ctx, plan.applied(id, spec.App, live))...)
	}
}

// Read shows what is live.
func (r *serviceResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var prior model
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	tf.SetIdentity(ctx, resp.Identity, identityAt(prior.ID.ValueString()), &resp.Diagnostics)
	timeout := tf.Timeout(ctx, prior.Timeouts, tf.Read, readTimeout, &resp.Diagnostics)
	known := prior.known(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if !r.provider.Known {
		return // whom to ask is known after apply
	}
	ctx, cancel := tf.WithTimeout(ctx, tf.Read, timeout)
	defer cancel()
	live, notices, err := r.provider.Cloud.ReadService(ctx, known)
	tf.AddNotices(&resp.Diagnostics, notices)
	tf.AddError(&resp.Diagnostics, err, "The service could not be read")
	switch {
	case err != nil:
	case live == nil:
		resp.State.RemoveResource(ctx)
	case live.Unreachable && prior.imported():
		resp.Diagnostics.AddError("The service could not be imported", "Its cluster cannot be reached, and an import needs what is recorded there. "+
			"Import it when the cluster answers.")
	case live.Unreachable: // the state stays, and a notice says so
	default:
		fresh := prior.refreshed(ctx, known, live, r.provider.DefaultLabels, &resp.Diagnostics)
		resp.Diagnostics.Append(resp.State.Set(ctx, fresh)...)
	}
}

// Update brings the service to the plan: a change, a repair, or the rest of an interrupted create.
func (r *serviceResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, prior model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	id := prior.ID.ValueString()
	tf.SetIdentity(ctx, resp.Identity, identityAt(id), &resp.Diagnostics)
	timeout := tf.Timeout(ctx, plan.Timeouts, tf.Update, updateTimeout, &resp.Diagnostics)
	spec := plan.spec(ctx, timeout, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	spec.Adopt = prior.unrecorded()
	ctx, cancel := tf.WithTimeout(ctx, tf.Update, timeout)
	defer cancel()
	live, notices, err := r.provider.Cloud.UpdateService(ctx, spec)
	tf.AddNotices(&resp.Diagnostics, notices)
	tf.AddError(&resp.Diagnostics, err, "The service was not updated")
	if err != nil || live == nil {
		// The next plan compares with what was there before and shows a repair, never "no changes".
		prior.Status = types.StringValue(deploy.ServiceDegraded)
		resp.Diagnostics.Append(resp.State.Set(ctx, prior)...)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan.applied(id, spec.App, live))...)
}

// Delete removes the service with all that belongs to it.
func (r *serviceResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var prior model
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	timeout := tf.Timeout(ctx, prior.Timeouts, tf.Delete, deleteTimeout, &resp.Diagnostics)
	known := prior.known(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := tf.WithTimeout(ctx, tf.Delete, timeout)
	defer cancel()
	notices, err := r.provider.Cloud.DeleteService(ctx, known)
	tf.AddNotices(&resp.Diagnostics, notices)
	tf.AddError(&resp.Diagnostics, err, "The service was not deleted")
}

// ImportState takes an existing service by id or identity.
func (*serviceResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	if id, ok := tf.ImportID(ctx, req, resp, identity.id, checkServiceID); ok {
		tf.SetIdentity(ctx, resp.Identity, identityAt(id), &resp.Diagnostics)
	}
}
