package deploy

import (
	"context"
	"slices"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// MaxSecretBytes is the largest payload of a secret version.
// Source: google.cloud.secretmanager.v1.SecretPayload, "no larger than 64KiB".
const MaxSecretBytes = 64 << 10

// The values of SecretState.Status.
const (
	// SecretReady has an effective version, or needs none.
	SecretReady = "ready"
	// SecretCreating was created, but the create did not come to its end.
	SecretCreating = "creating"
	// SecretDegraded has lost its effective version: disabled or destroyed by hand.
	SecretDegraded = "degraded"
	// SecretDrifted has an alias or the record of the provider's moved or taken away by somebody else.
	SecretDrifted = "drifted"
)

// SecretSpec is a secret whose value somebody supplies.
type SecretSpec struct {
	ID names.SecretID
	// ValueVersion is the user's own name for the current value; empty when nothing manages the value.
	ValueVersion string
	// Labels are all labels to be set, default labels included, without the stamp.
	Labels map[string]string
	// Accessors are the IAM members that may read the secret's versions.
	Accessors []string
	// KeepVersions is how many of the versions that the provider made stay enabled; 0 retires none.
	KeepVersions int
	// Store is how Secret Manager keeps it.
	Store SecretStore
}

// SecretState is what there is of a secret. It never holds a value.
type SecretState struct {
	ID names.SecretID
	// Exists tells whether anything is there. On an error it says whether the failed create left something.
	Exists bool
	// Recorded tells whether the provider has written down what it knows of the secret; one that was made by hand has
	// neither ValueVersion nor Settings.
	Recorded bool
	// ValueVersion is the ValueVersion that the effective version was written for.
	ValueVersion string
	// Version is the number of the effective version, empty when none is usable.
	Version string
	// VersionTime is when the effective version was created.
	VersionTime time.Time
	// Labels are the live labels without the stamp, those that others put there included.
	Labels map[string]string
	// Accessors are, of the members asked about, those that have access.
	Accessors []string
	Status    string
	// KeepVersions is what the secret's record says of it, 0 when that says nothing.
	KeepVersions int
	// SurplusVersions are the numbers of the versions beyond KeepVersions that are still enabled, oldest first. A write
	// leaves them empty: only a read says what is left.
	SurplusVersions []string
	// Settings are the session key's; nil for a secret.
	Settings *SessionKeySettings
	// Store is how Secret Manager keeps the secret, annotations of others included. Only a read fills it.
	Store SecretStore
}

// VersionID is the full name of the effective version with the project's ID, empty when there is none.
func (s SecretState) VersionID() string {
	if s.Version == "" {
		return ""
	}
	return s.ID.Version(s.Version).String()
}

// SecretKnown is what the caller knows about a secret that it wants read or changed.
type SecretKnown struct {
	// Imported means that nothing is known but the name: accessors are then those that the provider recorded.
	Imported bool
	// Labels are the managed labels as they were last; those no longer declared are removed.
	Labels map[string]string
	// Accessors are the managed accessors as they were last.
	Accessors []string
	// Annotations are the managed annotations as they were last.
	Annotations map[string]string
	// Version is the number of the version that was effective as far as the caller knows: what depends on it may still
	// use it, so it is not retired.
	Version string
}

// CreateSecret creates a secret with its accessors and its first version. A zero value creates it without a version.
// An error with Exists set means that an empty secret was left, which the next create may replace.
func (c *Cloud) CreateSecret(ctx context.Context, spec SecretSpec, value secret.Bytes, timeout time.Duration) (SecretState, []Notice, error) {
	return c.secretCreate(ctx, spec.target(SecretKnown{}, value), timeout)
}

// UpdateSecret brings a secret to its declared state. A zero value leaves the effective version alone; any other is
// added as a new version, unless an earlier run has done that already.
// Notices say which old versions could not be retired.
func (c *Cloud) UpdateSecret(ctx context.Context, known SecretKnown, spec SecretSpec, value secret.Bytes) (SecretState, []Notice, error) {
	return c.secretUpdate(ctx, spec.target(known, value), known)
}

// ReadSecret reads what there is; Exists is false when the secret is gone.
func (c *Cloud) ReadSecret(ctx context.Context, id names.SecretID, known SecretKnown) (SecretState, error) {
	return c.secretRead(ctx, id, secretKind, known)
}

// SecretHasVersions tells whether a secret has any version, usable or not.
func (c *Cloud) SecretHasVersions(ctx context.Context, id names.SecretID) (bool, error) {
	versions, err := c.secretVersions(ctx, id)
	if err != nil && !gcp.IsNotFound(err) {
		return false, secretError("look at the versions of", id, err)
	}
	return len(versions) > 0, nil
}

// DeleteSecret deletes a secret with all versions. One that is already gone is not an error.
func (c *Cloud) DeleteSecret(ctx context.Context, id names.SecretID) error {
	err := c.GCP.Secrets().Delete(ctx, id.String())
	if err == nil || gcp.IsNotFound(err) {
		return nil
	}
	return secretError("delete", id, err)
}

// target is the declared state in the form that secrets and session keys share.
func (s SecretSpec) target(known SecretKnown, value secret.Bytes) secretTarget {
	t := secretTarget{
		id:        s.ID,
		labels:    s.Labels,
		store:     s.Store,
		accessors: s.Accessors,
		known:     known,
		record:    secretRecord{Kind: secretKind, ValueVersion: s.ValueVersion, Keep: s.KeepVersions},
	}
	if !value.IsZero() {
		t.change = &secretValueChange{version: s.ValueVersion, value: value}
	}
	return t
}

// secretTarget is a declared state: of a secret or of a session key.
type secretTarget struct {
	id        names.SecretID
	labels    map[string]string
	store     SecretStore
	accessors []string
	known     SecretKnown
	// record is what the secret shall say about itself; its version is filled in when it is known.
	record secretRecord
	// change makes the next version; nil when the effective version stays.
	change secretChange
}

// stale are the accessors to take away.
func (t secretTarget) stale() []string {
	return slices.DeleteFunc(slices.Clone(t.known.Accessors), func(m string) bool { return slices.Contains(t.accessors, m) })
}

// secretUpdate brings what exists to its target. On an error the state is what is live, as far as it could be read.
func (c *Cloud) secretUpdate(ctx context.Context, t secretTarget, known SecretKnown) (SecretState, []Notice, error) {
	w := newSecretWrite(c, t)
	version, err := w.bring(ctx)
	union := slices.Compact(slices.Sorted(slices.Values(slices.Concat(t.accessors, known.Accessors))))
	if err == nil {
		err = c.secretRevoke(ctx, t.id, t.stale())
	}
	if err != nil {
		read, cancel := secretDetach(ctx)
		defer cancel()
		state, _ := c.secretRead(read, t.id, t.record.Kind, SecretKnown{Accessors: union})
		return state, nil, secretError("update", t.id, err)
	}
	notices := w.retire(ctx)
	state, err := c.secretResult(ctx, t, version)
	return state, notices, err
}

// secretResult reads back what a successful write has brought about. The effective version is the one that this run
// worked with, even if another run has moved on since: Terraform must get what the plan showed.
func (c *Cloud) secretResult(ctx context.Context, t secretTarget, version int64) (SecretState, error) {
	read, cancel := secretDetach(ctx)
	defer cancel()
	state := SecretState{
		ID: t.id, Exists: true, Recorded: true, ValueVersion: t.record.ValueVersion, Labels: t.labels, Accessors: t.accessors,
		Status: SecretReady, Settings: t.record.Session, KeepVersions: t.record.Keep,
	}
	if version == 0 {
		return state, nil
	}
	v, err := c.secretVersion(read, t.id, version)
	if err != nil {
		return state, secretError("read back", t.id, err)
	}
	state.Version, state.VersionTime = v.number, v.created
	return state, nil
}
