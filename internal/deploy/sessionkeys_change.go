package deploy

import (
	"bytes"
	"context"
	"fmt"
	"slices"

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

// done when a version that came after the planned base was drawn by the same settings. After a leak, keep = 0 must not be
// lost to somebody else's rotation, so then no previous key may be in it.
func (s *sessionKeyChange) done(r secretRecord) bool {
	return r.Version > s.base && r.Session != nil && !r.Session.NeedsRotation(s.settings) &&
		(s.settings.Keep > 0 || len(r.PreviousKeys) == 0)
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
	w.record.PreviousKeys = previous.sources
	return previous.rotate(key, s.settings), nil
}

// judge adopts what can only be the announced rotation: a drawn key before exactly the keys that were to be kept, if that
// is what is wanted still. Nothing else needs to stop the run: what was never effective was never handed out.
func (s *sessionKeyChange) judge(ctx context.Context, w *secretWrite, live secretLive, found secret.Bytes) (secretVerdict, error) {
	announced := live.intent.Record.Session
	if announced == nil || announced.NeedsRotation(s.settings) || announced.Keep != s.settings.Keep {
		return secretSupersede, nil
	}
	previous, err := w.previousKeys(ctx, live, *announced)
	if err != nil {
		return secretStop, err
	}
	head := found
	if len(previous.sources) > 0 {
		text, _, _ := bytes.Cut(found.Reveal(), []byte(announced.Separator))
		head = secret.New(text)
	}
	drawn := sessionkey.IsDrawn(head, announced.Bytes, sessionkey.Encoding(announced.Encoding))
	if drawn && previous.rotate(head, *announced).Equal(found) {
		return secretAdopt, nil
	}
	return secretSupersede, nil
}

// sessionKeySource is the version that a key of a ring came with.
type sessionKeySource struct {
	Version int64 `json:"version"`
	// Separator stands between the keys of that version's payload, whatever it is today; empty when the payload is a raw key.
	Separator string `json:"separator,omitempty"`
}

// sessionKeyRing is a ring together with the sources of its keys.
type sessionKeyRing struct {
	keys    sessionkey.Ring
	sources []sessionKeySource
}

// rotate gives the payload with a new key first. The ring has no more keys than are to be kept.
func (r sessionKeyRing) rotate(newest secret.Bytes, settings SessionKeySettings) secret.Bytes {
	return r.keys.Rotate(newest, settings.Keep).Payload(settings.Separator)
}

// previousKeys is what a rotation keeps: the first keys of the effective version, or, when that was disabled or destroyed by
// hand, those that it had in common with the newest older one that can still be read. A key that was not in the effective
// ring any more does not come back, and neither does a version that never was effective become part of a ring. Nothing is
// read when no key is to be kept.
func (w *secretWrite) previousKeys(ctx context.Context, live secretLive, settings SessionKeySettings) (sessionKeyRing, error) {
	if settings.Keep == 0 {
		return sessionKeyRing{}, nil
	}
	enabled, err := w.cloud.secretAbove(ctx, w.id, 0)
	if err != nil {
		return sessionKeyRing{}, err
	}
	ring := live.ring(enabled, settings)
	for i, source := range ring {
		if !slices.ContainsFunc(enabled, func(v secretVersionState) bool { return v.id == source.Version }) {
			continue
		}
		payload, err := w.cloud.secretAccess(ctx, w.id, source.Version)
		if err != nil {
			return sessionKeyRing{}, sessionKeyUnreadable(w.id, err)
		}
		sources := ring[i:]
		if len(ring) == 1 { // the only version brought all that is in it
			sources = slices.Repeat(ring, settings.Keep)
		}
		keys := source.parse(payload, settings)
		n := min(settings.Keep, keys.Len(), len(sources))
		return sessionKeyRing{keys: keys.First(n), sources: sources[:n]}, nil
	}
	return sessionKeyRing{}, nil
}

// ring lists the sources of the keys of the effective ring, newest first: what is recorded, or, of a secret that was made by
// hand, the newest enabled version that no unfinished rotation has added.
func (l secretLive) ring(enabled []secretVersionState, settings SessionKeySettings) []sessionKeySource {
	if l.record.Session != nil {
		settings = *l.record.Session
	}
	source := sessionKeySource{Version: l.record.Version, Separator: settings.Separator}
	if settings.Encoding == string(sessionkey.Raw) {
		source.Separator = ""
	}
	switch {
	case l.record.Version != 0:
		return append([]sessionKeySource{source}, l.record.PreviousKeys...)
	case l.record.Kind != "":
		return nil // the create was interrupted before any key was handed out
	}
	for _, v := range enabled {
		if l.intent == nil || v.id <= l.intent.Base {
			source.Version = v.id
			return []sessionKeySource{source}
		}
	}
	return nil
}

// parse takes a payload apart. A key that is no text is written in the encoding of the new ring, since nothing could separate
// it there.
func (s sessionKeySource) parse(payload secret.Bytes, settings SessionKeySettings) sessionkey.Ring {
	if s.Separator == "" || !sessionkey.IsText(payload) {
		return sessionkey.Of(sessionkey.Encode(payload, sessionkey.Encoding(settings.Encoding)))
	}
	return sessionkey.Parse(payload, s.Separator)
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
