package deploy

import (
	"context"
	"errors"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// secretRounds bounds the rounds of reading and writing that one step takes without an error.
const secretRounds = 20

// secretBackoff is the pause after a round whose write was lost or met another writer.
var secretBackoff = gcp.Backoff{Initial: 100 * time.Millisecond, Max: 5 * time.Second, Factor: 2, Attempts: 10}

var (
	// errSecretContended ends a step that others kept from being done.
	errSecretContended = errors.New("other writers changed the secret again and again")
	// errSecretChanged is a write whose etag was no longer current.
	errSecretChanged = errors.New("the secret was changed by another writer in between")
	// errSecretOvertaken ends a run that was so slow that another one took its turn.
	errSecretOvertaken = errors.New("another run took over while this one was adding a version")
)

// rounds repeats a step of reading and writing until it is done. Answers get lost and others write too: what is there
// then is seen by the next round's reading. An error together with done is final.
func (w *secretWrite) rounds(ctx context.Context, step func(context.Context) (done bool, err error)) error {
	var final error
	again := func(err error) bool {
		return ctx.Err() == nil &&
			(errors.Is(err, errSecretChanged) || gcp.Classify(err) == gcp.Conflict || gcp.Ambiguous(err))
	}
	err := gcp.Retry(ctx, w.cloud.Clock, secretBackoff, again, func(ctx context.Context) error {
		for range secretRounds {
			done, err := step(ctx)
			if done {
				final = err
				return nil
			}
			if err != nil {
				return err
			}
		}
		final = errSecretContended
		return nil
	})
	return errors.Join(err, final)
}

// secretAnnotate replaces the annotations, if nobody has written since live was read.
func (c *Cloud) secretAnnotate(ctx context.Context, live secretLive, annotations map[string]string) error {
	return c.secretPut(ctx, live, &secretmanagerpb.Secret{Annotations: annotations}, "annotations")
}

// secretPut is a compare and set by the etag of live. Secret Manager answers a stale etag with ABORTED or
// FAILED_PRECONDITION; the latter has other reasons too, so a reading decides.
func (c *Cloud) secretPut(ctx context.Context, live secretLive, wanted *secretmanagerpb.Secret, mask ...string) error {
	wanted.Name, wanted.Etag = live.id.String(), live.object.GetEtag()
	_, err := c.GCP.Secrets().Update(ctx, wanted, mask...)
	if err == nil || gcp.Classify(err) != gcp.FailedPrecondition {
		return err
	}
	now, readErr := c.secretGet(ctx, live.id)
	if readErr == nil && now.object.GetEtag() != live.object.GetEtag() {
		return errors.Join(errSecretChanged, err)
	}
	return err
}
