package deploy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// How many of the versions that the provider made stay enabled. Below two, the version that an apply supersedes would
// have to go while what still serves may start a new instance with it.
const (
	MinKeepVersions     = 2
	DefaultKeepVersions = 3
	MaxKeepVersions     = 50
)

const (
	// secretOwnLimit bounds the list of versions made by the provider. Those that fall off it stay enabled.
	secretOwnLimit = 2 * MaxKeepVersions
	// secretRetireTimeout bounds the retirement of one version: it comes after everything that others wait for.
	secretRetireTimeout = 30 * time.Second
	// secretMaxAliases is what a secret takes. Source: google.cloud.secretmanager.v1.Secret.version_aliases.
	secretMaxAliases = 50
)

// The aliases that the provider keeps on a secret: the effective version, and the one before it.
const (
	secretCurrentAlias  = "current"
	secretPreviousAlias = "previous"
)

// secretRetireBackoff is the pause between attempts to retire a version; the version's etag makes a repetition safe.
var secretRetireBackoff = gcp.Backoff{Initial: 100 * time.Millisecond, Max: time.Second, Factor: 2, Attempts: 3}

// managesVersions tells whether the provider is the one who decides which version is in force. A secret whose value is
// no longer managed is others' business: nothing of it is retired, and its aliases stay as they are.
func (r secretRecord) managesVersions() bool {
	return r.Version != 0 && (r.Kind == sessionKeyKind || r.ValueVersion != "")
}

// succeed is the given record with version as the effective one, and with what the live record knows of the versions
// before. made tells that the provider has made this version.
func (l secretLive) succeed(r secretRecord, version int64, made bool) secretRecord {
	r.Version, r.Own = version, l.record.Own
	if version == l.record.Version {
		r.Previous = l.record.Previous
	}
	if made && !slices.Contains(r.Own, version) {
		r.Own = append(slices.Clone(r.Own), version)
	}
	r.Own = r.Own[max(0, len(r.Own)-secretOwnLimit):]
	return r
}

// surplus are the versions to be retired, newest first: made by the provider, enabled, older than the newest Keep of
// these, and none of those that are spared.
func (r secretRecord) surplus(enabled []secretVersionState, spared ...int64) []secretVersionState {
	if !r.managesVersions() || r.Keep < MinKeepVersions {
		return nil
	}
	spared = append(spared, r.Version, r.Previous)
	own := slices.DeleteFunc(slices.Clone(enabled), func(v secretVersionState) bool { return !slices.Contains(r.Own, v.id) })
	own = own[min(r.Keep, len(own)):]
	return slices.DeleteFunc(own, func(v secretVersionState) bool { return slices.Contains(spared, v.id) })
}

// precede finds the version that stands before the one that is about to be added: the effective one, or, if that was
// disabled or destroyed by hand, the newest that came before it and can still be read.
func (l secretLive) precede(versions []secretVersionState) int64 {
	newest := l.record.Version
	for _, v := range versions {
		if v.enabled && (newest == 0 && l.record.Kind == "" || v.id <= newest) {
			return v.id
		}
	}
	return 0
}

// look notes what has to be known of the versions before one is added.
func (w *secretWrite) look(live secretLive, versions []secretVersionState) {
	w.record.Previous = live.precede(versions)
	w.see(versions)
}

func (w *secretWrite) see(versions []secretVersionState) {
	w.seen = map[int64]secretVersionState{}
	for _, v := range versions {
		w.seen[v.id] = v
	}
}

// forget takes the versions that are on their way to destruction off the list of the provider's own: it has nothing to
// do with them any more, and who calls the destruction off has a reason to keep them.
func (w *secretWrite) forget(own []int64) []int64 {
	return slices.DeleteFunc(slices.Clone(own), func(n int64) bool {
		v, seen := w.seen[n]
		return seen && (v.destroyed || v.scheduled)
	})
}

// aliases are the live ones with ours where the record says. An alias of ours never points at a version that is known
// to be destroyed: no page says whether the API takes that, and who reads by it would be no better off.
func (w *secretWrite) aliases(ctx context.Context, live secretLive, r secretRecord) (map[string]int64, error) {
	wanted := maps.Clone(live.object.GetVersionAliases())
	if !r.managesVersions() {
		return wanted, nil
	}
	if wanted == nil {
		wanted = map[string]int64{}
	}
	wanted[secretCurrentAlias] = r.Version
	if r.Previous != 0 && wanted[secretPreviousAlias] != r.Previous {
		v, seen := w.seen[r.Previous]
		if !seen {
			var err error
			if v, err = w.cloud.secretVersion(ctx, w.id, r.Previous); err != nil {
				return nil, err
			}
		}
		wanted[secretPreviousAlias] = r.Previous
		if v.id == 0 || v.destroyed {
			delete(wanted, secretPreviousAlias)
		}
	}
	return wanted, checkSecretAliases(w.id, wanted)
}

// roomForAliases refuses early what the write that makes a version effective would have to refuse.
func (w *secretWrite) roomForAliases(live secretLive) error {
	wanted := maps.Clone(live.object.GetVersionAliases())
	if wanted == nil {
		return nil
	}
	wanted[secretCurrentAlias] = 0
	if w.record.Previous != 0 {
		wanted[secretPreviousAlias] = 0
	}
	return checkSecretAliases(w.id, wanted)
}

