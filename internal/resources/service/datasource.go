package service

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-validators/objectvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

const dataSourceDescription = `A service that another configuration made with ` + "`twelvefactor_service`" + `: everything that the resource shows, as
it was applied last, and how it is at the moment.

Nothing is waited for: ` + "`status`" + ` and ` + "`drift`" + ` say how the service is. What was declared is read from the record that this provider keeps
with the live objects; references to secrets are in it, values are not. A service that is not there is an error, and so is one that
this provider did not make: nothing is recorded of it.`

// unshown are attributes of the resource that only its state knows.
var unshown = []string{"timeouts"}

var (
	_ datasource.DataSourceWithConfigure      = (*dataSource)(nil)
	_ datasource.DataSourceWithValidateConfig = (*dataSource)(nil)
)

type dataSource struct{ provider *tf.Provider }

// NewDataSource makes the data source twelvefactor_service.
func NewDataSource() datasource.DataSource { return &dataSource{} }

// Metadata names the data source.
func (*dataSource) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = tf.TypePrefix + "service"
}

// Schema describes the data source.
func (*dataSource) Schema(ctx context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	attributes := tf.DataSourceAttributes(resourceSchema(ctx).Attributes, unshown...)
	id, name := path.MatchRoot("id"), path.MatchRoot("name")
	attributes["id"] = argument("`projects/P/locations/L/clusters/C/namespaces/NS/services/NAME` on GKE, `projects/P/locations/L/services/NAME` on "+
		"Cloud Run. Set it, or `name` and `gke` or `cloud_run`.", stringvalidator.ExactlyOneOf(id, name), tf.Checked("the id of a service", checkServiceID))
	attributes["name"] = argument("Name of the service. Set it, or `id`.", tf.Checked("the name of a service", app.CheckServiceName))
	attributes["project"] = argument("Id of the Google Cloud project, beside `name` and `cloud_run`. Default: the provider's `project`; on GKE it is the "+
		"cluster's.", stringvalidator.ConflictsWith(id, path.MatchRoot("gke")), tf.Checked("a project id", names.CheckProject))
	attributes["gke"] = place(attributes["gke"], "Where the service runs on GKE: set `cluster`, and `namespace` unless it is called like the service, "+
		"beside `name`. Null on Cloud Run.", map[string]schema.StringAttribute{
		"cluster":   argument("The cluster: `projects/P/locations/L/clusters/C`.", tf.Checked("the id of a cluster", names.CheckClusterID)),
		"namespace": argument("Kubernetes namespace. Default: `name`.", tf.Checked("a Kubernetes namespace", names.CheckNamespace)),
	}, id, path.MatchRoot("cloud_run"))
	attributes["cloud_run"] = place(attributes["cloud_run"], "Where the service runs on Cloud Run: set `location`, or `{}` for the provider's `region`, "+
		"beside `name`. Null on GKE.", map[string]schema.StringAttribute{
		"location": argument("Region. Default: the provider's `region`.", tf.Checked("a region", checkRegion)),
	}, id)
	resp.Schema = schema.Schema{MarkdownDescription: dataSourceDescription, Attributes: attributes}
}

func argument(text string, validators ...validator.String) schema.StringAttribute {
	return schema.StringAttribute{MarkdownDescription: text, Optional: true, Computed: true, Validators: validators}
}

// place is an object of the resource of which some attributes say where to look.
func place(of schema.Attribute, text string, arguments map[string]schema.StringAttribute, without ...path.Expression) schema.Attribute {
	object, ok := of.(schema.SingleNestedAttribute)
	if !ok {
		return of
	}
	object.MarkdownDescription, object.Optional = text, true
	object.Validators = []validator.Object{objectvalidator.ConflictsWith(without...)}
	for name, argument := range arguments {
		object.Attributes[name] = argument
	}
	return object
}

// Configure takes the provider.
func (d *dataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.provider = tf.FromProviderData(req.ProviderData, &resp.Diagnostics)
}

// sought are the arguments.
type sought struct {
	id, name, project types.String
	gke, run          types.Object
}

