package fakegcp

import (
	"path"
	"slices"
)

// role is what a predefined role carries: patterns of permissions (path.Match), and those that it lacks all the same.
type role struct {
	carries, lacks []string
}

// ofAccounts are permissions to act as a service account, which no basic role carries.
var ofAccounts = []string{
	"iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.getOpenIdToken", "iam.serviceAccounts.implicitDelegation",
	"iam.serviceAccounts.signBlob", "iam.serviceAccounts.signJwt",
}

// predefinedRoles are the roles that count here; any other role carries nothing. Of each role only what concerns the APIs
// that the fake serves is listed.
// Source: https://cloud.google.com/iam/docs/roles-permissions.
var predefinedRoles = map[string]role{
	"roles/owner":  {carries: []string{"*"}, lacks: ofAccounts},
	"roles/editor": {carries: []string{"*"}, lacks: append([]string{"*.setIamPolicy", accessSecretPayload}, ofAccounts...)},
	"roles/viewer": {carries: []string{"*.get", "*.list", "*.getIamPolicy"}},

	"roles/browser":                         {carries: []string{"resourcemanager.projects.get", "resourcemanager.projects.getIamPolicy"}},
	"roles/resourcemanager.projectIamAdmin": {carries: []string{"resourcemanager.projects.get", "resourcemanager.projects.*IamPolicy"}},
	"roles/iam.securityAdmin":               {carries: []string{"*.getIamPolicy", "*.setIamPolicy", "*.list", "resourcemanager.projects.get"}},
	"roles/iam.securityReviewer":            {carries: []string{"*.getIamPolicy", "*.list", "resourcemanager.projects.get"}},

	"roles/iam.serviceAccountAdmin": {carries: []string{"iam.serviceAccounts.*", "resourcemanager.projects.get"},
		lacks: append([]string{"iam.serviceAccounts.actAs"}, ofAccounts...)},
	"roles/iam.serviceAccountCreator":      {carries: []string{"iam.serviceAccounts.create", "iam.serviceAccounts.get", "iam.serviceAccounts.list"}},
	"roles/iam.serviceAccountDeleter":      {carries: []string{"iam.serviceAccounts.delete", "iam.serviceAccounts.get", "iam.serviceAccounts.list"}},
	"roles/iam.serviceAccountViewer":       {carries: []string{"iam.serviceAccounts.get*", "iam.serviceAccounts.list"}, lacks: ofAccounts},
	"roles/iam.serviceAccountUser":         {carries: []string{"iam.serviceAccounts.actAs", "iam.serviceAccounts.get", "iam.serviceAccounts.list"}},
	"roles/iam.serviceAccountTokenCreator": {carries: ofAccounts},
	"roles/iam.workloadIdentityUser":       {carries: []string{"iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.getOpenIdToken"}},

	"roles/container.admin":         {carries: []string{"container.*", "resourcemanager.projects.get"}},
	"roles/container.clusterAdmin":  {carries: []string{"container.clusters.*", "container.operations.*", "resourcemanager.projects.get"}},
	"roles/container.clusterViewer": {carries: []string{"container.clusters.get", "container.clusters.list", "container.clusters.connect", "resourcemanager.projects.get"}},
	"roles/container.developer":     {carries: []string{"container.clusters.get", "container.clusters.list", "container.clusters.connect", "resourcemanager.projects.get"}},
	"roles/container.viewer":        {carries: []string{"container.*.get", "container.*.list", "container.clusters.connect", "resourcemanager.projects.get"}},

	"roles/secretmanager.admin":              {carries: []string{"secretmanager.*", "resourcemanager.projects.get"}},
	"roles/secretmanager.secretAccessor":     {carries: []string{accessSecretPayload, "resourcemanager.projects.get"}},
	"roles/secretmanager.secretVersionAdder": {carries: []string{"secretmanager.versions.add", "resourcemanager.projects.get"}},
	"roles/secretmanager.secretVersionManager": {carries: []string{"secretmanager.versions.*", "resourcemanager.projects.get"},
		lacks: []string{accessSecretPayload}},
	"roles/secretmanager.viewer": {carries: []string{"secretmanager.*.get", "secretmanager.*.list", "secretmanager.*.getIamPolicy", "resourcemanager.projects.get"}},

	"roles/run.admin":     {carries: []string{"run.*", "resourcemanager.projects.get"}},
	"roles/run.developer": {carries: []string{"run.*", "resourcemanager.projects.get"}, lacks: []string{"run.*.setIamPolicy", "run.routes.invoke"}},
	"roles/run.viewer":    {carries: []string{"run.*.get", "run.*.list", "run.*.getIamPolicy", "resourcemanager.projects.get"}},
	"roles/run.invoker":   {carries: []string{"run.routes.invoke", "run.jobs.run"}},
}

// rolesWith are the predefined roles that carry a permission.
func rolesWith(permission string) []string {
	var names []string
	for name, r := range predefinedRoles {
		if matchesAny(r.carries, permission) && !matchesAny(r.lacks, permission) {
			names = append(names, name)
		}
	}
	return names
}

func matchesAny(patterns []string, permission string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, permission)
		return ok && err == nil
	})
}
