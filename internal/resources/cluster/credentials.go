package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/ephemeral/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// openTimeout is how long a cluster that GKE is still creating is waited for: GKE takes 5 to 15 minutes.
const openTimeout = 20 * time.Minute

const credentialsDescription = `Access to a cluster's Kubernetes API, for the providers ` + "`kubernetes`" + ` and ` + "`helm`" + `: address, certificate and a
short-lived token of this provider's own caller. Nothing of it is in a plan or a state.

The cluster may be made in the same apply: while its id is unknown nothing is opened, and the providers that use the
credentials plan without them (` + "`kubernetes_manifest`" + ` cannot: it asks the cluster in the plan). A cluster that GKE is still creating, after a run that was interrupted, is waited for.
There is no fallback to ` + "`localhost`" + `, a kubeconfig or the cluster that the run happens in: without an address this fails.

The token lives for about an hour, from when it was opened, and cannot be renewed in the hands of another provider. A run
that goes on for longer warns when it ends; what fails with ` + "`Unauthorized`" + ` after that is done by the next apply. Plan and apply open it
each for themselves. With ` + "`access_token`" + ` in the provider it is that token, whose end is not known.

Resources of this provider, such as ` + "`twelvefactor_service`" + `, connect by themselves and need no credentials.

Needs Terraform 1.10 or OpenTofu 1.11.`

var (
	_ ephemeral.EphemeralResourceWithConfigure = (*credentials)(nil)
	_ ephemeral.EphemeralResourceWithRenew     = (*credentials)(nil)
)

type credentials struct{ provider *tf.Provider }

// NewCredentials makes the ephemeral resource twelvefactor_cluster_credentials.
func NewCredentials() ephemeral.EphemeralResource { return &credentials{} }

// Metadata names the ephemeral resource.
func (*credentials) Metadata(_ context.Context, _ ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = tf.TypePrefix + "cluster_credentials"
}

type credentialsModel struct {
	Cluster       types.String   `tfsdk:"cluster"`
	EndpointType  types.String   `tfsdk:"endpoint_type"`
	Host          types.String   `tfsdk:"host"`
	Endpoint      types.String   `tfsdk:"endpoint"`
	CACertificate types.String   `tfsdk:"cluster_ca_certificate"`
	Token         types.String   `tfsdk:"token"`
	ExpiresAt     types.String   `tfsdk:"expires_at"`
	Timeouts      timeouts.Value `tfsdk:"timeouts"`
}

// Schema describes the ephemeral resource.
func (*credentials) Schema(ctx context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{MarkdownDescription: credentialsDescription, Attributes: map[string]schema.Attribute{
		"cluster": schema.StringAttribute{
			Required: true,
			MarkdownDescription: "Id of the cluster: `projects/PROJECT/locations/LOCATION/clusters/CLUSTER`, as `twelvefactor_cluster.NAME.id` " +
				"has it.",
			Validators: []validator.String{tf.Checked("the id of a cluster", names.CheckClusterID)},
		},
		"endpoint_type": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "Which endpoint of the control plane is used. `auto` (default): the one that this provider itself uses, which is the address " +
				"unless it is off, or private while the DNS-based endpoint takes traffic from outside. `dns`: the DNS-based endpoint, for callers anywhere. `ip`: the " +
				"address that GKE shows as the cluster's endpoint. `internal_ip`: the address inside of the cluster's network.",
			Validators: []validator.String{stringvalidator.OneOf(deploy.EndpointKinds()...)},
		},
		"host": schema.StringAttribute{
			Computed: true, MarkdownDescription: "`https://` and `endpoint`, as the providers `kubernetes` and `helm` take it.",
		},
		"endpoint": schema.StringAttribute{
			Computed: true, MarkdownDescription: "Address of the Kubernetes API, without `https://`.",
		},
		"cluster_ca_certificate": schema.StringAttribute{
			Computed: true, MarkdownDescription: "Certificate of the authority that signs the Kubernetes API's certificate, as PEM (not base64). Null with the " +
				"DNS-based endpoint, whose certificate every machine trusts.",
		},
		"token": schema.StringAttribute{
			Computed: true, Sensitive: true, MarkdownDescription: "OAuth access token of the provider's caller.",
		},
		"expires_at": schema.StringAttribute{
			Computed: true, MarkdownDescription: "When the token ends, such as `2026-11-28T10:00:00Z`. Null when that is not known.",
		},
		"timeouts": timeouts.AttributesWithOpts(ctx, timeouts.Opts{
			OpenDescription: "How long a cluster that is still being created is waited for, such as `20m` (default).",
		}),
	}}
}

// Configure takes the provider.
func (c *credentials) Configure(_ context.Context, req ephemeral.ConfigureRequest, resp *ephemeral.ConfigureResponse) {
	c.provider = tf.FromProviderData(req.ProviderData, &resp.Diagnostics)
}

// Open asks for the cluster and for a token.
func (c *credentials) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var m credentialsModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	timeout := tf.OpenTimeout(ctx, m.Timeouts, openTimeout, &resp.Diagnostics)
	id, err := names.ParseClusterID(m.Cluster.ValueString())
	tf.AddError(&resp.Diagnostics, err, "The credentials were not opened")
	if resp.Diagnostics.HasError() || !c.provider.CheckKnown("The cluster", &resp.Diagnostics) {
		return
	}
	ctx, cancel := tf.WithTimeout(ctx, tf.Open, timeout)
	defer cancel()
	access, err := c.provider.Cloud.ClusterAccess(ctx, id, m.EndpointType.ValueString())
	if err != nil {
		tf.AddError(&resp.Diagnostics, err, fmt.Sprintf("No credentials for cluster %q", id.Name))
		return
	}
	m.Host = types.StringValue("https://" + access.Endpoint)
	m.Endpoint = types.StringValue(access.Endpoint)
	m.CACertificate = tf.StringOrNull(access.Authority)
	m.Token = types.StringValue(string(access.Token.Value.Reveal()))
	m.ExpiresAt = types.StringNull()
	if ends := access.Token.Expires; !ends.IsZero() {
		m.ExpiresAt = types.StringValue(ends.UTC().Format(time.RFC3339))
		remember, err := json.Marshal(opened{Cluster: id.String(), Ends: ends})
		tf.AddError(&resp.Diagnostics, err, "The credentials were not opened")
		resp.Diagnostics.Append(resp.Private.SetKey(ctx, openedKey, remember)...)
		resp.RenewAt = ends
	}
	resp.Diagnostics.Append(resp.Result.Set(ctx, &m)...)
}

// opened is what Renew needs to know. It holds no token.
type opened struct {
	Cluster string    `json:"cluster"`
	Ends    time.Time `json:"ends"`
}

const openedKey = "opened"

// Renew says that the token ends: there is no way to hand a new one to those that have the old one. It is a warning,
// because everything may be done by then.
func (*credentials) Renew(ctx context.Context, req ephemeral.RenewRequest, resp *ephemeral.RenewResponse) {
	remembered, diags := req.Private.GetKey(ctx, openedKey)
	resp.Diagnostics.Append(diags...)
	var o opened
	if err := json.Unmarshal(remembered, &o); err != nil {
		return // the warning is all that is lost
	}
	resp.Diagnostics.AddWarning("The token for a cluster ends during the run", fmt.Sprintf(
		"The token for %s ends at %s. What asks the cluster for something after that fails with Unauthorized.\n\n"+
			"Apply again: what is done stays done. If every run takes that long, apply what lives in the cluster in a run of its own.",
		o.Cluster, o.Ends.UTC().Format(time.RFC3339)))
}