func soughtIn(ctx context.Context, config tfsdk.Config, diags *diag.Diagnostics) (s sought) {
	for attribute, value := range map[string]any{"id": &s.id, "name": &s.name, "project": &s.project, "gke": &s.gke, "cloud_run": &s.run} {
		diags.Append(config.GetAttribute(ctx, path.Root(attribute), value)...)
	}
	return s
}

// ValidateConfig demands a place for a name.
func (*dataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	s := soughtIn(ctx, req.Config, &resp.Diagnostics)
	if resp.Diagnostics.HasError() || s.name.IsNull() {
		return
	}
	if s.gke.IsNull() && s.run.IsNull() {
		resp.Diagnostics.AddAttributeError(path.Root("name"), "Missing place", "A name says what to look for, not where. Set gke = { cluster = "+
			"\"projects/P/locations/L/clusters/C\", namespace = \"shop\" } or cloud_run = { location = \"asia-northeast1\" }, or id instead of all.")
	}
	if g, ok := tf.Object[gkeModel](ctx, s.gke, &resp.Diagnostics); ok && g.Cluster.IsNull() {
		resp.Diagnostics.AddAttributeError(path.Root("gke").AtName("cluster"), "Missing cluster", "Set cluster = \"projects/P/locations/L/clusters/C\".")
	}
}

// Read shows what is live.
func (d *dataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	if !d.provider.CheckKnown("The service", &resp.Diagnostics) {
		return
	}
	known := d.wanted(ctx, req.Config, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := tf.WithTimeout(ctx, tf.Read, readTimeout)
	defer cancel()
	id, err := deploy.ServiceID(known)
	tf.AddError(&resp.Diagnostics, err, "The service has no place")
	live, notices, err := d.provider.Cloud.ReadService(ctx, known)
	tf.AddError(&resp.Diagnostics, err, "The service could not be read")
	if !resp.Diagnostics.HasError() {
		checkShown(id, live, notices, &resp.Diagnostics)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	of := resourceSchema(ctx)
	m, diags := tf.NullModel[model](ctx, of)
	resp.Diagnostics.Append(diags...)
	m.ID = types.StringValue(id)
	m = m.refreshed(ctx, known, live, types.MapNull(types.StringType), &resp.Diagnostics)
	tf.SetDataSource(ctx, &resp.State, of, m, &resp.Diagnostics)
}

// checkShown refuses to show what is not there, cannot be asked about, or is not recorded.
func checkShown(id string, live *deploy.ServiceState, notices []deploy.Notice, diags *diag.Diagnostics) {
	var said string
	for _, n := range notices {
		said += "\n\n" + n.Detail
	}
	switch {
	case live == nil:
		diags.AddError("The service was not found", fmt.Sprintf("There is no record of %s: it does not exist, or this provider did not make it. Correct "+
			"id, name or place; read what another tool made with that tool's data source.%s", id, said))
	case live.Unreachable:
		diags.AddError("The service cannot be read at the moment", fmt.Sprintf("The cluster of %s does not answer.%s", id, said))
	case !live.Recorded:
		diags.AddError("The service was not made by this provider", fmt.Sprintf("%s is there, but carries no record of what was declared. Read it with the "+
			"data source of the tool that made it, or manage it here: import { to = twelvefactor_service.NAME, id = %q }.%s", id, id, said))
	default:
		tf.AddNotices(diags, notices)
	}
}

// wanted is the service that the configuration names.
func (d *dataSource) wanted(ctx context.Context, config tfsdk.Config, diags *diag.Diagnostics) app.App {
	s := soughtIn(ctx, config, diags)
	if !s.id.IsNull() {
		a, err := deploy.ParseServiceID(s.id.ValueString())
		tf.AddError(diags, err, "Invalid id")
		return a
	}
	a := app.App{Name: s.name.ValueString()}
	if g, ok := tf.Object[gkeModel](ctx, s.gke, diags); ok {
		a.GKE = &app.GKE{Cluster: g.Cluster.ValueString(), Namespace: g.Namespace.ValueString()}
	}
	if r, ok := tf.Object[runModel](ctx, s.run, diags); ok {
		location := d.provider.LocationOr(r.Location, path.Root("cloud_run").AtName("location"), diags)
		a.CloudRun = &app.CloudRun{Project: d.provider.ProjectOr(s.project, path.Root("project"), diags), Location: location}
	}
	return app.WithDefaults(a)
}
