package deploy

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// Annotations by which a secret tells what a crashed or a concurrent run has to know. Neither holds anything that is
// computed from a value: whoever may list secrets may read annotations, and a hash of a weak value can be guessed.
const (
	secretSpecAnnotation   = "twelvefactor-spec"
	secretIntentAnnotation = "twelvefactor-intent"
)

// The kinds of secretRecord.
const (
	secretKind     = "secret"
	sessionKeyKind = "session_key"
)

// secretRecordRoom is kept free for what the record and an intent hold besides the accessors, in bytes: versions, sources
// of keys, and the user's names for a value.
const secretRecordRoom = 4 << 10

// secretRecord is what a managed secret says about itself: which of its versions is the effective one, and the declared
// settings that no other field of the API holds, so that an import finds them.
type secretRecord struct {
	Kind         string              `json:"kind"`
	Version      int64               `json:"version,omitempty"`
	ValueVersion string              `json:"value_wo_version,omitempty"`
	Session      *SessionKeySettings `json:"session_key,omitempty"`
	// PreviousKeys tells where the previous keys in the effective payload came from, newest first.
	PreviousKeys []sessionKeySource `json:"previous_keys,omitempty"`
	Accessors    []string           `json:"accessors,omitempty"`
	// Keep is how many of the provider's own versions stay enabled; 0 retires none.
	Keep int `json:"keep_versions,omitempty"`
	// Previous is the version that was effective before Version, 0 when there was none.
	Previous int64 `json:"previous,omitempty"`
	// Own are the versions that the provider has made, oldest first: no other is ever retired.
	Own []int64 `json:"own_versions,omitempty"`
}

// secretIntent announces the next version before it is added. AddSecretVersion takes no client id, so this, written
// with the secret's etag, is what makes adding happen once.
type secretIntent struct {
	// Base is the highest version number when the intent was written: the announced version is above it.
	Base int64 `json:"base"`
	// Record is what the secret will say about itself when the version is effective.
	Record secretRecord `json:"record"`
	// Nonce tells the runs apart.
	Nonce string `json:"nonce"`
	// At is when the intent was written, in Unix seconds of the writer's clock.
	At int64 `json:"at"`
}

// secretLive is one reading of a secret.
type secretLive struct {
	id     names.SecretID
	object *secretmanagerpb.Secret
	record secretRecord // zero when the provider has not written one
	intent *secretIntent
}

func newSecretLive(id names.SecretID, object *secretmanagerpb.Secret) secretLive {
	live := secretLive{id: id, object: object}
	// What does not parse was not written by this provider; it counts as absent and is overwritten by the next write.
	if json.Unmarshal([]byte(object.GetAnnotations()[secretSpecAnnotation]), &live.record) != nil {
		live.record = secretRecord{}
	}
	var intent secretIntent
	if json.Unmarshal([]byte(object.GetAnnotations()[secretIntentAnnotation]), &intent) == nil && intent.Nonce != "" {
		live.intent = &intent
	}
	return live
}

func (l secretLive) creating() bool {
	_, creating := names.CreatingSince(l.object.GetLabels())
	return creating
}

// userLabels are the live labels without the stamp.
func (l secretLive) userLabels() map[string]string {
	labels := map[string]string{}
	for key, value := range l.object.GetLabels() {
		if !names.IsStampLabel(key) {
			labels[key] = value
		}
	}
	return labels
}

// annotations are the live ones with the given record and intent; those of others stay.
func (l secretLive) annotations(record secretRecord, intent *secretIntent) map[string]string {
	all := maps.Clone(l.object.GetAnnotations())
	if all == nil {
		all = map[string]string{}
	}
	delete(all, secretSpecAnnotation)
	delete(all, secretIntentAnnotation)
	room := secretAnnotationBytes - secretRecordRoom
	for key, value := range all {
		room -= len(key) + len(value)
	}
	all[secretSpecAnnotation] = record.encode(room)
	if intent != nil {
		said := *intent
		said.Record.Accessors = nil // they are no part of a version, and stand in the record
		all[secretIntentAnnotation] = secretJSON(said)
	}
	return all
}

// encode leaves the accessors out when there is no room for them, in bytes: only an import goes by them.
func (r secretRecord) encode(room int) string {
	r.Accessors = slices.Sorted(slices.Values(r.Accessors))
	if len(secretJSON(r.Accessors)) > room {
		r.Accessors = nil
	}
	return secretJSON(r)
}

// about gives the record with what describes a session key's payload taken from the live record, if that is about the same
// version: what is in a payload changes with a new version alone, whatever an older plan knew of it.
func (r secretRecord) about(live secretRecord) secretRecord {
	if r.Session == nil || live.Session == nil || r.Version != live.Version {
		return r
	}
	session := *live.Session
	session.Keep, session.RotateAfter = r.Session.Keep, r.Session.RotateAfter
	r.Session, r.PreviousKeys = &session, live.PreviousKeys
	return r
}

// secretJSON encodes the plain structures of this file, which cannot fail.
func secretJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a structure of this file that JSON cannot hold
	}
	return string(b)
}

// secretVersionState is one version in numbers and times.
type secretVersionState struct {
	number  string
	id      int64
	created time.Time
	enabled bool
	// destroyed is final; scheduled is disabled until Google destroys it, unless somebody calls that off.
	destroyed, scheduled bool
	etag                 string
}

func newSecretVersionState(v *secretmanagerpb.SecretVersion) (secretVersionState, error) {
	id, err := names.ParseSecretVersionID(v.GetName())
	if err != nil {
		return secretVersionState{}, err
	}
	n, err := strconv.ParseInt(id.Version, 10, 64)
	if err != nil {
		return secretVersionState{}, err
	}
	return secretVersionState{
		number:    id.Version,
		id:        n,
		created:   v.GetCreateTime().AsTime().Truncate(time.Second),
		enabled:   v.GetState() == secretmanagerpb.SecretVersion_ENABLED,
		destroyed: v.GetState() == secretmanagerpb.SecretVersion_DESTROYED,
		scheduled: v.GetScheduledDestroyTime() != nil,
		etag:      v.GetEtag(),
	}, nil
}
