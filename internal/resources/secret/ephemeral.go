package secret

import (
	"context"
	"encoding/base64"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/ephemeral/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"golang.org/x/text/unicode/norm"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// openTimeout is for two or three reads that take a second, with their repetitions.
const openTimeout = 2 * time.Minute

const versionDescription = `The value of one version of a secret, for what takes a value without storing it: write-only arguments and the
configuration of other providers. Nothing of it is in a plan or a state. Any secret of Secret Manager can be read, whoever manages it, session
keys included.

Name the version by ` + "`version_id`" + ` where this configuration makes the secret: that is unknown in a plan that writes a new value, so Terraform
reads it during the apply, after it was written. ` + "`secret`" + ` is known earlier, and Terraform would look for the value before it is there.

Plan and apply each read the value, while what the arguments refer to is known; so the caller of a plan, too, needs
` + "`secretmanager.versions.access`" + ` then. A ` + "`twelvefactor_service`" + ` needs no value, only a ` + "`version_id`" + `: prefer that wherever the app can read its
secret by itself.

Needs Terraform 1.10 or OpenTofu 1.11.`

var (
	_ ephemeral.EphemeralResourceWithConfigure = (*secretVersion)(nil)
)

type secretVersion struct{ provider *tf.Provider }

// NewVersion makes the ephemeral resource twelvefactor_secret_version.
func NewVersion() ephemeral.EphemeralResource { return &secretVersion{} }

// Metadata names the ephemeral resource.
func (*secretVersion) Metadata(_ context.Context, _ ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = tf.TypePrefix + "secret_version"
}

type versionModel struct {
	Secret      types.String   `tfsdk:"secret"`
	Version     types.String   `tfsdk:"version"`
	VersionID   types.String   `tfsdk:"version_id"`
	Value       types.String   `tfsdk:"value"`
	ValueBase64 types.String   `tfsdk:"value_base64"`
	CreateTime  types.String   `tfsdk:"create_time"`
	Timeouts    timeouts.Value `tfsdk:"timeouts"`
}

// Schema describes the ephemeral resource.
func (*secretVersion) Schema(ctx context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{MarkdownDescription: versionDescription, Attributes: map[string]schema.Attribute{
		"version_id": schema.StringAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "Full name of a version, as `twelvefactor_secret.NAME.version_id` and `twelvefactor_session_key.NAME.version_id` have it: " +
				"`projects/PROJECT/secrets/NAME/versions/NUMBER`, with `locations/LOCATION/` before `secrets` for a regional secret. It needs " +
				"`secretmanager.versions.access` and nothing else. Either this or `secret`. With `secret`, the full name of the version that was read.",
			Validators: []validator.String{
				tf.Checked("the full name of a version", checkVersionID), stringvalidator.ExactlyOneOf(path.MatchRoot("secret")),
			},
		},
		"secret": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "Id of a secret: `projects/PROJECT/secrets/NAME`, or `projects/PROJECT/locations/LOCATION/secrets/NAME`. Either this or " +
				"`version_id`.",
			Validators: []validator.String{tf.Checked("the id of a secret", checkSecretID)},
		},
		"version": schema.StringAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "With `secret`: which version. A number, an alias such as `\"current\"`, or `\"latest\"`, which is the version that was created last, " +
				"by whomever. Default: the effective version, which is the one that this provider recorded (`version` of the resource); for a secret whose value it " +
				"does not manage, `latest`. Finding the effective version needs `secretmanager.secrets.get`. When left out, the number of the version that was read.",
			Validators: []validator.String{
				tf.Checked("a version", names.CheckSecretVersion), stringvalidator.ConflictsWith(path.MatchRoot("version_id")),
			},
		},
		"value": schema.StringAttribute{
			Computed: true, Sensitive: true,
			MarkdownDescription: "The value as text. Null when it is not UTF-8, and when Terraform would change it: Terraform's texts are normalized Unicode (NFC). " +
				"`value_base64` has it in any case.",
		},
		"value_base64": schema.StringAttribute{
			Computed: true, Sensitive: true, MarkdownDescription: "The value in base64, byte by byte.",
		},
		"create_time": schema.StringAttribute{
			Computed: true, MarkdownDescription: "When the version was created, in RFC 3339, UTC. Null when the caller may not see it (`secretmanager.versions.get`).",
		},
		"timeouts": timeouts.AttributesWithOpts(ctx, timeouts.Opts{OpenDescription: "How long reading may take, such as `2m` (default)."}),
	}}
}

func checkVersionID(id string) error {
	_, err := names.ParseSecretVersionID(id)
	return err
}

func checkSecretID(id string) error {
	_, err := names.ParseSecretID(id)
	return err
}

// Configure takes the provider.
func (v *secretVersion) Configure(_ context.Context, req ephemeral.ConfigureRequest, resp *ephemeral.ConfigureResponse) {
	v.provider = tf.FromProviderData(req.ProviderData, &resp.Diagnostics)
}

// Open reads the value.
func (v *secretVersion) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var m versionModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	timeout := tf.OpenTimeout(ctx, m.Timeouts, openTimeout, &resp.Diagnostics)
	if resp.Diagnostics.HasError() || !v.provider.CheckKnown("The value of the secret", &resp.Diagnostics) {
		return
	}
	ref, err := m.ref()
	tf.AddError(&resp.Diagnostics, err, "The secret was not read")
	if err != nil {
		return
	}
	ctx, cancel := tf.WithTimeout(ctx, tf.Open, timeout)
	defer cancel()
	opened, err := v.provider.Cloud.OpenSecretVersion(ctx, ref)
	tf.AddError(&resp.Diagnostics, err, "The secret was not read")
	if err != nil {
		return
	}
	resp.Diagnostics.Append(resp.Result.Set(ctx, m.with(opened))...)
}

// ref is what the configuration asks for.
func (m versionModel) ref() (deploy.SecretVersionRef, error) {
	if m.VersionID.IsNull() {
		id, err := names.ParseSecretID(m.Secret.ValueString())
		return deploy.SecretVersionRef{ID: id, Version: m.Version.ValueString()}, err
	}
	id, err := names.ParseSecretVersionID(m.VersionID.ValueString())
	return deploy.SecretVersionRef{ID: id.SecretID(), Version: id.Version, ByVersionID: true}, err
}

// with is the result. What was configured stays as it was written.
func (m versionModel) with(opened deploy.SecretValue) versionModel {
	if m.VersionID.IsNull() {
		m.VersionID = types.StringValue(opened.ID)
	}
	if m.Version.IsNull() {
		m.Version = types.StringValue(opened.Version)
	}
	m.Value, m.ValueBase64 = textOf(opened.Value), types.StringValue(base64.StdEncoding.EncodeToString(opened.Value.Reveal()))
	m.CreateTime = types.StringNull()
	if !opened.Created.IsZero() {
		m.CreateTime = types.StringValue(opened.Created.UTC().Format(time.RFC3339))
	}
	return m
}

// textOf is null where a string of Terraform, which is NFC, would not be the same bytes.
func textOf(value secret.Bytes) types.String {
	if b := value.Reveal(); utf8.Valid(b) && norm.NFC.IsNormal(b) {
		return types.StringValue(string(b))
	}
	return types.StringNull()
}
