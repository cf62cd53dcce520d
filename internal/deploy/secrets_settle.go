package deploy

import (
	"context"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
)

// settle deals with the intent of another run, which may have crashed or may be at work: a version that it has added is
// adopted or refused after looking at it; without one, the run gets secretLease to add it, and then loses its turn.
func (w *secretWrite) settle(ctx context.Context, live secretLive) error {
	found, err := w.cloud.secretAbove(ctx, w.id, live.intent.Base)
	if err != nil {
		return err
	}
	var stop *secretVersionState
	for _, v := range found {
		payload, err := w.cloud.secretAccess(ctx, w.id, v.id)
		if err != nil {
			return secretUnsettled(w.id, v.number, err)
		}
		verdict, err := w.change.judge(ctx, w, live, payload)
		switch {
		case err != nil:
			return err
		case verdict == secretAdopt:
			return w.adopt(ctx, live, v.id)
		case verdict == secretStop:
			stop = &v
		}
	}
	if stop != nil {
		return secretForeignVersion(w.id, stop.number)
	}
	return w.outwait(ctx, *live.intent, len(found))
}

// adopt makes the version of an interrupted or slower run the effective one, as that run would have done.
func (w *secretWrite) adopt(ctx context.Context, live secretLive, version int64) error {
	versions, err := w.cloud.secretVersions(ctx, w.id)
	if err != nil {
		return err
	}
	w.see(versions)
	record := live.succeed(live.intent.Record, version, true)
	record.Accessors = live.record.Accessors
	aliases, err := w.aliases(ctx, live, record)
	if err != nil {
		return err
	}
	wanted := &secretmanagerpb.Secret{Labels: live.object.GetLabels(), Annotations: live.annotations(record, nil), VersionAliases: aliases}
	if err := w.cloud.secretPut(ctx, live, wanted, secretVersionMask(live.object, wanted)...); err != nil {
		return err
	}
	w.superseded = live.record.Version
	return nil
}

// outwait returns when the intent is gone, when more versions than judged have appeared above it, or when it has been
// there for too long; then it may be overwritten.
func (w *secretWrite) outwait(ctx context.Context, seen secretIntent, judged int) error {
	clock := w.cloud.Clock
	if clock.Now().Sub(time.Unix(seen.At, 0)) > secretIntentAge {
		w.abandoned = seen.Nonce
		return nil
	}
	end := clock.Now().Add(secretLease)
	return w.cloud.GCP.Poll(ctx, "another run to add a version to "+w.id.String(), func(ctx context.Context) (bool, error) {
		live, err := w.cloud.secretGet(ctx, w.id)
		if err != nil {
			return false, err
		}
		if live.intent == nil || live.intent.Nonce != seen.Nonce {
			return true, nil
		}
		above, err := w.cloud.secretAbove(ctx, w.id, seen.Base)
		if err != nil || clock.Now().Before(end) {
			return len(above) > judged, err
		}
		w.abandoned = seen.Nonce
		return true, nil
	})
}
