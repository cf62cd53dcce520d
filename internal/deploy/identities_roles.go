package deploy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// identityOwnerRoles equal owner wherever they are granted: each holds all there is, or the permission to give itself that.
var identityOwnerRoles = []string{
	"roles/owner", "roles/editor", "roles/admin", "roles/writer", "roles/iam.securityAdmin", "roles/resourcemanager.projectIamAdmin",
}

// identityProjectRoles equal owner when they are granted on a project: they act as, or change, every service account of
// it, the default ones with the role of editor included, or the custom roles that they are granted by. On one service
// account they are what they are for.
var identityProjectRoles = []string{
	"roles/iam.roleAdmin", "roles/iam.serviceAccountAdmin", "roles/iam.serviceAccountKeyAdmin",
	"roles/iam.serviceAccountTokenCreator", "roles/iam.serviceAccountUser", "roles/iam.workloadIdentityUser",
}

// basicRoles take no conditions. Source: https://cloud.google.com/iam/docs/conditions-overview.
var basicRoles = []string{"roles/owner", "roles/editor", "roles/viewer", "roles/admin", "roles/writer", "roles/reader"}

// IdentityOwnerRoles lists the roles that an identity gets only if they are allowed by name.
func IdentityOwnerRoles() []string { return slices.Concat(identityOwnerRoles, identityProjectRoles) }

// The limits of conditions: title and description as Google Cloud's console takes them, in characters.
const (
	IdentityConditionTitle       = 100
	IdentityConditionDescription = 256
	// IdentityConditionsPerRole is in how many bindings of one policy a member may have the same role.
	// Source: https://cloud.google.com/iam/quotas.
	IdentityConditionsPerRole = 20
)

var identityRoleForm = regexp.MustCompile(`^roles/[A-Za-z0-9_.]{1,128}$`)

// CheckIdentityRole refuses what is not the name of a role.
func CheckIdentityRole(role string) error {
	name := role
	for _, parent := range []string{"projects/", "organizations/"} {
		if rest, ok := strings.CutPrefix(role, parent); ok {
			if _, name, ok = strings.Cut(rest, "/"); !ok {
				name = ""
			}
		}
	}
	if !identityRoleForm.MatchString(name) {
		return fmt.Errorf("%s is not a role; the forms are roles/NAME, projects/PROJECT/roles/NAME and organizations/NUMBER/roles/NAME",
			names.Quote(role))
	}
	return nil
}

// CheckIdentityGrant refuses, unless they are allowed by name, the roles with which an app that was broken into takes the
// whole project along, and basic roles under a condition, which IAM does not take.
func CheckIdentityGrant(g IdentityGrant, allowed []string) error {
	if g.Condition != (IdentityCondition{}) && slices.Contains(basicRoles, g.Role) {
		return fmt.Errorf("%s is a basic role, which IAM does not grant under a condition; grant a predefined role, such as "+
			"roles/cloudsql.client, or leave the condition out", g.Role)
	}
	covers := slices.Contains(identityOwnerRoles, g.Role) || g.Project != "" && slices.Contains(identityProjectRoles, g.Role)
	if !covers || slices.Contains(allowed, g.Role) {
		return nil
	}
	fix := "grant the roles of the services that the app uses, such as roles/cloudsql.client"
	if slices.Contains(identityProjectRoles, g.Role) && g.Role != "roles/iam.roleAdmin" {
		fix = "grant it on the one account that the app needs, with service_account in place of project"
	}
	return fmt.Errorf("%s covers the whole project, so that whoever breaks into the app owns it; %s; if it has to be, accept it "+
		"by name: allow_roles = [%q]", g.Role, fix, g.Role)
}

// checkGrants is CheckIdentityGrant for what was not known while planning.
func (s IdentitySpec) checkGrants() error {
	for _, g := range s.Grants {
		if err := CheckIdentityGrant(g, s.AllowRoles); err != nil {
			return &Error{Summary: "Cannot grant " + g.Role, Why: err.Error(), Attribute: []string{"grants"}}
		}
	}
	return nil
}
