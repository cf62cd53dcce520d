package cluster

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

const dataSourceDescription = `A GKE cluster that is not made in this configuration, whoever made it: everything that the resource
` + "`twelvefactor_cluster`" + ` shows, with all of its node pools and labels.

Nothing is waited for: ` + "`status`" + ` says how the cluster is at the moment. A cluster that is not there is an error. Reading needs
` + "`container.clusters.get`" + `, and ` + "`container.clusters.getCredentials`" + ` for ` + "`ca_certificate`" + `.`

// unshown are attributes of the resource that only its state knows.
var unshown = []string{"timeouts", "deletion_protection", "min_version", "upgrade_after", "upgrades"}

var _ datasource.DataSourceWithConfigure = (*dataSource)(nil)

type dataSource struct{ provider *tf.Provider }

// NewDataSource makes the data source twelvefactor_cluster.
func NewDataSource() datasource.DataSource { return &dataSource{} }

// Metadata names the data source.
func (*dataSource) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = tf.TypePrefix + "cluster"
}

// Schema describes the data source.
func (*dataSource) Schema(ctx context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	attributes := tf.DataSourceAttributes(resourceSchema(ctx).Attributes, unshown...)
	argument := func(text string, validators ...validator.String) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: text, Optional: true, Computed: true, Validators: validators}
	}
	id, name := path.MatchRoot("id"), path.MatchRoot("name")
	attributes["id"] = argument("`projects/P/locations/L/clusters/C`. Set it, or `name`.",
		stringvalidator.ExactlyOneOf(id, name), tf.Checked("the id of a cluster", names.CheckClusterID))
	attributes["name"] = argument("Name of the cluster. Set it, or `id`.", tf.Checked("a name that GKE accepts", names.CheckCluster))
	attributes["project"] = argument("Id of the Google Cloud project, beside `name`. Default: the provider's `project`.",
		stringvalidator.ConflictsWith(id), tf.Checked("a project id", names.CheckProject))
	attributes["location"] = argument("Region or zone, beside `name`. Default: the provider's `region`.",
		stringvalidator.ConflictsWith(id), tf.Checked("a region or a zone", names.CheckLocation))
	attributes["labels"] = schema.MapAttribute{
		ElementType: types.StringType, Computed: true,
		MarkdownDescription: "All labels of the cluster, whoever set them, without this provider's marks and Google's own.",
	}
	attributes["effective_labels"] = schema.MapAttribute{
		ElementType: types.StringType, Computed: true, MarkdownDescription: "The same as `labels`.",
	}
	attributes["status"] = schema.StringAttribute{
		Computed: true,
		MarkdownDescription: "`" + deploy.ClusterReady + "` (it serves, with all of its pools), `" + deploy.ClusterCreating + "` (GKE is making it, or one of " +
			"its pools), `" + deploy.ClusterDegraded + "` (it serves, but GKE reports a problem with it or with a pool), `" + deploy.ClusterFailed +
			"` (it cannot be used), `" + deploy.ClusterDeleting + "` (GKE is deleting it).",
	}
	attributes["drift"] = schema.ListAttribute{
		ElementType: types.StringType, Computed: true,
		MarkdownDescription: "Where the cluster differs from what the resource `twelvefactor_cluster` always sets and shows in no attribute, as " +
			"`path: declared -> actual`. Empty for a cluster that the resource made.",
	}
	if pools, ok := attributes["node_pools"].(schema.MapNestedAttribute); ok {
		pools.MarkdownDescription = "All node pools but those of node auto-provisioning, by name; those that the resource made by their key there."
		attributes["node_pools"] = pools
	}
	resp.Schema = schema.Schema{MarkdownDescription: dataSourceDescription, Attributes: attributes}
}

// Configure takes the provider.
func (d *dataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.provider = tf.FromProviderData(req.ProviderData, &resp.Diagnostics)
}

// Read shows what is live.
func (d *dataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	if !d.provider.CheckKnown("The cluster", &resp.Diagnostics) {
		return
	}
	id := d.wanted(ctx, req.Config, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	live, err := d.provider.Cloud.ShowCluster(ctx, id)
	if err != nil {
		tf.AddError(&resp.Diagnostics, err, "The cluster could not be read")
		return
	}
	of := resourceSchema(ctx)
	m, diags := tf.NullModel[model](ctx, of)
	resp.Diagnostics.Append(diags...)
	m, diags = flatten(ctx, live, m, nil)
	resp.Diagnostics.Append(diags...)
	tf.SetDataSource(ctx, &resp.State, of, m, &resp.Diagnostics)
}

// wanted is the cluster that the configuration names.
func (d *dataSource) wanted(ctx context.Context, config tfsdk.Config, diags *diag.Diagnostics) names.ClusterID {
	var id, name, project, location types.String
	for attribute, value := range map[string]*types.String{"id": &id, "name": &name, "project": &project, "location": &location} {
		diags.Append(config.GetAttribute(ctx, path.Root(attribute), value)...)
	}
	if !id.IsNull() {
		parsed, err := names.ParseClusterID(id.ValueString())
		tf.AddError(diags, err, "Invalid id")
		return parsed
	}
	return names.ClusterID{
		Project:  d.provider.ProjectOr(project, path.Root("project"), diags),
		Location: d.provider.LocationOr(location, path.Root("location"), diags),
		Name:     name.ValueString(),
	}
}
