package deploy

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// permissionRoles are the predefined roles that a permission is usually had by, the narrowest that fits the resources
// of this provider. The guide "Permissions" says the same by resource.
var permissionRoles = []struct{ prefix, role string }{
	{"container.clusters.get", "roles/container.clusterViewer"},
	{"container.clusters.", "roles/container.clusterAdmin"},
	{"container.operations.", "roles/container.clusterAdmin"},
	{"container.", "roles/container.developer"},
	{"iam.serviceAccounts.actAs", "roles/iam.serviceAccountUser"},
}

// remedy says what to do about an error whose cause is outside the configuration, with the command that does it; empty
// for others.
func remedy(err error, project string) string {
	switch gcp.Classify(err) { //nolint:exhaustive // the others have no remedy that is the same everywhere
	case gcp.APIDisabled:
		return fmt.Sprintf("Enable the API, wait a few minutes until that is effective, and apply again:\n\n"+
			"  gcloud services enable %s --project %s", cmp.Or(gcp.DisabledAPI(err), "NAME"), project)
	case gcp.PermissionDenied:
		return permissionRemedy(gcp.MissingPermission(err), project)
	case gcp.QuotaExceeded:
		return fmt.Sprintf("Ask for more of the quota %s at https://console.cloud.google.com/iam-admin/quotas?project=%s, or need less of it: "+
			"a lower min_nodes, smaller machines, another location. Then apply again.", cmp.Or(gcp.ExceededQuota(err), "that the message names"), project)
	case gcp.Stockout:
		return "Google Cloud has no such machines there at the moment, which no quota changes. Wait and apply again, or take another " +
			"machine_type, capacity or location."
	case gcp.Unauthenticated:
		return "Set credentials or access_token in the provider, GOOGLE_CREDENTIALS or GOOGLE_OAUTH_ACCESS_TOKEN in the " +
			"environment, or run: gcloud auth application-default login"
	}
	return ""
}

func permissionRemedy(permission, project string) string {
	const later = " A role that was granted a few minutes ago may not be effective yet: apply again."
	for _, row := range permissionRoles {
		if permission != "" && strings.HasPrefix(permission, row.prefix) {
			return fmt.Sprintf("The account that Terraform runs as lacks the permission %s, which %s gives:\n\n"+
				"  gcloud projects add-iam-policy-binding %s --member=MEMBER --role=%s\n\n"+
				"The guide \"Permissions\" of this provider lists what each resource needs.%s", permission, row.role, project, row.role, later)
		}
	}
	return "The account that Terraform runs as lacks a permission. The guide \"Permissions\" of this provider lists what each resource needs." + later
}

// inUsersWords gives the innermost failure that already is in the user's words.
func inUsersWords(err error) (*Error, bool) {
	var told *Error
	return told, errors.As(err, &told)
}
