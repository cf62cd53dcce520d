package sessionkey

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

var (
	_ resource.Resource                   = (*sessionKeyResource)(nil)
	_ resource.ResourceWithConfigure      = (*sessionKeyResource)(nil)
	_ resource.ResourceWithIdentity       = (*sessionKeyResource)(nil)
	_ resource.ResourceWithImportState    = (*sessionKeyResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*sessionKeyResource)(nil)
	_ resource.ResourceWithValidateConfig = (*sessionKeyResource)(nil)
)

// defaultTimeout is that of each operation: a handful of calls that take a second or two, and room for IAM, which knows
// a new member only after some minutes.
const defaultTimeout = 10 * time.Minute

type sessionKeyResource struct{ provider *tf.Provider }

// New makes the resource.
func New() resource.Resource { return &sessionKeyResource{} }

// Metadata names the resource.
func (r *sessionKeyResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = tf.TypePrefix + "session_key"
}

// Configure takes the provider.
func (r *sessionKeyResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.provider = tf.FromProviderData(req.ProviderData, &resp.Diagnostics)
}

// Create creates the secret and draws its first key.
func (r *sessionKeyResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	timeout := tf.Timeout(ctx, plan.Timeouts, tf.Create, defaultTimeout, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	tf.SetIdentity(ctx, resp.Identity, plan.identity(), &resp.Diagnostics)
	ctx, cancel := tf.WithTimeout(ctx, tf.Create, timeout)
	defer cancel()
	live, notices, err := r.provider.Cloud.CreateSessionKey(ctx, plan.expand(), timeout)
	tf.AddNotices(&resp.Diagnostics, notices)
	tf.AddError(&resp.Diagnostics, err, "Cannot create session key")
	if live.Exists {
		resp.Diagnostics.Append(resp.State.Set(ctx, plan.finished(live))...)
	}
}

// Read brings the state up to date, and decides whether a rotation is due.
func (r *sessionKeyResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var prior model
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	timeout := tf.Timeout(ctx, prior.Timeouts, tf.Read, defaultTimeout, &resp.Diagnostics)
	id, err := names.ParseSecretID(prior.ID.ValueString())
	tf.AddError(&resp.Diagnostics, err, "Invalid id in the state")
	if resp.Diagnostics.HasError() {
		return
	}
	tf.SetIdentity(ctx, resp.Identity, tf.SecretIdentityOf(id), &resp.Diagnostics)
	ctx, cancel := tf.WithTimeout(ctx, tf.Read, timeout)
	defer cancel()
	live, err := r.provider.Cloud.ReadSessionKey(ctx, id, prior.known())
	tf.AddError(&resp.Diagnostics, err, "Cannot read session key")
	switch {
	case err != nil:
	case !live.Exists:
		resp.State.RemoveResource(ctx)
	default:
		resp.Diagnostics.Append(resp.State.Set(ctx, flatten(live, prior, r.provider.Cloud, r.provider.DefaultLabels))...)
	}
}

// Update rotates when the plan shows a rotation, and brings settings, labels and accessors to the plan.
func (r *sessionKeyResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, prior model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	timeout := tf.Timeout(ctx, plan.Timeouts, tf.Update, defaultTimeout, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	tf.SetIdentity(ctx, resp.Identity, plan.identity(), &resp.Diagnostics)
	ctx, cancel := tf.WithTimeout(ctx, tf.Update, timeout)
	defer cancel()
	live, notices, err := r.provider.Cloud.UpdateSessionKey(ctx, prior.known(), plan.expand(), plan.rotation(prior))
	tf.AddNotices(&resp.Diagnostics, notices)
	if err == nil {
		resp.Diagnostics.Append(resp.State.Set(ctx, plan.finished(live))...)
		return
	}
	tf.AddError(&resp.Diagnostics, err, "Cannot update session key")
	if live.Exists {
		resp.Diagnostics.Append(resp.State.Set(ctx, flatten(live, prior, r.provider.Cloud, r.provider.DefaultLabels))...)
	}
}

// Delete deletes the secret with all its versions.
func (r *sessionKeyResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var prior model
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	timeout := tf.Timeout(ctx, prior.Timeouts, tf.Delete, defaultTimeout, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := tf.WithTimeout(ctx, tf.Delete, timeout)
	defer cancel()
	r.provider.CheckSecretDeletion(ctx, prior.secretID(), prior.DeletionProtection, prior.unfinished(), &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	tf.AddError(&resp.Diagnostics, r.provider.Cloud.DeleteSecret(ctx, prior.secretID()), "Cannot delete session key")
}

// ImportState takes projects/PROJECT/secrets/NAME, projects/PROJECT/locations/LOCATION/secrets/NAME, or the identity.
func (r *sessionKeyResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	idOf := func(i tf.SecretIdentity) string { return i.SecretID().String() }
	if id, ok := tf.ImportID(ctx, req, resp, idOf, tf.CheckSecretImportID); ok {
		parsed, _ := names.ParseSecretID(id) // checked
		tf.SetIdentity(ctx, resp.Identity, tf.SecretIdentityOf(parsed), &resp.Diagnostics)
	}
}
