package sessionkey

import (
	"strconv"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// model is the resource in plan and state. No key is ever part of it.
type model struct {
	tf.SecretStore

	ID               types.String   `tfsdk:"id"`
	Name             types.String   `tfsdk:"name"`
	Project          types.String   `tfsdk:"project"`
	Location         types.String   `tfsdk:"location"`
	Bytes            types.Int64    `tfsdk:"bytes"`
	Encoding         types.String   `tfsdk:"encoding"`
	Separator        types.String   `tfsdk:"separator"`
	Keep             types.Int64    `tfsdk:"keep"`
	RotateAfter      types.String   `tfsdk:"rotate_after"`
	RotationTrigger  types.String   `tfsdk:"rotation_trigger"`
	Labels           types.Map      `tfsdk:"labels"`
	EffectiveLabels  types.Map      `tfsdk:"effective_labels"`
	Accessors        types.Set      `tfsdk:"accessors"`
	KeepVersions     types.Int64    `tfsdk:"keep_versions"`
	SurplusVersions  types.List     `tfsdk:"surplus_versions"`
	Version          types.String   `tfsdk:"version"`
	VersionID        types.String   `tfsdk:"version_id"`
	RotatedAt        types.String   `tfsdk:"rotated_at"`
	NextRotation     types.String   `tfsdk:"next_rotation"`
	RotationDueSince types.String   `tfsdk:"rotation_due_since"`
	Status           types.String   `tfsdk:"status"`
	Timeouts         timeouts.Value `tfsdk:"timeouts"`
}

func (m model) secretID() names.SecretID { return m.identity().SecretID() }

func (m model) identity() tf.SecretIdentity {
	return tf.SecretIdentity{Project: m.Project, Location: m.Location, Name: m.Name}
}

// expand is the declared session key.
func (m model) expand() deploy.SessionKeySpec {
	return deploy.SessionKeySpec{
		ID:           m.secretID(),
		Settings:     m.settings(),
		Labels:       tf.Strings(m.EffectiveLabels),
		Accessors:    tf.Members(m.Accessors),
		KeepVersions: int(m.KeepVersions.ValueInt64()),
		Store:        m.Expand(),
	}
}

func (m model) settings() deploy.SessionKeySettings {
	return deploy.SessionKeySettings{
		Bytes:           int(m.Bytes.ValueInt64()),
		Encoding:        m.Encoding.ValueString(),
		Separator:       m.Separator.ValueString(),
		Keep:            int(m.Keep.ValueInt64()),
		RotateAfter:     m.RotateAfter.ValueString(),
		RotationTrigger: m.RotationTrigger.ValueString(),
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

// rotation is the rotation that the plan shows, nil when it shows none.
func (m model) rotation(prior model) *deploy.SessionKeyRotation {
	if !m.Version.IsUnknown() {
		return nil
	}
	base, _ := strconv.ParseInt(prior.Version.ValueString(), 10, 64) // null: 0
	return &deploy.SessionKeyRotation{Base: base}
}

// finished is the planned model with what the apply has found out. What was known in the plan stays, as Terraform demands.
func (m model) finished(live deploy.SecretState) model {
	m.ID = types.StringValue(live.ID.String())
	if m.Version.IsUnknown() {
		m.Version, m.VersionID = tf.StringOrNull(live.Version), tf.StringOrNull(live.VersionID())
		m.RotatedAt = timestamp(live.VersionTime)
		m.NextRotation = timestamp(m.settings().NextRotation(live.VersionTime))
	}
	if m.RotationDueSince.IsUnknown() {
		m.RotationDueSince = types.StringNull()
	}
	m.SecretStore = m.Finished()
	m.SurplusVersions = tf.NoVersions()
	m.Status = types.StringValue(live.Status)
	return m
}

// flatten is the live session key as far as it is managed; prior says what is.
func flatten(live deploy.SecretState, prior model, cloud *deploy.Cloud, defaults types.Map) model {
	imported := prior.Name.IsNull()
	m := prior
	m.ID = types.StringValue(live.ID.String())
	m.Name = types.StringValue(live.ID.Name)
	m.Project = types.StringValue(live.ID.Project)
	m.Location = tf.StringOrNull(live.ID.Location)
	if live.Settings != nil { // else it was made by hand, and what is declared stays
		m.Bytes, m.Keep = types.Int64Value(int64(live.Settings.Bytes)), types.Int64Value(int64(live.Settings.Keep))
		m.Encoding, m.Separator = types.StringValue(live.Settings.Encoding), types.StringValue(live.Settings.Separator)
		m.RotateAfter, m.RotationTrigger = tf.StringOrNull(live.Settings.RotateAfter), tf.StringOrNull(live.Settings.RotationTrigger)
	}
	m.Labels, m.EffectiveLabels = tf.LiveLabels(live.Labels, prior.Labels), tf.LiveLabels(live.Labels, prior.EffectiveLabels)
	if imported {
		m.Labels, m.EffectiveLabels = tf.ImportedLabels(live.Labels, defaults)
	}
	if len(live.Accessors) > 0 || !prior.Accessors.IsNull() {
		m.Accessors = tf.SetOf(live.Accessors)
	}
	m.SecretStore = m.Flatten(live.Store, imported)
	m.KeepVersions = tf.LiveKeepVersions(live.KeepVersions, prior.KeepVersions)
	m.SurplusVersions = tf.VersionsOrNull(live.SurplusVersions)
	m.Version, m.VersionID = tf.StringOrNull(live.Version), tf.StringOrNull(live.VersionID())
	m.RotatedAt = timestamp(live.VersionTime)
	m.NextRotation = timestamp(m.settings().NextRotation(live.VersionTime))
	m.RotationDueSince = timestamp(cloud.RotationDueSince(m.settings(), live.VersionTime))
	m.Status = types.StringValue(live.Status)
	return m
}

// timestamp is RFC 3339 in UTC, null for the zero time. Fractions of a second are cut off, from each time alike.
func timestamp(t time.Time) types.String {
	if t.IsZero() {
		return types.StringNull()
	}
	return types.StringValue(t.UTC().Format(time.RFC3339))
}

// timeOf reads what timestamp wrote.
func timeOf(s types.String) time.Time {
	t, err := time.Parse(time.RFC3339, s.ValueString())
	if err != nil {
		return time.Time{}
	}
	return t
}
