package deploy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// secretNouns are the names of the resources by secretRecord.Kind.
var secretNouns = map[string]string{secretKind: "twelvefactor_secret", sessionKeyKind: "twelvefactor_session_key"}

// secretError puts a failure into the user's words. What already is in them stays.
func secretError(verb string, id names.SecretID, err error) error {
	var told *Error
	if err == nil || errors.As(err, &told) {
		return err
	}
	if gcp.IsNotFound(err) && verb != secretCreateVerb {
		return secretGone(verb, id, err)
	}
	return &Error{Summary: fmt.Sprintf("Cannot %s secret %s", verb, names.Quote(id.Name)), Fix: secretRemedy(id, err), Err: err}
}

// secretCreateVerb is the one verb for which what is not found is not the secret.
const secretCreateVerb = "create"

// secretGone says that the secret went away in the middle of a run, which began by finding it.
func secretGone(verb string, id names.SecretID, err error) error {
	return &Error{
		Summary: fmt.Sprintf("Cannot %s secret %s: it is gone", verb, names.Quote(id.Name)),
		Why:     fmt.Sprintf("%s was deleted, by somebody else, after this run had looked at it", id),
		Fix: "Apply again: the refresh sees that it is gone, and the plan creates it anew, with the value given then. Versions of a deleted " +
			"secret cannot be brought back",
		Err: err,
	}
}

// secretExists refuses to take over a secret that is there and finished.
func secretExists(id names.SecretID, kind string) error {
	return &Error{
		Summary: fmt.Sprintf("Secret %s already exists", names.Quote(id.Name)),
		Why: fmt.Sprintf("%s was there before, and it is not the rest of an interrupted create of this stack. Another state, or a person, "+
			"may own it, so it is not taken over silently", id),
		Fix:       fmt.Sprintf("Choose another name, or import it:\n\nimport {\n  to = %s.NAME\n  id = %q\n}", secretNouns[kind], id.String()),
		Attribute: []string{"name"},
	}
}

// secretOtherReplicas refuses to go on with an interrupted create that has put the secret elsewhere.
func secretOtherReplicas(id names.SecretID) error {
	return &Error{
		Summary: fmt.Sprintf("Secret %s was begun in other locations", names.Quote(id.Name)),
		Why:     fmt.Sprintf("An interrupted run of this stack has created %s with other replicas, which cannot change. No value was added now", id),
		Fix: fmt.Sprintf("Set replicas back to what they were then, or delete what that run left, if nothing uses it:\n\n  gcloud secrets delete %s --project=%s",
			id.Name, id.Project),
		Attribute: []string{"replicas"},
	}
}

// secretOtherKind refuses to treat a session key as a secret, or a secret as a session key.
func secretOtherKind(id names.SecretID, kind string) error {
	noun, known := secretNouns[kind]
	if !known {
		noun = "resource of a newer version of the provider"
	}
	return &Error{
		Summary:   fmt.Sprintf("Secret %s is another kind of object", names.Quote(id.Name)),
		Why:       fmt.Sprintf("%s is managed as a %s", id, noun),
		Fix:       "Use that resource for it, or choose another name",
		Attribute: []string{"name"},
	}
}

// secretGcloud are the flags by which gcloud finds a secret.
func secretGcloud(id names.SecretID) string {
	if id.Location != "" {
		return fmt.Sprintf("--secret=%s --location=%s --project=%s", id.Name, id.Location, id.Project)
	}
	return fmt.Sprintf("--secret=%s --project=%s", id.Name, id.Project)
}

// secretForeignVersion stops where a version was found that an interrupted run may have added, with another value.
func secretForeignVersion(id names.SecretID, number string) error {
	return &Error{
		Summary: fmt.Sprintf("Secret %s holds a version that cannot be attributed", names.Quote(id.Name)),
		Why: fmt.Sprintf("An interrupted run had announced a new version. Version %s is newer than that and holds something else than "+
			"what was announced, so adopting it or adding one more could both be wrong", number),
		Fix: fmt.Sprintf("If version %[1]s is not wanted, disable it (gcloud secrets versions disable %[1]s %[2]s) and apply again. For a "+
			"twelvefactor_secret, changing value_wo_version also goes on, with the value given now", number, secretGcloud(id)),
	}
}

// secretUnsettled stops where it cannot be found out whether a version is the one that was announced.
func secretUnsettled(id names.SecretID, number string, err error) error {
	if gcp.Classify(err) != gcp.PermissionDenied {
		return err
	}
	return &Error{
		Summary: fmt.Sprintf("Cannot tell whether secret %s has its new version", names.Quote(id.Name)),
		Why: fmt.Sprintf("An answer was lost or a run was interrupted while a version was being added, and version %s appeared. To adopt it, "+
			"or to be sure that it is not the one, the provider has to compare it, and it may not read it. The effective version is the one from before", number),
		Fix: secretAccessFix(id, number),
		Err: err,
	}
}

// secretAliasesFull stops before a version is added that could not be given its alias.
func secretAliasesFull(id names.SecretID) error {
	return &Error{
		Summary: fmt.Sprintf("Secret %s has no room for the aliases current and previous", names.Quote(id.Name)),
		Why: fmt.Sprintf("%s has %d aliases of others, which is all that Secret Manager allows, and the provider keeps the aliases %q (the version "+
			"in force) and %q (the one before it). Nothing was changed", id, secretMaxAliases, secretCurrentAlias, secretPreviousAlias),
		Fix: fmt.Sprintf("Remove aliases that are not needed, and apply again:\n\n  gcloud secrets update %s --project=%s --remove-version-aliases=ALIAS",
			id.Name, id.Project),
	}
}

// secretAccessorError shows a failed grant at the attribute.
func secretAccessorError(id names.SecretID, err error) error {
	if err == nil {
		return nil
	}
	if missing := missingMember(err, "accessors"); missing != nil {
		return missing
	}
	if gcp.IsNotFound(err) {
		return secretGone("change who may read", id, err)
	}
	return &Error{
		Summary:   fmt.Sprintf("Cannot change who may read secret %s", names.Quote(id.Name)),
		Fix:       secretRemedy(id, err),
		Attribute: []string{"accessors"},
		Err:       err,
	}
}

// missingMember puts into the user's words that IAM does not know a member that the attribute names; nil for any other
// error.
func missingMember(err error, attribute ...string) error {
	var missing *gcp.MissingMemberError
	if !errors.As(err, &missing) {
		return nil
	}
	last := attribute[len(attribute)-1]
	told := &Error{
		Why: fmt.Sprintf("It is among the %s, and IAM has not known it for %.0f minutes, in which a new one becomes known", last,
			gcp.MemberGrace.Minutes()),
		Fix: "Correct the name, or create it first (a reference or depends_on makes Terraform wait)", Attribute: attribute, Err: missing.Err,
	}
	email, account := strings.CutPrefix(missing.Member, "serviceAccount:")
	switch {
	case missing.Member == "":
		told.Summary = "A member of the policy does not exist"
		told.Why = fmt.Sprintf("IAM takes no policy with a member that it does not know, and names none of the %s", last)
		told.Fix = fmt.Sprintf("Correct the name that the original error gives, or create it first. If it is not among the %s, somebody "+
			"else granted it a role: take it out of the policy", last)
	case account && !strings.Contains(email, "["):
		told.Summary = fmt.Sprintf("Service account %s does not exist", email)
	default:
		told.Summary = fmt.Sprintf("Member %s does not exist", missing.Member)
	}
	return told
}
