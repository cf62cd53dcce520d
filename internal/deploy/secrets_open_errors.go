package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

func lastPart(name string) string { return name[strings.LastIndex(name, "/")+1:] }

// secretOpenError puts into the user's words why a value could not be read. What the answer leaves open is looked up, as
// far as the caller may.
func (c *Cloud) secretOpenError(ctx context.Context, ref SecretVersionRef, version string, err error) error {
	var damaged *gcp.DamagedValueError
	if errors.As(err, &damaged) {
		return &Error{
			Summary:   fmt.Sprintf("The value of secret %s arrived damaged", names.Quote(ref.ID.Name)),
			Why:       "Its checksum does not match, so nothing of it is used",
			Fix:       "Run again. If it happens again, something between here and Secret Manager changes answers, such as a proxy",
			Attribute: ref.attribute(), Err: err,
		}
	}
	switch gcp.Classify(err) { //nolint:exhaustive // the others say enough with the advice for their kind
	case gcp.PermissionDenied:
		return secretNoAccess(ref, err)
	case gcp.NotFound:
		return c.secretVersionMissing(ctx, ref, version, err)
	case gcp.FailedPrecondition:
		return c.secretVersionUnusable(ctx, ref, version, err)
	}
	return &Error{Summary: fmt.Sprintf("Cannot read the value of secret %s", names.Quote(ref.ID.Name)), Attribute: ref.attribute(), Err: err}
}

// secretCommand is a gcloud command about the secret.
func secretCommand(id names.SecretID, verb, flags string) string {
	scope, _, _ := strings.Cut(id.String(), "/secrets/")
	command := fmt.Sprintf("gcloud secrets %s --project=%s", verb, id.Project)
	if _, location, regional := strings.Cut(scope, "/locations/"); regional {
		command += " --location=" + location
	}
	return strings.TrimSpace(command + " " + flags)
}

func secretNoAccess(ref SecretVersionRef, err error) error {
	return &Error{
		Summary: fmt.Sprintf("May not read the value of secret %s", names.Quote(ref.ID.Name)),
		Why: "The account that Terraform runs as lacks secretmanager.versions.access on it, or the secret does not exist (Google Cloud answers " +
			"both alike)",
		Fix: fmt.Sprintf("Give it the role on this secret alone:\n\n  %s\n\nA role that was granted a few minutes ago may not be effective yet: run again.",
			secretCommand(ref.ID, "add-iam-policy-binding "+ref.ID.Name, "--member=MEMBER --role=roles/secretmanager.secretAccessor")),
		Attribute: ref.attribute(), Err: err,
	}
}

// secretNotSeen is the failure to find out which version is effective.
func secretNotSeen(ref SecretVersionRef, err error) error {
	switch gcp.Classify(err) { //nolint:exhaustive // the others say enough with the advice for their kind
	case gcp.NotFound:
		return secretMissing(ref, err)
	case gcp.PermissionDenied:
		return &Error{
			Summary: fmt.Sprintf("Cannot tell which version of secret %s is the effective one", names.Quote(ref.ID.Name)),
			Why:     "The secret itself says so, and the account that Terraform runs as lacks secretmanager.secrets.get on it (or it does not exist)",
			Fix: fmt.Sprintf("Say which version is wanted, which needs secretmanager.versions.access only: version_id = twelvefactor_secret.NAME.version_id, or "+
				"version = %q. Or give it roles/secretmanager.viewer on %s", names.LatestVersion, ref.ID),
			Attribute: ref.attribute(), Err: err,
		}
	}
	return &Error{Summary: fmt.Sprintf("Cannot read secret %s", names.Quote(ref.ID.Name)), Attribute: ref.attribute(), Err: err}
}

