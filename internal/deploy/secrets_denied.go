package deploy

import (
	"fmt"
	"strings"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// secretRoles are the narrowest predefined roles that have a permission. The first prefix that fits counts.
// Source: https://cloud.google.com/iam/docs/roles-permissions/secretmanager.
var secretRoles = []struct{ prefix, role string }{
	{secretAccessPermission, secretAccessorRole},
	{"secretmanager.versions.", "roles/secretmanager.secretVersionManager"},
	{"secretmanager.secrets.get", "roles/secretmanager.viewer"}, // and getIamPolicy
	{"secretmanager.secrets.list", "roles/secretmanager.viewer"},
	{"secretmanager.", "roles/secretmanager.admin"},
}

const secretAccessPermission = "secretmanager.versions.access"

// secretRemedy says which permission is missing on what, and how to get it; for other causes what remedy says.
func secretRemedy(id names.SecretID, err error) string {
	permission := gcp.MissingPermission(err)
	if err == nil || gcp.Classify(err) != gcp.PermissionDenied || permission == "" {
		return remedy(err, id.Project)
	}
	for _, row := range secretRoles {
		if strings.HasPrefix(permission, row.prefix) {
			return fmt.Sprintf("The account that Terraform runs as lacks the permission %s on %s, which %s gives:\n\n  %s\n\n"+
				"A role that was granted a few minutes ago may not be effective yet: apply again.", permission, secretPlace(id, permission), row.role,
				secretGrantCommand(id, permission, row.role))
		}
	}
	return remedy(err, id.Project)
}

// secretPlace is what a permission is needed on: who creates a secret cannot be granted anything on it before.
func secretPlace(id names.SecretID, permission string) string {
	if permission == "secretmanager.secrets.create" {
		return "projects/" + id.Project
	}
	return id.String()
}

func secretGrantCommand(id names.SecretID, permission, role string) string {
	if permission == "secretmanager.secrets.create" {
		return fmt.Sprintf("gcloud projects add-iam-policy-binding %s --member=MEMBER --role=%s", id.Project, role)
	}
	return fmt.Sprintf("gcloud secrets add-iam-policy-binding %s --project=%s --member=MEMBER --role=%s", id.Name, id.Project, role)
}

// secretAccessFix says how a version can be compared, and how to go on without that.
func secretAccessFix(id names.SecretID, number string) string {
	return fmt.Sprintf("Give the account that Terraform runs as the permission %s on %s for the next apply (%s):\n\n  %s\n\n"+
		"Or, if it shall not read values, disable version %s, which nothing uses yet; the next apply then adds another:\n\n  %s",
		secretAccessPermission, id, secretAccessorRole, secretGrantCommand(id, secretAccessPermission, secretAccessorRole),
		number, secretDisableCommand(id, number))
}

// secretGoneFix is for who refers to a version that is disabled or destroyed.
const secretGoneFix = "The version is disabled or destroyed. A disabled one can be enabled again (gcloud secrets versions enable), a destroyed " +
	"one never comes back: name another one, such as the version_id of a twelvefactor_secret or twelvefactor_session_key. The next apply of " +
	"either writes a new version when its own was lost."
