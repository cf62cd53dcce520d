package cluster

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// Default timeouts, in the magnitude of what GKE takes with a reserve for stockouts and blocking operations.
const (
	createTimeout = deploy.ClusterCreateTimeout
	updateTimeout = 60 * time.Minute
	deleteTimeout = 40 * time.Minute
)

var (
	_ resource.ResourceWithConfigure      = (*clusterResource)(nil)
	_ resource.ResourceWithIdentity       = (*clusterResource)(nil)
	_ resource.ResourceWithImportState    = (*clusterResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*clusterResource)(nil)
	_ resource.ResourceWithValidateConfig = (*clusterResource)(nil)
)

type clusterResource struct{ provider *tf.Provider }

// New makes the resource twelvefactor_cluster.
func New() resource.Resource { return &clusterResource{} }

// Metadata names the resource.
func (*clusterResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = tf.TypePrefix + "cluster"
}

// Schema describes the resource.
func (*clusterResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = resourceSchema(ctx)
}

// identity is what finds a cluster again, from names alone.
type identity struct {
	Project  string `tfsdk:"project"`
	Location string `tfsdk:"location"`
	Name     string `tfsdk:"name"`
}

func (i identity) id() string { return names.ClusterID(i).String() }

// IdentitySchema describes the identity.
func (*clusterResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"project":  tf.IdentityRequired("Project id."),
		"location": tf.IdentityRequired("Region or zone."),
		"name":     tf.IdentityRequired("Name of the cluster."),
	}}
}

// Configure takes the provider.
func (r *clusterResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.provider = tf.FromProviderData(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig checks what holds between attributes.
func (*clusterResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config model
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if !resp.Diagnostics.HasError() {
		checkPools(ctx, config, &resp.Diagnostics)
		checkMaintenance(ctx, config, &resp.Diagnostics)
		checkUpgradeAfter(ctx, config, &resp.Diagnostics)
	}
}

// Create makes the cluster.
func (r *clusterResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	spec, diags := expand(ctx, plan)
	resp.Diagnostics.Append(diags...)
	timeout := tf.Timeout(ctx, plan.Timeouts, tf.Create, createTimeout, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	tf.SetIdentity(ctx, resp.Identity, identity(spec.ID), &resp.Diagnostics)
	ctx, cancel := tf.WithTimeout(ctx, tf.Create, timeout)
	defer cancel()
	live, notices, err := r.provider.Cloud.CreateCluster(ctx, spec, timeout)
	tf.AddNotices(&resp.Diagnostics, notices)
	tf.AddError(&resp.Diagnostics, err, "The cluster was not created")
	if live != nil {
		keepOperation(ctx, resp.Private, live.Operation, &resp.Diagnostics)
		state, more := applied(ctx, live, plan, r.provider.Cloud.DefaultLabels)
		resp.Diagnostics.Append(more...)
		keepServed(ctx, resp.Private, live.Status, &resp.Diagnostics)
		resp.Diagnostics.Append(resp.Private.SetKey(ctx, originKey, []byte(originCreated))...)
		resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
	}
}

// Read shows what is live.
func (r *clusterResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	id, err := names.ParseClusterID(state.ID.ValueString())
	if err != nil {
		tf.AddError(&resp.Diagnostics, err, "The state holds no cluster id")
		return
	}
	tf.SetIdentity(ctx, resp.Identity, identity(id), &resp.Diagnostics)
	if !r.provider.Known {
		return // whom to ask is known after apply
	}
	live, err := r.provider.Cloud.ReadCluster(ctx, id, prior(ctx, state, &resp.Diagnostics))
	tf.AddError(&resp.Diagnostics, err, "The cluster could not be read")
	if resp.Diagnostics.HasError() {
		return
	}
	if live == nil {
		resp.State.RemoveResource(ctx)
		return
	}
	if live.Status == deploy.ClusterReady {
		keepOperation(ctx, resp.Private, "", &resp.Diagnostics)
	}
	keepServed(ctx, resp.Private, live.Status, &resp.Diagnostics)
	keepRanges(ctx, resp.Private, live, &resp.Diagnostics)
	warnOfTrouble(live, &resp.Diagnostics)
	warnOfRolls(live, &resp.Diagnostics)
	if live.Finishing && state.Status.ValueString() == deploy.ClusterReady {
		live.Status = deploy.ClusterReady // the label update that ends the create is still on its way
	}
	state, diags := flatten(ctx, live, state, r.provider.Cloud.DefaultLabels)
	resp.Diagnostics.Append(diags...)
	state.Upgrades = flattenUpgrades(ctx, live.Upgrades, &resp.Diagnostics)
	tf.AddNotices(&resp.Diagnostics, live.Upgrades.Warnings())
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
}

// prior is what the state knows; nothing right after an import.
func prior(ctx context.Context, state model, diags *diag.Diagnostics) *deploy.ClusterSpec {
	if state.NodePools.IsNull() {
		return nil
	}
	spec, more := expand(ctx, state)
	diags.Append(more...)
	return &spec
}

// Update brings the cluster to the plan.
func (r *clusterResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	spec, diags := expand(ctx, plan)
	resp.Diagnostics.Append(diags...)
	before, diags := expand(ctx, state)
	resp.Diagnostics.Append(diags...)
	timeout := tf.Timeout(ctx, plan.Timeouts, tf.Update, updateTimeout, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	tf.SetIdentity(ctx, resp.Identity, identity(spec.ID), &resp.Diagnostics)
	ctx, cancel := tf.WithTimeout(ctx, tf.Update, timeout)
	defer cancel()
	live, notices, err := r.provider.Cloud.UpdateCluster(ctx, spec, before, keptOperation(ctx, req.Private))
	tf.AddNotices(&resp.Diagnostics, notices)
	tf.AddError(&resp.Diagnostics, err, "The cluster was not updated")
	if live != nil {
		keepOperation(ctx, resp.Private, live.Operation, &resp.Diagnostics)
		keepServed(ctx, resp.Private, live.Status, &resp.Diagnostics)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, r.updated(ctx, live, plan, state, err, &resp.Diagnostics))...)
}

// updated is the state after an update: the plan, or, after a failure, what is live.
func (r *clusterResource) updated(ctx context.Context, live *deploy.ClusterState, plan, state model, err error, diags *diag.Diagnostics) model {
	switch {
	case live == nil:
		return state
	case err == nil:
		done, more := applied(ctx, live, plan, r.provider.Cloud.DefaultLabels)
		diags.Append(more...)
		return done
	}
	reached, more := flatten(ctx, live, state, r.provider.Cloud.DefaultLabels)
	diags.Append(more...)
	return reached
}

// Delete removes the cluster.
func (r *clusterResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	timeout := tf.Timeout(ctx, state.Timeouts, tf.Delete, deleteTimeout, &resp.Diagnostics)
	if state.Status.ValueString() != deploy.ClusterFailed { // of those the plan has decided
		checkProtection(ctx, state, req.Private, &resp.Diagnostics)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := tf.WithTimeout(ctx, tf.Delete, timeout)
	defer cancel()
	tf.AddError(&resp.Diagnostics, r.provider.Cloud.DeleteCluster(ctx, state.clusterID()), "The cluster was not deleted")
}

// ImportState takes an existing cluster by id or identity.
func (*clusterResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	id, ok := tf.ImportID(ctx, req, resp, identity.id, names.CheckClusterID)
	if !ok {
		return
	}
	if parsed, err := names.ParseClusterID(id); err == nil {
		tf.SetIdentity(ctx, resp.Identity, identity(parsed), &resp.Diagnostics)
	}
}
