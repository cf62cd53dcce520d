package identity

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// Default timeouts: a few calls each, and room for IAM, which may know a new account only after some minutes.
const (
	changeTimeout = 20 * time.Minute
	readTimeout   = 5 * time.Minute
	// lookTimeout is for finding out, after a failed update, what is live.
	lookTimeout = 30 * time.Second
)

var (
	_ resource.ResourceWithConfigure      = (*identityResource)(nil)
	_ resource.ResourceWithIdentity       = (*identityResource)(nil)
	_ resource.ResourceWithImportState    = (*identityResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*identityResource)(nil)
	_ resource.ResourceWithValidateConfig = (*identityResource)(nil)
)

type identityResource struct{ provider *tf.Provider }

// New makes the resource twelvefactor_workload_identity.
func New() resource.Resource { return &identityResource{} }

// Metadata names the resource.
func (*identityResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = tf.TypePrefix + "workload_identity"
}

// Schema describes the resource.
func (*identityResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = resourceSchema(ctx)
}

// identityModel is what finds a workload identity again.
type identityModel struct {
	ID string `tfsdk:"id"`
}

// IdentitySchema describes the identity. It is the id, because there are two forms of it.
func (*identityResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"id": tf.IdentityRequired("Full name of the Kubernetes service account, or of the Google one without a cluster."),
	}}
}

// Configure takes the provider.
func (r *identityResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.provider = tf.FromProviderData(req.ProviderData, &resp.Diagnostics)
}

// Create makes the accounts and the grants.
func (r *identityResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	timeout := tf.Timeout(ctx, plan.Timeouts, tf.Create, changeTimeout, &resp.Diagnostics)
	spec, diags := plan.expand(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	tf.SetIdentity(ctx, resp.Identity, identityModel{spec.ID()}, &resp.Diagnostics)
	ctx, cancel := tf.WithTimeout(ctx, tf.Create, timeout)
	defer cancel()
	live, notices, err := r.provider.Cloud.CreateIdentity(ctx, spec, timeout)
	tf.AddNotices(&resp.Diagnostics, notices)
	tf.AddError(&resp.Diagnostics, err, "Cannot create workload identity")
	if live != nil {
		resp.Diagnostics.Append(resp.State.Set(ctx, plan.finished(spec, live))...)
	}
}

// Read shows what is live.
func (r *identityResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var prior model
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	timeout := tf.Timeout(ctx, prior.Timeouts, tf.Read, readTimeout, &resp.Diagnostics)
	tf.SetIdentity(ctx, resp.Identity, identityModel{prior.ID.ValueString()}, &resp.Diagnostics)
	if resp.Diagnostics.HasError() || !r.provider.Known {
		return // whom to ask is known after apply
	}
	ctx, cancel := tf.WithTimeout(ctx, tf.Read, timeout)
	defer cancel()
	spec, diags := r.known(ctx, prior)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	live, notices, err := r.provider.Cloud.ReadIdentity(ctx, spec)
	tf.AddNotices(&resp.Diagnostics, notices)
	tf.AddError(&resp.Diagnostics, err, "Cannot read workload identity")
	switch {
	case err != nil:
	case live == nil:
		resp.State.RemoveResource(ctx)
	default:
		resp.Diagnostics.Append(resp.State.Set(ctx, flatten(prior, spec, live))...)
	}
}

// known is the identity that the state describes; right after an import, the one that its id names.
func (r *identityResource) known(ctx context.Context, prior model) (deploy.IdentitySpec, diag.Diagnostics) {
	if !prior.Name.IsNull() {
		return prior.expand(ctx)
	}
	var diags diag.Diagnostics
	spec, err := r.provider.Cloud.ImportIdentity(ctx, prior.ID.ValueString())
	tf.AddError(&diags, err, "Cannot import workload identity")
	return spec, diags
}

// Update brings grants and accounts to the plan.
func (r *identityResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, prior model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	timeout := tf.Timeout(ctx, plan.Timeouts, tf.Update, changeTimeout, &resp.Diagnostics)
	spec, diags := plan.expand(ctx)
	resp.Diagnostics.Append(diags...)
	before, diags := prior.expand(ctx)
	resp.Diagnostics.Append(diags...)
	spec.UniqueID = before.UniqueID // planned as unknown when the account may have to be made anew
	if resp.Diagnostics.HasError() {
		return
	}
	tf.SetIdentity(ctx, resp.Identity, identityModel{spec.ID()}, &resp.Diagnostics)
	ctx, cancel := tf.WithTimeout(ctx, tf.Update, timeout)
	defer cancel()
	live, notices, err := r.provider.Cloud.UpdateIdentity(ctx, spec, before.Grants)
	tf.AddNotices(&resp.Diagnostics, notices)
	tf.AddError(&resp.Diagnostics, err, "Cannot update workload identity")
	if err != nil {
		resp.Diagnostics.Append(resp.State.Set(ctx, r.reached(ctx, prior, spec, before))...)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan.finished(spec, live))...)
}

// reached is the state after a failed update: what is live of both the old and the new declaration, so that the next
// plan shows what is left to do.
func (r *identityResource) reached(ctx context.Context, prior model, spec, before deploy.IdentitySpec) model {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	spec.Grants = union(before.Grants, spec.Grants)
	live, _, err := r.provider.Cloud.ReadIdentity(ctx, spec)
	if err != nil || live == nil {
		prior.Status = types.StringValue(deploy.IdentityDegraded)
		return prior
	}
	return flatten(prior, spec, live)
}

// Delete takes back the grants and removes the accounts.
func (r *identityResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	timeout := tf.Timeout(ctx, state.Timeouts, tf.Delete, changeTimeout, &resp.Diagnostics)
	spec, diags := state.expand(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := tf.WithTimeout(ctx, tf.Delete, timeout)
	defer cancel()
	notices, err := r.provider.Cloud.DeleteIdentity(ctx, spec)
	tf.AddNotices(&resp.Diagnostics, notices)
	tf.AddError(&resp.Diagnostics, err, "Cannot delete workload identity")
}

// ImportState takes an existing identity by id; Read finds out the rest.
func (*identityResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	id, ok := tf.ImportID(ctx, req, resp, func(m identityModel) string { return m.ID }, checkID)
	if ok {
		tf.SetIdentity(ctx, resp.Identity, identityModel{id}, &resp.Diagnostics)
	}
}

// checkID accepts both forms of id.
func checkID(id string) error {
	if _, err := names.ParseServiceAccountName(id); err == nil {
		return nil
	}
	if _, err := names.ParseKubeServiceAccountID(id); err != nil {
		return fmt.Errorf("%w; without a cluster it is projects/PROJECT/serviceAccounts/EMAIL", err)
	}
	return nil
}
