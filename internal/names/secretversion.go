package names

import (
	"fmt"
	"regexp"
)

// LatestVersion is the version that Secret Manager gives for "the one that was created last", whatever its state.
const LatestVersion = "latest"

// aliasForm is that of a version alias.
// Source: google.cloud.secretmanager.v1.Secret.version_aliases.
var aliasForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,62}$`)

// CheckSecretVersion accepts what one version of a secret can be asked for by: its number, an alias, or "latest".
func CheckSecretVersion(version string) error {
	if numberForm.MatchString(version) || aliasForm.MatchString(version) {
		return nil
	}
	return fmt.Errorf("version %s is neither a number nor an alias (a letter, then up to 62 letters, digits, \"-\" and \"_\"); for example %q "+
		"or %q", Quote(version), "3", LatestVersion)
}
