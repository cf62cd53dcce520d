package deploy

import (
	"context"
	rand "crypto/rand"
	"encoding/hex"
	"errors"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

const (
	// secretAddTimeout bounds one AddSecretVersion. It is shorter than secretLease, so that a run that still holds its
	// intent has either added its version or given up before another run takes over.
	secretAddTimeout = 30 * time.Second
	// secretLease is how long an intent that adds nothing is respected, measured by whoever waits for it.
	secretLease = 45 * time.Second
	// secretIntentAge is the age, by the writers' clocks, at which an intent is abandoned without waiting: long enough
	// for clocks that disagree.
	secretIntentAge = 10 * time.Minute
	// secretAdds bounds the attempts to add one version: each one after the first only when a reading has shown that
	// the one before had no effect.
	secretAdds = 3
)

// secretVerdict is what becomes of a version that was found above another run's intent.
type secretVerdict int

const (
	// secretSupersede leaves the version alone: it was for something that is no longer wanted.
	secretSupersede secretVerdict = iota
	// secretAdopt makes it the effective version.
	secretAdopt
	// secretStop gives up: the version is for what is wanted and holds something else.
	secretStop
)

// secretChange makes the payload of a secret's next version, and recognises what interrupted and concurrent runs have
// made already.
type secretChange interface {
	// done tells whether a record says that another run has brought about what this change is for.
	done(secretRecord) bool
	// payload is what the next version shall hold.
	payload(context.Context, *secretWrite, secretLive) (secret.Bytes, error)
	// judge looks at a version that was found above the base of an intent.
	judge(ctx context.Context, w *secretWrite, live secretLive, found secret.Bytes) (secretVerdict, error)
}

// secretWrite brings one secret to its target.
type secretWrite struct {
	cloud *Cloud
	secretTarget
	nonce string
	// tookOver tells that an interrupted create is gone on with.
	tookOver bool
	// marked leaves the creating mark on in commit.
	marked bool
	// abandoned is the nonce of an intent of another run that may be overwritten.
	abandoned string
	next      secret.Bytes // the payload that was announced
	// sent tells that the announced version may have been added.
	sent bool
	// made is the version that this run has added, and superseded the one that was effective before.
	made, superseded int64
	// seen are the versions that there were before one was added; nil when nobody has looked.
	seen map[int64]secretVersionState
}

func newSecretWrite(c *Cloud, t secretTarget) *secretWrite {
	nonce := make([]byte, 8)
	// Not Cloud.Rand: the nonce is written where everybody can read it, and no byte of that source may be.
	_, _ = rand.Read(nonce) // crypto/rand never fails: https://pkg.go.dev/crypto/rand#Read
	t.record.Accessors = t.accessors
	return &secretWrite{cloud: c, secretTarget: t, nonce: hex.EncodeToString(nonce)}
}

// bring grants, adds and commits, in this order: everything that may be refused comes before the version, so that a
// version is never left without the write that makes it effective for longer than one call.
func (w *secretWrite) bring(ctx context.Context) (version int64, err error) {
	if err := w.cloud.secretGrant(ctx, w.id, w.accessors); err != nil {
		return 0, err
	}
	if w.change != nil {
		if version, err = w.advance(ctx); err != nil {
			return version, secretRefused(w.id, w.store, err)
		}
	}
	version, err = w.commit(ctx, version)
	return version, secretRefused(w.id, w.store, err)
}

// advance makes sure that the version that the change is for exists exactly once, and returns its number. Writers are
// kept apart by the intent annotation, which is written with the secret's etag.
func (w *secretWrite) advance(ctx context.Context) (version int64, err error) {
	err = w.rounds(ctx, func(ctx context.Context) (bool, error) {
		live, err := w.cloud.secretGet(ctx, w.id)
		if err != nil {
			return false, err
		}
		if done, err := w.done(ctx, live); done || err != nil {
			version = live.record.Version
			return done, err
		}
		switch {
		case live.intent != nil && live.intent.Nonce == w.nonce:
			version, err = w.add(ctx, live)
			return true, err
		case live.intent != nil && live.intent.Nonce != w.abandoned:
			return false, w.settle(ctx, live)
		default:
			return false, w.begin(ctx, live)
		}
	})
	if err != nil && !w.next.IsZero() && !w.sent {
		w.release(ctx)
	}
	return version, err
}

// done tells whether another run, or an earlier one, has already brought about what this one is for.
func (w *secretWrite) done(ctx context.Context, live secretLive) (bool, error) {
	if live.record.Version == 0 || !w.change.done(live.record) {
		return false, nil
	}
	v, err := w.cloud.secretVersion(ctx, w.id, live.record.Version)
	if err != nil || !v.enabled {
		return false, err
	}
	given, ok := w.change.(*secretValueChange)
	if !ok || !w.tookOver {
		return true, nil
	}
	// The interrupted run may have been given another value under the same name, and no state has heard of it.
	found, err := w.cloud.secretAccess(ctx, w.id, v.id)
	if err != nil {
		return false, secretUnsettled(w.id, v.number, err)
	}
	return found.Equal(given.value), nil
}

// begin announces the version.
func (w *secretWrite) begin(ctx context.Context, live secretLive) error {
	payload, err := w.change.payload(ctx, w, live)
	if err != nil {
		return err
	}
	versions, err := w.cloud.secretVersions(ctx, w.id)
	if err != nil {
		return err
	}
	w.look(live, versions)
	if err := w.roomForAliases(live); err != nil {
		return err
	}
	intent := w.intent(secretNewest(versions))
	w.next = payload
	// The settings go along: a key holds for versions that are added afterwards, and what is refused of them must be refused
	// before there is a version.
	wanted := &secretmanagerpb.Secret{
		Annotations: live.declared(w.known.Annotations, w.store.Annotations).annotations(live.record, &intent),
	}
	if err := w.store.fill(w.id, wanted, live, w.cloud.Clock.Now()); err != nil {
		return err
	}
	return w.cloud.secretPut(ctx, live, wanted, append(secretStoreMask(live.object, wanted), "annotations")...)
}

// intent leaves out what the live record keeps anyway: both annotations share one limit.
func (w *secretWrite) intent(base int64) secretIntent {
	record := w.record
	record.Accessors, record.Own = nil, nil
	return secretIntent{Base: base, Record: record, Nonce: w.nonce, At: w.cloud.Clock.Now().Unix()}
}

// add adds the announced version and settles a lost answer by reading.
func (w *secretWrite) add(ctx context.Context, live secretLive) (int64, error) {
	if w.next.IsZero() { // the intent came with the secret's creation
		payload, err := w.change.payload(ctx, w, live)
		if err != nil {
			return 0, err
		}
		w.next = payload
	}
	w.sent = true
	var err error
	for range secretAdds {
		var added addedVersion
		if added, err = w.addOnce(ctx); err == nil {
			w.made = added.id
			return added.id, w.verify(ctx, live, added)
		}
		if !gcp.Ambiguous(err) {
			w.sent = false
			return 0, err
		}
		found, readErr := w.find(ctx, live.intent.Base)
		if readErr != nil {
			return 0, readErr
		}
		if found != 0 {
			w.made = found
			return found, nil
		}
		if ctx.Err() != nil || secretInFlight(err) {
			break
		}
	}
	return 0, err
}

// secretInFlight tells whether the server may still be working on the call that failed, because it was this side that gave
// up: then not even a reading settles it, and the intent stays until it is old.
func secretInFlight(err error) bool {
	code := status.Code(err)
	return code == codes.DeadlineExceeded || code == codes.Canceled || errors.Is(err, context.DeadlineExceeded)
}

func (w *secretWrite) addOnce(ctx context.Context) (addedVersion, error) {
	ctx, cancel := context.WithTimeout(ctx, secretAddTimeout)
	defer cancel()
	v, err := w.cloud.GCP.SecretVersions().Add(ctx, w.id.String(), w.next)
	if err != nil {
		return addedVersion{}, err
	}
	added, err := newSecretVersionState(v)
	return addedVersion{added, v.GetClientSpecifiedPayloadChecksum()}, err
}

// find looks for the version that this very run may have added: the newest enabled one above base with the same payload.
func (w *secretWrite) find(ctx context.Context, base int64) (int64, error) {
	ctx, cancel := secretDetach(ctx)
	defer cancel()
	found, err := w.cloud.secretAbove(ctx, w.id, base)
	if err != nil {
		return 0, err
	}
	for _, v := range found {
		payload, err := w.cloud.secretAccess(ctx, w.id, v.id)
		if err != nil {
			return 0, secretUnsettled(w.id, v.number, err)
		}
		if payload.Equal(w.next) {
			return v.id, nil
		}
	}
	return 0, nil
}

// release takes the intent back when it is certain that the version was not added. It is best effort: an intent that stays
// is settled by the next run.
func (w *secretWrite) release(ctx context.Context) {
	ctx, cancel := secretDetach(ctx)
	defer cancel()
	live, err := w.cloud.secretGet(ctx, w.id)
	if err != nil || live.intent == nil || live.intent.Nonce != w.nonce {
		return
	}
	_ = w.cloud.secretAnnotate(ctx, live, live.annotations(live.record, nil))
}
