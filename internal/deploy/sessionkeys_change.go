package deploy

import (
	"bytes"
	"context"
	"fmt"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/sessionkey"
)

// sessionKeyChange draws a key and puts it before the previous ones.
type sessionKeyChange struct {
	settings SessionKeySettings
	base     int64
}

// done when a version that came after the planned base was drawn by the same settings.
func (s *sessionKeyChange) done(r secretRecord) bool {
	return r.Version > s.base && r.Session != nil && !r.Session.NeedsRotation(s.settings)
}

func (s *sessionKeyChange) payload(ctx context.Context, w *secretWrite, live secretLive) (secret.Bytes, error) {
	previous, err := w.previousKeys(ctx, live, s.settings)
	if err != nil {
		return secret.Bytes{}, err
	}
	key, err := sessionkey.Draw(w.cloud.Rand, s.settings.Bytes, sessionkey.Encoding(s.settings.Encoding))
	if err != nil {
		return secret.Bytes{}, fmt.Errorf("drawing a key: %w", err)
	}
	return previous.Rotate(key, s.settings.Keep).Payload(s.settings.Separator), nil
}

// judge adopts what can only be the announced rotation: some new key before exactly the keys that were to be kept.
func (s *sessionKeyChange) judge(ctx context.Context, w *secretWrite, live secretLive, found secret.Bytes) (secretVerdict, error) {
	announced := live.intent.Record.Session
	if announced == nil {
		return secretStop, nil
	}
	previous, err := w.previousKeys(ctx, live, *announced)
	if err != nil {
		return secretStop, err
	}
	head, _, _ := bytes.Cut(found.Reveal(), []byte(announced.Separator))
	if previous.Rotate(secret.New(head), announced.Keep).Payload(announced.Separator).Equal(found) {
		return secretAdopt, nil
	}
	return secretStop, nil
}

// previousKeys is the ring that a rotation goes on from: the effective version's, or, when that was disabled or
// destroyed by hand, the newest older one's that can still be read. Nothing is read when no key is to be kept.
func (w *secretWrite) previousKeys(ctx context.Context, live secretLive, settings SessionKeySettings) (sessionkey.Ring, error) {
	if settings.Keep == 0 {
		return sessionkey.Ring{}, nil
	}
	separator := settings.Separator
	if live.record.Session != nil {
		separator = live.record.Session.Separator
	}
	readable, err := w.cloud.secretAbove(ctx, w.id, 0)
	if err != nil {
		return sessionkey.Ring{}, err
	}
	for _, v := range readable {
		if live.record.Version != 0 && v.id > live.record.Version {
			continue // announced but never effective
		}
		if live.record.Version == 0 && live.intent != nil && v.id > live.intent.Base {
			continue
		}
		payload, err := w.cloud.secretAccess(ctx, w.id, v.id)
		if err != nil {
			return sessionkey.Ring{}, sessionKeyUnreadable(w.id, err)
		}
		return sessionkey.Parse(payload, separator), nil
	}
	return sessionkey.Ring{}, nil
}

// sessionKeyUnreadable refuses to rotate without the keys that are to be kept: sessions would end.
func sessionKeyUnreadable(id names.SecretID, err error) error {
	if gcp.Classify(err) != gcp.PermissionDenied {
		return err
	}
	return &Error{
		Summary: fmt.Sprintf("Cannot rotate session key %s", names.Quote(id.Name)),
		Why:     "The current key has to be read, so that it stays valid beside the new one, and the caller may not read it",
		Fix: fmt.Sprintf("Give the caller roles/secretmanager.secretAccessor on %s, or set keep = 0, which ends every session "+
			"at the rotation", id),
		Attribute: []string{"keep"},
		Err:       err,
	}
}
