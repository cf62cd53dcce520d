package deploy_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
)

// keyLedger is what the property test knows of the keys, from looking at Secret Manager only: which versions have been
// effective, in which order, and what was in their rings. It judges each new ring by that.
//
// What must hold of a key that has been handed out (it was first in a version that an apply ended with):
//   - as long as no more rotations have come after it than each of them was to keep, it is in the effective ring, unless
//     it could not be read at one of them: no enabled version that had been effective held it then;
//   - once it is not in the effective ring any more, it never comes back;
//   - and a ring holds nothing else: no key of a version that never was effective, none twice.
type keyLedger struct {
	effective []int64            // in the order in which they became effective
	rings     map[int64][]string // keys by version, as bytes in hexadecimal where they were drawn
	keeps     map[int64]int      // how many previous keys the rotation to a version was to keep
	handed    map[string]int64   // by key, the version that it came with
	lost      map[string]bool    // keys that could not be read at a rotation
	expired   map[string]bool    // keys that have left the ring
	written   map[string]string  // what stands in payloads to what the key is
}

func newKeyLedger() *keyLedger {
	return &keyLedger{
		rings: map[int64][]string{}, keeps: map[int64]int{}, handed: map[string]int64{}, lost: map[string]bool{},
		expired: map[string]bool{}, written: map[string]string{},
	}
}

// keyLive is Secret Manager at one moment: the effective version by the record, and which versions can be read.
type keyLive struct {
	version  int64
	settings *deploy.SessionKeySettings
	enabled  map[int64]bool
}

func (w *keyWorld) look() keyLive {
	w.Helper()
	live := keyLive{enabled: map[int64]bool{}}
	var record struct {
		Version int64                      `json:"version"`
		Session *deploy.SessionKeySettings `json:"session_key"`
	}
	object := w.object()
	if text, ok := object.GetAnnotations()["twelvefactor-spec"]; ok {
		if err := json.Unmarshal([]byte(text), &record); err != nil {
			w.Fatal(err)
		}
	}
	live.version, live.settings = record.Version, record.Session
	versions, err := w.cloud.GCP.SecretVersions().List(w.Context(), benchID.String(), "")
	if err != nil {
		w.Fatal(err)
	}
	for _, v := range versions {
		number := versionNumber(v.GetName()[strings.LastIndex(v.GetName(), "/")+1:])
		live.enabled[number] = v.GetState() == secretmanagerpb.SecretVersion_ENABLED
	}
	return live
}

// name tells what the key is that stands in a payload. The first of a new version is drawn in the version's encoding; a key
// made by hand is its own name.
func (l *keyLedger) name(text string, drawn *deploy.SessionKeySettings) string {
	if known, ok := l.written[text]; ok || drawn == nil {
		if !ok {
			l.written[text] = text
			return text
		}
		return known
	}
	decode := map[string]func(string) ([]byte, error){
		"hex": hex.DecodeString, "base64": base64.StdEncoding.DecodeString, "base64url": base64.RawURLEncoding.DecodeString,
		"raw": func(s string) ([]byte, error) { return []byte(s), nil },
	}[drawn.Encoding]
	key, err := decode(text)
	if err != nil || len(key) != drawn.Bytes {
		return "not drawn: " + hex.EncodeToString([]byte(text))
	}
	name := hex.EncodeToString(key)
	l.written[text] = name
	if drawn.Encoding == "raw" { // a previous one is written in the encoding of the ring
		l.written[name] = name
		l.written[base64.StdEncoding.EncodeToString(key)] = name
		l.written[base64.RawURLEncoding.EncodeToString(key)] = name
	}
	return name
}

// keys takes the payload of a version apart that has just become effective.
func (l *keyLedger) keys(payload string, settings *deploy.SessionKeySettings) []string {
	parts := []string{payload}
	if settings.Encoding != "raw" {
		parts = strings.Split(payload, settings.Separator)
	}
	names := make([]string, len(parts))
	for i, part := range parts {
		drawn := settings
		if i > 0 {
			drawn = nil
		}
		if _, known := l.written[part]; i > 0 && !known {
			names[i] = "unknown"
			continue
		}
		names[i] = l.name(part, drawn)
	}
	return names
}

// advance notes that another version has become effective; before is how things stood when the rotation to it began.
func (l *keyLedger) advance(version int64, payload string, settings *deploy.SessionKeySettings, keep int, before keyLive) {
	for key := range l.handed {
		readable := slices.ContainsFunc(l.effective, func(v int64) bool { return before.enabled[v] && slices.Contains(l.rings[v], key) })
		if !readable {
			l.lost[key] = true
		}
	}
	l.effective = append(l.effective, version)
	l.keeps[version] = keep
	l.rings[version] = l.keys(payload, settings)
}

// judge holds the newest effective ring to the rules.
func (l *keyLedger) judge() (faults []string) {
	newest := l.effective[len(l.effective)-1]
	ring := l.rings[newest]
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if limit := 1 + l.keeps[newest]; len(ring) > limit && len(l.effective) > 1 {
		fault("version %d has %d keys, more than %d", newest, len(ring), limit)
	}
	for i, key := range ring {
		switch from := l.origin(key); {
		case slices.Contains(ring[:i], key):
			fault("key %d of version %d is there twice", i, newest)
		case from == 0:
			fault("key %d of version %d never was effective", i, newest)
		case l.expired[key]:
			fault("the key of version %d had left the ring and is back in version %d", from, newest)
		}
	}
	for key, from := range l.handed {
		if !slices.Contains(ring, key) {
			if l.within(from) && !l.lost[key] {
				fault("the key of version %d is not in version %d any more", from, newest)
			}
			l.expired[key] = true
		}
	}
	return faults
}

// origin is the version that a key came first in, 0 when it never was.
func (l *keyLedger) origin(key string) int64 {
	for i, v := range l.effective {
		if l.rings[v][0] == key || i == 0 && slices.Contains(l.rings[v], key) {
			return v
		}
	}
	return 0
}

// within tells whether every rotation since that version was to keep its key.
func (l *keyLedger) within(version int64) bool {
	rotations := 0
	for _, v := range l.effective[slices.Index(l.effective, version)+1:] {
		if rotations++; rotations > l.keeps[v] {
			return false
		}
	}
	return true
}
