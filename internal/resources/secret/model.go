package secret

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// model is the resource in plan and state. ValueWO and ValueBase64WO are null in both; the value itself is read from the
// configuration alone, as a secret.Bytes, and never gets into a model.
type model struct {
	tf.SecretStore

	ID              types.String   `tfsdk:"id"`
	Name            types.String   `tfsdk:"name"`
	Project         types.String   `tfsdk:"project"`
	Location        types.String   `tfsdk:"location"`
	ValueWO         types.String   `tfsdk:"value_wo"`
	ValueBase64WO   types.String   `tfsdk:"value_base64_wo"`
	ValueWOVersion  types.String   `tfsdk:"value_wo_version"`
	Topics          types.Set      `tfsdk:"topics"`
	Rotation        types.Object   `tfsdk:"rotation"`
	ExpireTime      types.String   `tfsdk:"expire_time"`
	Labels          types.Map      `tfsdk:"labels"`
	EffectiveLabels types.Map      `tfsdk:"effective_labels"`
	Accessors       types.Set      `tfsdk:"accessors"`
	KeepVersions    types.Int64    `tfsdk:"keep_versions"`
	SurplusVersions types.List     `tfsdk:"surplus_versions"`
	Version         types.String   `tfsdk:"version"`
	VersionID       types.String   `tfsdk:"version_id"`
	Status          types.String   `tfsdk:"status"`
	Timeouts        timeouts.Value `tfsdk:"timeouts"`
}

func (m model) secretID() names.SecretID { return m.identity().SecretID() }

func (m model) identity() tf.SecretIdentity {
	return tf.SecretIdentity{Project: m.Project, Location: m.Location, Name: m.Name}
}

// expand is the declared secret.
func (m model) expand() deploy.SecretSpec {
	return deploy.SecretSpec{
		ID:           m.secretID(),
		ValueVersion: m.ValueWOVersion.ValueString(),
		Labels:       tf.Strings(m.EffectiveLabels),
		Accessors:    tf.Members(m.Accessors),
		KeepVersions: int(m.KeepVersions.ValueInt64()),
		Store:        m.store(),
	}
}

// unfinished tells that the create failed before there was a version: nothing would be lost.
func (m model) unfinished() bool {
	return m.Version.IsNull() && m.Status.ValueString() == deploy.SecretCreating
}

// known is what the state knows of the live secret.
func (m model) known() deploy.SecretKnown {
	return deploy.SecretKnown{
		Imported:    m.Name.IsNull(),
		Labels:      tf.Strings(m.EffectiveLabels),
		Accessors:   tf.Members(m.Accessors),
		Annotations: tf.Strings(m.Annotations),
		Version:     m.Version.ValueString(),
	}
}

// finished is the planned model with what the apply has found out. What was known in the plan stays, as Terraform demands.
func (m model) finished(live deploy.SecretState) model {
	m.ValueWO, m.ValueBase64WO = types.StringNull(), types.StringNull()
	m.ID = types.StringValue(live.ID.String())
	if m.Version.IsUnknown() {
		m.Version = tf.StringOrNull(live.Version)
	}
	if m.VersionID.IsUnknown() {
		m.VersionID = tf.StringOrNull(live.VersionID())
	}
	m.SecretStore = m.Finished()
	m.SurplusVersions = tf.NoVersions()
	m.Status = types.StringValue(live.Status)
	return m
}

// flatten is the live secret as far as it is managed; prior says what is.
func flatten(live deploy.SecretState, prior model, now time.Time, defaults types.Map) model {
	imported := prior.Name.IsNull()
	m := prior
	m.ValueWO, m.ValueBase64WO = types.StringNull(), types.StringNull()
	m.ID = types.StringValue(live.ID.String())
	m.Name = types.StringValue(live.ID.Name)
	m.Project = types.StringValue(live.ID.Project)
	m.Location = tf.StringOrNull(live.ID.Location)
	if live.Recorded || imported {
		m.ValueWOVersion = tf.StringOrNull(live.ValueVersion)
	}
	m.Labels, m.EffectiveLabels = tf.LiveLabels(live.Labels, prior.Labels), tf.LiveLabels(live.Labels, prior.EffectiveLabels)
	if imported {
		m.Labels, m.EffectiveLabels = tf.ImportedLabels(live.Labels, defaults)
	}
	if len(live.Accessors) > 0 || !prior.Accessors.IsNull() {
		m.Accessors = tf.SetOf(live.Accessors)
	}
	m.SecretStore = m.Flatten(live.Store, imported)
	m.flattenNotices(live.Store, now)
	m.KeepVersions = tf.LiveKeepVersions(live.KeepVersions, prior.KeepVersions)
	m.SurplusVersions = tf.VersionsOrNull(live.SurplusVersions)
	m.Version, m.VersionID = tf.StringOrNull(live.Version), tf.StringOrNull(live.VersionID())
	m.Status = types.StringValue(live.Status)
	return m
}
