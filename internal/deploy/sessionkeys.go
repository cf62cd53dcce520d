package deploy

import (
	"context"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// SessionKeySettings are what a session key is drawn and rotated by. They are kept with the secret as an annotation and
// hold nothing of the key.
type SessionKeySettings struct {
	// Bytes is the length of one key before encoding.
	Bytes int `json:"bytes"`
	// Encoding is one of sessionkey.Encodings; with sessionkey.Raw, Keep is 0 and Separator means nothing.
	Encoding string `json:"encoding"`
	// Separator stands between the keys of the payload.
	Separator string `json:"separator"`
	// Keep is how many previous keys stay in the payload.
	Keep int `json:"keep"`
	// RotateAfter is a Go duration, empty for no rotation by time.
	RotateAfter string `json:"rotate_after,omitempty"`
	// RotationTrigger is any text; a change of it rotates.
	RotationTrigger string `json:"rotation_trigger,omitempty"`
}

// NeedsRotation tells whether going from one setting to the other needs a new key: the payload shall be what the
// configuration says. keep and rotate_after say something about later rotations only.
func (s SessionKeySettings) NeedsRotation(to SessionKeySettings) bool {
	return s.Bytes != to.Bytes || s.Encoding != to.Encoding || s.Separator != to.Separator ||
		s.RotationTrigger != to.RotationTrigger
}

// NextRotation is when a key of that age is due, the zero time when it never is. It is a whole second, since a state that
// holds no fractions has to come to the same time.
func (s SessionKeySettings) NextRotation(rotated time.Time) time.Time {
	after, err := time.ParseDuration(s.RotateAfter)
	if err != nil || after <= 0 || rotated.IsZero() {
		return time.Time{}
	}
	return rotated.Add((after + time.Second - 1).Truncate(time.Second))
}

// SessionKeySpec is a secret whose value the provider draws.
type SessionKeySpec struct {
	ID       names.SecretID
	Settings SessionKeySettings
	// Labels are all labels to be set, default labels included, without the stamp.
	Labels map[string]string
	// Accessors are the IAM members that may read the secret's versions.
	Accessors []string
	// KeepVersions is how many of the versions that the provider made stay enabled; 0 retires none.
	KeepVersions int
	// Store is how Secret Manager keeps it.
	Store SecretStore
}

// SessionKeyRotation asks for a new key.
type SessionKeyRotation struct {
	// Base is the version number that was effective when the rotation was planned, 0 when none was usable. If a newer
	// one with the same settings is effective by now, another run has rotated already.
	Base int64
}

// CreateSessionKey creates a secret and draws its first key. An error with Exists set means that a secret without a
// version was left, which the next create may replace.
func (c *Cloud) CreateSessionKey(ctx context.Context, spec SessionKeySpec, timeout time.Duration) (SecretState, []Notice, error) {
	return c.secretCreate(ctx, spec.target(SecretKnown{}, &SessionKeyRotation{}), timeout)
}

// UpdateSessionKey brings a session key to its declared state. Without a rotation the payload is never touched.
func (c *Cloud) UpdateSessionKey(ctx context.Context, known SecretKnown, spec SessionKeySpec, rotation *SessionKeyRotation) (SecretState, []Notice, error) {
	return c.secretUpdate(ctx, spec.target(known, rotation), known)
}

// ReadSessionKey reads what there is, but not the keys; Exists is false when the secret is gone.
func (c *Cloud) ReadSessionKey(ctx context.Context, id names.SecretID, known SecretKnown) (SecretState, error) {
	return c.secretRead(ctx, id, sessionKeyKind, known)
}

// RotationDueSince tells since when a rotation is due, the zero time when it is not. It is for reading only: a plan must
// not depend on when it is made.
func (c *Cloud) RotationDueSince(settings SessionKeySettings, rotated time.Time) time.Time {
	next := settings.NextRotation(rotated)
	if next.IsZero() || c.Clock.Now().Before(next) {
		return time.Time{}
	}
	return next
}

func (s SessionKeySpec) target(known SecretKnown, rotation *SessionKeyRotation) secretTarget {
	t := secretTarget{
		id:        s.ID,
		labels:    s.Labels,
		store:     s.Store,
		accessors: s.Accessors,
		known:     known,
		record:    secretRecord{Kind: sessionKeyKind, Session: &s.Settings, Keep: s.KeepVersions},
	}
	t.store.NoticesOfOthers = true
	if rotation != nil {
		t.change = &sessionKeyChange{settings: s.Settings, base: rotation.Base}
	}
	return t
}
