package deploy

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// secretSettleTimeout bounds what still has to be read or taken back after the context of the run has ended. An
// interrupted Terraform waits for the provider, and kills it if it takes long.
const secretSettleTimeout = 5 * time.Second

// secretDetach gives the context for finding out what is there: ctx itself, or, when that has ended, a little more time.
func secretDetach(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(context.WithoutCancel(ctx), secretSettleTimeout)
}

// secretRead reads a secret or a session key.
func (c *Cloud) secretRead(ctx context.Context, id names.SecretID, kind string, known SecretKnown) (SecretState, error) {
	live, err := c.secretGet(ctx, id)
	if gcp.IsNotFound(err) {
		return SecretState{ID: id}, nil
	}
	if err != nil {
		return SecretState{}, secretError("read", id, err)
	}
	if live.record.Kind != "" && live.record.Kind != kind {
		return SecretState{}, secretOtherKind(id, live.record.Kind)
	}
	if known.Imported {
		known.Accessors = live.record.Accessors
	}
	state := SecretState{
		ID: id, Exists: true, Recorded: live.record.Kind != "", ValueVersion: live.record.ValueVersion, Labels: live.userLabels(), Settings: live.record.Session,
		KeepVersions: live.record.Keep, Store: live.store(),
	}
	var version secretVersionState
	var enabled []secretVersionState
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		version, enabled, err = c.secretInForce(gctx, id, live, known.version())
		return err
	})
	group.Go(func() (err error) {
		state.Accessors, err = c.secretAccessors(gctx, id, known.Accessors)
		return err
	})
	if err := group.Wait(); err != nil {
		return SecretState{}, secretError("read", id, err)
	}
	if version.enabled {
		state.Version, state.VersionTime = version.number, version.created
	}
	state.SurplusVersions = secretNumbers(live.record.surplus(enabled))
	state.Status = live.status(version, enabled)
	return state, nil
}

func (l secretLive) status(version secretVersionState, enabled []secretVersionState) string {
	switch {
	case l.creating():
		return SecretCreating
	case l.record.Version != 0 && !version.enabled:
		return SecretDegraded
	case l.aliasesChanged(enabled), l.unrecorded():
		return SecretDrifted
	default:
		return SecretReady
	}
}

// unrecorded tells that the provider has made the secret, and somebody has taken its record away.
func (l secretLive) unrecorded() bool {
	return l.record.Kind == "" && l.object.GetLabels()[names.LabelManagedBy] != ""
}

// secretInForce gives all enabled versions, and of these the effective one: the recorded one; the one that
// the caller knows for it where the record was taken away; or the newest.
func (c *Cloud) secretInForce(ctx context.Context, id names.SecretID, live secretLive, known int64) (effective secretVersionState, enabled []secretVersionState, err error) {
	if live.record.Kind != "" && live.record.Version == 0 {
		return effective, nil, nil
	}
	if enabled, err = c.secretEnabled(ctx, id); err != nil || len(enabled) == 0 {
		return effective, nil, err
	}
	want := live.record.Version
	if live.record.Kind == "" {
		effective = enabled[0]
	}
	if live.unrecorded() {
		want = known
	}
	for _, v := range enabled {
		if v.id == want {
			effective = v
		}
	}
	return effective, enabled, nil
}

// secretEffective finds the effective version in the same way, without a look at the others where it is recorded.
func (c *Cloud) secretEffective(ctx context.Context, id names.SecretID, live secretLive, known int64) (secretVersionState, error) {
	if live.record.Kind != "" {
		return c.secretVersion(ctx, id, live.record.Version)
	}
	effective, _, err := c.secretInForce(ctx, id, live, known)
	return effective, err
}

func (c *Cloud) secretGet(ctx context.Context, id names.SecretID) (secretLive, error) {
	object, err := c.GCP.Secrets().Get(ctx, id.String())
	if err != nil {
		return secretLive{}, err
	}
	return newSecretLive(id, object), nil
}

// secretVersion reads one version; the zero state when there is none of that number.
func (c *Cloud) secretVersion(ctx context.Context, id names.SecretID, number int64) (secretVersionState, error) {
	if number == 0 {
		return secretVersionState{}, nil
	}
	v, err := c.GCP.SecretVersions().Get(ctx, secretVersionName(id, number))
	switch {
	case gcp.IsNotFound(err):
		return secretVersionState{}, nil
	case err != nil:
		return secretVersionState{}, err
	default:
		return newSecretVersionState(v)
	}
}

// secretVersions lists all versions, newest first.
func (c *Cloud) secretVersions(ctx context.Context, id names.SecretID) ([]secretVersionState, error) {
	return c.secretList(ctx, id, "")
}

// secretEnabled lists the enabled versions, newest first.
func (c *Cloud) secretEnabled(ctx context.Context, id names.SecretID) ([]secretVersionState, error) {
	return c.secretList(ctx, id, "state:ENABLED")
}

func (c *Cloud) secretList(ctx context.Context, id names.SecretID, filter string) ([]secretVersionState, error) {
	list, err := c.GCP.SecretVersions().List(ctx, id.String(), filter)
	if err != nil {
		return nil, err
	}
	all := make([]secretVersionState, 0, len(list))
	for _, v := range list {
		state, err := newSecretVersionState(v)
		if err != nil {
			return nil, err
		}
		all = append(all, state)
	}
	slices.SortFunc(all, func(a, b secretVersionState) int { return cmp.Compare(b.id, a.id) })
	return all, nil
}

// secretAbove lists the enabled versions with a number above base, newest first.
func (c *Cloud) secretAbove(ctx context.Context, id names.SecretID, base int64) ([]secretVersionState, error) {
	all, err := c.secretVersions(ctx, id)
	return slices.DeleteFunc(all, func(v secretVersionState) bool { return v.id <= base || !v.enabled }), err
}

func secretNewest(versions []secretVersionState) int64 {
	if len(versions) == 0 {
		return 0
	}
	return versions[0].id
}

func (c *Cloud) secretAccess(ctx context.Context, id names.SecretID, number int64) (secret.Bytes, error) {
	return c.GCP.SecretVersions().Access(ctx, secretVersionName(id, number))
}

func secretVersionName(id names.SecretID, number int64) string {
	return id.Version(strconv.FormatInt(number, 10)).String()
}
