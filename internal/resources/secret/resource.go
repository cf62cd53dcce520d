package secret

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

var (
	_ resource.Resource                   = (*secretResource)(nil)
	_ resource.ResourceWithConfigure      = (*secretResource)(nil)
	_ resource.ResourceWithIdentity       = (*secretResource)(nil)
	_ resource.ResourceWithImportState    = (*secretResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*secretResource)(nil)
	_ resource.ResourceWithValidateConfig = (*secretResource)(nil)
)

// defaultTimeout is that of each operation: a handful of calls that take a second or two, and room for IAM, which knows
// a new member only after some minutes.
const defaultTimeout = 10 * time.Minute

type secretResource struct{ provider *tf.Provider }

// New makes the resource.
func New() resource.Resource { return &secretResource{} }

// Metadata names the resource.
func (r *secretResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = tf.TypePrefix + "secret"
}

// Configure takes the provider.
func (r *secretResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.provider = tf.FromProviderData(req.ProviderData, &resp.Diagnostics)
}

// Create creates the secret and its first version.
func (r *secretResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	value := valueFor(ctx, req.Config, change{plan: plan}, &resp.Diagnostics)
	timeout := tf.Timeout(ctx, plan.Timeouts, tf.Create, defaultTimeout, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	tf.SetIdentity(ctx, resp.Identity, plan.identity(), &resp.Diagnostics)
	ctx, cancel := tf.WithTimeout(ctx, tf.Create, timeout)
	defer cancel()
	live, notices, err := r.provider.Cloud.CreateSecret(ctx, plan.expand(), value, timeout)
	tf.AddNotices(&resp.Diagnostics, notices)
	tf.AddError(&resp.Diagnostics, err, "Cannot create secret")
	if live.Exists {
		resp.Diagnostics.Append(resp.State.Set(ctx, plan.finished(live))...)
	}
}

// Read brings the state up to date.
func (r *secretResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
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
	live, err := r.provider.Cloud.ReadSecret(ctx, id, prior.known())
	tf.AddError(&resp.Diagnostics, err, "Cannot read secret")
	switch {
	case err != nil:
	case !live.Exists:
		resp.State.RemoveResource(ctx)
	default:
		resp.Diagnostics.Append(resp.State.Set(ctx, flatten(live, prior, r.provider.Cloud.Clock.Now(), r.provider.DefaultLabels))...)
	}
}

// Update adds a version when the value's version changed or was lost, and brings labels and accessors to the plan.
func (r *secretResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, prior model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	value := valueFor(ctx, req.Config, change{plan: plan, prior: &prior}, &resp.Diagnostics)
	timeout := tf.Timeout(ctx, plan.Timeouts, tf.Update, defaultTimeout, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	tf.SetIdentity(ctx, resp.Identity, plan.identity(), &resp.Diagnostics)
	ctx, cancel := tf.WithTimeout(ctx, tf.Update, timeout)
	defer cancel()
	live, notices, err := r.provider.Cloud.UpdateSecret(ctx, prior.known(), plan.expand(), value)
	tf.AddNotices(&resp.Diagnostics, notices)
	if err == nil {
		resp.Diagnostics.Append(resp.State.Set(ctx, plan.finished(live))...)
		return
	}
	tf.AddError(&resp.Diagnostics, err, "Cannot update secret")
	if live.Exists {
		resp.Diagnostics.Append(resp.State.Set(ctx, flatten(live, prior, r.provider.Cloud.Clock.Now(), r.provider.DefaultLabels))...)
	}
}

// Delete deletes the secret with all its versions.
func (r *secretResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
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
	tf.AddError(&resp.Diagnostics, r.provider.Cloud.DeleteSecret(ctx, prior.secretID()), "Cannot delete secret")
}

// ImportState takes projects/PROJECT/secrets/NAME, projects/PROJECT/locations/LOCATION/secrets/NAME, or the identity.
func (r *secretResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	idOf := func(i tf.SecretIdentity) string { return i.SecretID().String() }
	if id, ok := tf.ImportID(ctx, req, resp, idOf, tf.CheckSecretImportID); ok {
		parsed, _ := names.ParseSecretID(id) // checked
		tf.SetIdentity(ctx, resp.Identity, tf.SecretIdentityOf(parsed), &resp.Diagnostics)
	}
}