func checkSecretAliases(id names.SecretID, wanted map[string]int64) error {
	if len(wanted) <= secretMaxAliases {
		return nil
	}
	return secretAliasesFull(id)
}

// aliasesChanged tells whether somebody has moved or taken away an alias of ours. One that stood at a version that is
// gone has nothing to go back to.
func (l secretLive) aliasesChanged(enabled []secretVersionState) bool {
	r, aliases := l.record, l.object.GetVersionAliases()
	if !r.managesVersions() {
		return false
	}
	usable := func(n int64) bool {
		return slices.ContainsFunc(enabled, func(v secretVersionState) bool { return v.id == n })
	}
	return aliases[secretCurrentAlias] != r.Version && usable(r.Version) ||
		aliases[secretPreviousAlias] != r.Previous && usable(r.Previous)
}

// retire takes out of service what is beyond keep_versions. Everything else is done by then, so a failure is a notice:
// what depends on the new version must not be held up by the old ones. The next read finds what is left.
func (w *secretWrite) retire(ctx context.Context) []Notice {
	if !w.record.managesVersions() || len(w.record.Own) <= w.record.Keep || w.record.Keep < MinKeepVersions || ctx.Err() != nil {
		return nil
	}
	live, err := w.cloud.secretGet(ctx, w.id)
	if err != nil {
		return secretNotRetired(w.id, nil, err)
	}
	enabled, err := w.cloud.secretEnabled(ctx, w.id)
	if err != nil {
		return secretNotRetired(w.id, nil, err)
	}
	surplus := live.record.surplus(enabled, w.superseded, w.known.version())
	delay := live.object.GetVersionDestroyTtl().AsDuration()
	var disabled []string
	for i, v := range slices.Backward(surplus) {
		if err := w.retireOne(ctx, v, delay); err != nil {
			return append(secretOnlyDisabled(w.id, disabled), secretNotRetired(w.id, surplus[:i+1], err)...)
		}
		if delay <= 0 {
			disabled = append(disabled, v.number)
		}
	}
	return secretOnlyDisabled(w.id, disabled)
}

// retireOne disables a version and has Google destroy it after the secret's delay. Without a delay destruction would be
// at once and for good, so the version is only disabled. The version's etag keeps the call from hitting one that somebody
// has changed meanwhile: scheduled again, a destruction would be put off.
func (w *secretWrite) retireOne(ctx context.Context, v secretVersionState, delay time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, secretRetireTimeout)
	defer cancel()
	call := w.cloud.GCP.SecretVersions().DestroyUnchanged
	if delay <= 0 {
		call = w.cloud.GCP.SecretVersions().DisableUnchanged
	}
	return gcp.Retry(ctx, w.cloud.Clock, secretRetireBackoff, gcp.Ambiguous, func(ctx context.Context) error {
		_, err := call(ctx, secretVersionName(w.id, v.id), v.etag)
		if err == nil {
			return nil
		}
		now, readErr := w.cloud.secretVersion(ctx, w.id, v.id)
		if readErr == nil && !now.enabled { // an answer was lost, or another run was first
			return nil
		}
		return err
	})
}

// version is the number of the version that the state took for the effective one, 0 when it knew of none.
func (k SecretKnown) version() (n int64) {
	_, _ = fmt.Sscan(k.Version, &n)
	return n
}

// secretNumbers are the numbers of versions, oldest first.
func secretNumbers(versions []secretVersionState) []string {
	var numbers []string
	for _, v := range slices.Backward(versions) {
		numbers = append(numbers, v.number)
	}
	return numbers
}

// secretNotRetired tells which versions are still enabled and why. Without versions it is not known which.
func secretNotRetired(id names.SecretID, versions []secretVersionState, err error) []Notice {
	which := "Old versions"
	if numbers := secretNumbers(versions); len(numbers) == 1 {
		which = "Version " + numbers[0]
	} else if len(numbers) > 1 {
		which = "Versions " + strings.Join(numbers, ", ")
	}
	detail := which + " beyond keep_versions could not be retired, and stayed enabled. Nothing else is missing: the next refresh shows the " +
		"numbers in surplus_versions, and the next apply tries again."
	if fix := secretRemedy(id, err); fix != "" {
		detail += "\n\n" + fix
	}
	return []Notice{{
		Summary: fmt.Sprintf("Old versions of secret %s are still enabled", names.Quote(id.Name)),
		Detail:  detail + "\n\nReason: " + gcp.Message(err),
	}}
}

// secretOnlyDisabled tells that versions were not destroyed.
func secretOnlyDisabled(id names.SecretID, numbers []string) []Notice {
	if len(numbers) == 0 {
		return nil
	}
	return []Notice{{
		Summary: fmt.Sprintf("Old versions of secret %s were disabled, not destroyed", names.Quote(id.Name)),
		Detail: fmt.Sprintf("The secret has no version_destroy_ttl, so that destroying would be at once and for good. Disabled: %s. They can be "+
			"enabled again, and are billed until somebody destroys them.", strings.Join(numbers, ", ")),
	}}
}
