package deploy

import (
	"context"
	"fmt"
	"maps"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// secretCreate creates a secret, or takes an unfinished one of the same stack over, and brings it to its target.
//
// What a failure leaves decides how it is reported. Without a version the secret is of no use to anyone: error with
// Exists set, so that Terraform replaces it. With a version (or if that cannot be told) it must not be destroyed, since
// the version may be the only copy of a key: warning, and the next apply goes on from there.
func (c *Cloud) secretCreate(ctx context.Context, t secretTarget, timeout time.Duration) (SecretState, []Notice, error) {
	state := SecretState{ID: t.id, Settings: t.record.Session}
	w := newSecretWrite(c, t)
	notices, err := w.create(ctx, timeout)
	if err != nil {
		return state, nil, err
	}
	w.marked = c.holdsMarks()
	version, err := w.bring(ctx)
	if err == nil {
		state, err = c.secretResult(ctx, t, version)
	}
	if err == nil && w.marked {
		err = c.endCreate(ctx, func(ctx context.Context) error {
			w.marked = false
			_, err := w.commit(ctx, version)
			return err
		})
	}
	if err == nil {
		return state, notices, nil
	}
	return c.secretUnfinished(ctx, t, notices, err)
}

// create makes the secret with the announcement of its first version.
func (w *secretWrite) create(ctx context.Context, timeout time.Duration) (notices []Notice, err error) {
	var refused error
	created, err := w.message()
	if err != nil {
		return nil, err
	}
	err = w.rounds(ctx, func(ctx context.Context) (bool, error) {
		_, err := w.cloud.GCP.Secrets().Create(ctx, w.id.String(), created)
		if err == nil {
			return true, nil
		}
		if !gcp.IsAlreadyExists(err) && !gcp.Ambiguous(err) {
			return true, err
		}
		read, cancel := secretDetach(ctx)
		defer cancel()
		live, readErr := w.cloud.secretGet(read, w.id)
		if readErr != nil { // not found: the create is known to have had no effect
			return false, err
		}
		if live.intent != nil && live.intent.Nonce == w.nonce {
			return true, nil
		}
		notices, refused = w.takeOver(live, timeout)
		return true, nil
	})
	if err != nil {
		return nil, secretError(secretCreateVerb, w.id, secretRefused(w.id, w.store, err))
	}
	return notices, refused
}

func (w *secretWrite) message() (*secretmanagerpb.Secret, error) {
	labels := w.cloud.Stamp.Labels(w.cloud.Clock.Now())
	maps.Copy(labels, w.labels)
	intent := w.intent(0)
	created := &secretmanagerpb.Secret{
		Labels:      labels,
		Annotations: secretLive{}.declared(nil, w.store.Annotations).annotations(w.record, &intent),
	}
	return created, w.store.fill(w.id, created, secretLive{}, w.cloud.Clock.Now())
}

// takeOver decides whether a secret that is already there is the rest of an interrupted create of this stack.
func (w *secretWrite) takeOver(live secretLive, timeout time.Duration) ([]Notice, error) {
	labels := live.object.GetLabels()
	mine := live.record.Kind == w.record.Kind &&
		w.cloud.Stamp.MayAdopt(labels, labels, w.cloud.Clock.Now(), timeout, false)
	if !mine || !w.cloud.AdoptInterrupted {
		return nil, secretExists(w.id, w.record.Kind)
	}
	if !maps.Equal(live.store().Replicas, w.store.Replicas) {
		return nil, secretOtherReplicas(w.id)
	}
	w.tookOver = true
	return []Notice{{
		Summary: fmt.Sprintf("Went on with the interrupted create of secret %q", w.id.Name),
		Detail: "An earlier run of this stack had begun to create the secret and was interrupted. This run took it over and " +
			"kept what it already held. To have such secrets refused instead, set adopt_interrupted = false in the provider block.",
	}}, nil
}

// secretUnfinished turns a failure after the secret was created into what Terraform shall make of it.
func (c *Cloud) secretUnfinished(ctx context.Context, t secretTarget, notices []Notice, cause error) (SecretState, []Notice, error) {
	read, cancel := secretDetach(ctx)
	defer cancel()
	failed := secretError("finish", t.id, cause)
	state := SecretState{ID: t.id, Exists: true, Recorded: true, Status: SecretCreating, ValueVersion: t.record.ValueVersion, Settings: t.record.Session}
	versions, err := c.secretVersions(read, t.id)
	switch {
	case gcp.IsNotFound(err):
		return SecretState{ID: t.id, Settings: t.record.Session}, nil, failed
	case err == nil && len(versions) == 0:
		return state, nil, failed
	}
	if live, err := c.secretRead(read, t.id, t.record.Kind, SecretKnown{Accessors: t.accessors}); err == nil && live.Exists {
		state = live
	}
	state.Status = SecretCreating
	return state, append(notices, Notice{
		Summary: fmt.Sprintf("Secret %q was created but not finished", t.id.Name),
		Detail: "It is kept, because it may hold the only copy of its value; the next apply goes on from here. " +
			"Until then the attribute status is \"creating\".\n\nReason: " + gcp.Message(cause),
	}), nil
}
