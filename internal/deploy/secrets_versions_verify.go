package deploy

import (
	"context"
	"fmt"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// addedVersion is the answer to an AddSecretVersion.
type addedVersion struct {
	secretVersionState
	// confirmed tells that the server has compared the payload with the checksum that was sent along.
	// Source: google.cloud.secretmanager.v1.SecretVersion.client_specified_payload_checksum.
	confirmed bool
}

// verify makes sure that the version holds what was sent, before anything is made to use it. A server that does not say
// that it has checked is not believed: the payload is read back. A version that holds something else is disabled and
// its announcement taken back, so that the next apply adds another; the effective version was not touched.
func (w *secretWrite) verify(ctx context.Context, live secretLive, added addedVersion) error {
	if added.confirmed {
		return nil
	}
	ctx, cancel := secretDetach(ctx)
	defer cancel()
	stored, err := w.cloud.secretAccess(ctx, w.id, added.id)
	if err != nil {
		return secretUnverified(w.id, added.number, live.record.Version, err)
	}
	if stored.Equal(w.next) {
		return nil
	}
	w.sent, w.made = false, 0
	_, err = w.cloud.GCP.SecretVersions().Disable(ctx, secretVersionName(w.id, added.id))
	return secretDamaged(w.id, added.number, live.record.Version, err)
}

// secretStays says which version is the effective one after all.
func secretStays(effective int64) string {
	if effective == 0 {
		return "No version is effective yet"
	}
	return fmt.Sprintf("Version %d is still the effective one", effective)
}

// secretDamaged stops where a version was stored that holds something else than what was sent. disable is how
// disabling it went.
func secretDamaged(id names.SecretID, number string, effective int64, disable error) error {
	e := &Error{
		Summary: fmt.Sprintf("The new version of secret %s was damaged on its way", names.Quote(id.Name)),
		Why: fmt.Sprintf("Version %s holds something else than what was sent: its checksum does not match. Nothing was given that version, and it "+
			"was disabled. %s", number, secretStays(effective)),
		Fix: "Apply again: another version is added. If that happens again, look at what stands between this machine and " +
			"secretmanager.googleapis.com, such as a proxy",
		Err: disable,
	}
	if disable != nil {
		e.Why = fmt.Sprintf("Version %s holds something else than what was sent: its checksum does not match. Nothing was given that version, but "+
			"it could not be disabled. %s", number, secretStays(effective))
		e.Fix = fmt.Sprintf("Disable it, and apply again:\n\n  %s", secretDisableCommand(id, number))
	}
	return e
}

// secretUnverified stops where it cannot be found out whether a version holds what was sent.
func secretUnverified(id names.SecretID, number string, effective int64, err error) error {
	e := &Error{
		Summary: fmt.Sprintf("Cannot verify the new version of secret %s", names.Quote(id.Name)),
		Why: fmt.Sprintf("The server did not confirm the checksum of version %s, and the version could not be read back, so it was not put in force. %s",
			number, secretStays(effective)),
		Fix: "Apply again: the version is compared then, and put in force if it is right",
		Err: err,
	}
	if gcp.Classify(err) == gcp.PermissionDenied {
		e.Fix = secretAccessFix(id, number)
	}
	return e
}

func secretDisableCommand(id names.SecretID, number string) string {
	return fmt.Sprintf("gcloud secrets versions disable %s --secret=%s --project=%s", number, id.Name, id.Project)
}