func secretMissing(ref SecretVersionRef, err error) error {
	return &Error{
		Summary: fmt.Sprintf("Secret %s does not exist", names.Quote(ref.ID.Name)),
		Why:     fmt.Sprintf("There is no %s", ref.ID),
		Fix: "Correct the name. If this configuration makes it, use version_id = twelvefactor_secret.NAME.version_id: that is unknown until the " +
			"value is there, so it is read during the apply, after it was made",
		Attribute: ref.attribute(), Err: err,
	}
}

// secretVersionMissing tells a secret that is not there from one that has no such version.
func (c *Cloud) secretVersionMissing(ctx context.Context, ref SecretVersionRef, version string, err error) error {
	_, found := c.GCP.Secrets().Get(ctx, ref.ID.String())
	if gcp.IsNotFound(found) {
		return secretMissing(ref, err)
	}
	told := &Error{
		Summary:   fmt.Sprintf("Secret %s has no version %s", names.Quote(ref.ID.Name), names.Quote(version)),
		Why:       "No version has that number or alias",
		Fix:       fmt.Sprintf("Take one that is there:\n\n  %s", secretCommand(ref.ID, "versions list "+ref.ID.Name, "")),
		Attribute: ref.versionAttribute(), Err: err,
	}
	if version == names.LatestVersion {
		told.Summary = fmt.Sprintf("Secret %s has no version", names.Quote(ref.ID.Name))
		told.Why = "It holds no value yet"
		told.Fix = fmt.Sprintf("Give it one: value_wo and value_wo_version of twelvefactor_secret, or, where others add versions:\n\n  %s",
			secretCommand(ref.ID, "versions add "+ref.ID.Name, "--data-file=FILE"))
	}
	if found != nil {
		told.Why += ". Whether the secret itself exists is not known: the account that Terraform runs as may not see it (secretmanager.secrets.get)"
	}
	return told
}

// secretVersionUnusable tells a disabled version from a destroyed one.
func (c *Cloud) secretVersionUnusable(ctx context.Context, ref SecretVersionRef, version string, err error) error {
	told := &Error{Attribute: ref.versionAttribute(), Err: err}
	live, unseen := c.GCP.SecretVersions().Get(ctx, ref.name(version))
	number := lastPart(live.GetName())
	what := fmt.Sprintf("Version %s of secret %s", number, names.Quote(ref.ID.Name))
	enable := "\n\n  " + secretCommand(ref.ID, "versions enable "+number, "--secret="+ref.ID.Name)
	const otherwise = "read another version, or have the value written again (value_wo_version of twelvefactor_secret, rotation_trigger of " +
		"twelvefactor_session_key)"
	switch state := live.GetState(); {
	case unseen != nil:
		told.Summary = fmt.Sprintf("Version %s of secret %s cannot be used", names.Quote(version), names.Quote(ref.ID.Name))
		told.Why = "It is disabled or destroyed, or the key that encrypts it cannot be used"
		told.Fix = "Enable it, or " + otherwise
	case state == secretmanagerpb.SecretVersion_DESTROYED:
		told.Summary, told.Why = what+" is destroyed", "Its value is gone for good"
		told.Fix = "Set the value anew: " + otherwise
	case state == secretmanagerpb.SecretVersion_DISABLED && live.GetScheduledDestroyTime() != nil:
		told.Summary = what + " is about to be destroyed"
		told.Why = fmt.Sprintf("It is disabled, and Secret Manager destroys it at %s", live.GetScheduledDestroyTime().AsTime().Format(time.RFC3339))
		told.Fix = "If it is still needed, enable it, which also calls the destruction off:" + enable
	case state == secretmanagerpb.SecretVersion_DISABLED:
		told.Summary, told.Why = what+" is disabled", "Somebody switched it off"
		told.Fix = "Enable it, or " + otherwise + ":" + enable
	default:
		told.Summary, told.Why = what+" cannot be read", "It is enabled, so it may be the key that encrypts it: disabled, destroyed, or out of reach for Secret Manager"
		told.Fix = "See to what the original error names"
	}
	return told
}
