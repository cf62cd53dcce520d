package deploy

import (
	"context"
	"maps"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// commit writes labels and record in one write, which also ends the intent and, unless it is held back (marked), the
// mark of an unfinished create.
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
			effective, err := w.cloud.secretEffective(ctx, w.id, live)
			if err != nil {
				return false, err
			}
			version = max(effective.id, live.record.Version)
		case live.record.Version > version:
			return true, nil // a later run has gone on from this version
		case w.change != nil && !own && live.record.Version != version: // another run has had its turn, whether it is done or not
			return true, errSecretOvertaken
		}
		wanted := w.desired(live, version, foreign)
		if secretSame(live.object, wanted) {
			return true, nil
		}
		err = w.cloud.secretPut(ctx, live, wanted, "labels", "annotations")
		return err == nil, err
	})
	return version, err
}

// desired is the secret as it shall be. Labels and annotations of others stay, and so does another run's intent.
func (w *secretWrite) desired(live secretLive, version int64, foreign bool) *secretmanagerpb.Secret {
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
	return &secretmanagerpb.Secret{
		Labels:      labels,
		Annotations: live.annotations(w.record.at(version).about(live.record), intent),
	}
}

func secretSame(live, wanted *secretmanagerpb.Secret) bool {
	return maps.Equal(live.GetLabels(), wanted.GetLabels()) && maps.Equal(live.GetAnnotations(), wanted.GetAnnotations())
}
