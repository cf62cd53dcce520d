package deploy

import (
	"context"
	"maps"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// commit writes labels, settings, record and aliases in one write, which also ends the intent and, unless it is held back
// (marked), the mark of an unfinished create.
// Version 0 leaves the effective version as it is. It returns the number of the effective version.
func (w *secretWrite) commit(ctx context.Context, version int64) (int64, error) {
	err := w.rounds(ctx, func(ctx context.Context) (bool, error) {
		live, err := w.cloud.secretGet(ctx, w.id)
		if err != nil {
			return false, err
		}
		own := live.intent != nil && live.intent.Nonce == w.nonce
		foreign := live.intent != nil && !own
		switch {
		case version == 0:
			effective, err := w.cloud.secretEffective(ctx, w.id, live, w.known.version())
			if err != nil {
				return false, err
			}
			version = max(effective.id, live.record.Version)
		case live.record.Version > version:
			return true, nil // a later run has gone on from this version
		case w.change != nil && !own && live.record.Version != version: // another run has had its turn, whether it is done or not
			return true, errSecretOvertaken
		}
		if live.record.Version != version {
			w.superseded = live.record.Version
		}
		wanted, err := w.desired(ctx, live, version, foreign)
		if err != nil || secretSame(live.object, wanted) {
			return err == nil, err
		}
		err = w.cloud.secretPut(ctx, live, wanted, secretMask(live.object, wanted)...)
		return err == nil, err
	})
	return version, err
}

// desired is the secret as it shall be. Labels and annotations of others stay, and so does another run's intent.
func (w *secretWrite) desired(ctx context.Context, live secretLive, version int64, foreign bool) (*secretmanagerpb.Secret, error) {
	labels := live.userLabels()
	for key := range w.known.Labels {
		delete(labels, key)
	}
	maps.Copy(labels, w.labels)
	maps.Copy(labels, w.cloud.Stamp.Labels(time.Time{}))
	if mark, creating := live.object.GetLabels()[names.LabelCreating]; creating && w.marked {
		labels[names.LabelCreating] = mark
	}
	var intent *secretIntent
	if foreign {
		intent = live.intent
	}
	w.record = live.succeed(w.record, version, w.made == version && version != 0).about(live.record)
	w.record.Own = w.forget(w.record.Own)
	aliases, err := w.aliases(ctx, live, w.record)
	if err != nil {
		return nil, err
	}
	wanted := &secretmanagerpb.Secret{Labels: labels, VersionAliases: aliases}
	wanted.Annotations = live.declared(w.known.Annotations, w.store.Annotations).annotations(w.record, intent)
	return wanted, w.store.fill(w.id, wanted, live, w.cloud.Clock.Now())
}

// declared is the live secret with the user's annotations brought from what was known to what is declared.
func (l secretLive) declared(known, declared map[string]string) secretLive {
	annotations := maps.Clone(l.object.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	for key := range known {
		delete(annotations, key)
	}
	maps.Copy(annotations, declared)
	l.object = &secretmanagerpb.Secret{Annotations: annotations}
	return l
}

func secretSame(live, wanted *secretmanagerpb.Secret) bool {
	return maps.Equal(live.GetLabels(), wanted.GetLabels()) && maps.Equal(live.GetAnnotations(), wanted.GetAnnotations()) &&
		maps.Equal(live.GetVersionAliases(), wanted.GetVersionAliases()) && len(secretStoreMask(live, wanted)) == 0
}

// secretMask names everything that a commit may have to change.
func secretMask(live, wanted *secretmanagerpb.Secret) []string {
	return append(secretVersionMask(live, wanted), secretStoreMask(live, wanted)...)
}

// secretVersionMask names what goes with a version in force. It leaves aliases out that stay as they are: the API checks all
// of them when they are written, and one that somebody else has set must not be in the way.
func secretVersionMask(live, wanted *secretmanagerpb.Secret) []string {
	mask := []string{"labels", "annotations"}
	if !maps.Equal(live.GetVersionAliases(), wanted.GetVersionAliases()) {
		mask = append(mask, "version_aliases")
	}
	return mask
}
