package fakegcp

import (
	"slices"
	"strings"

	"cloud.google.com/go/iam/apiv1/iampb"
)

// ownerRole is the role that a project's policy takes under conditions only.
const ownerRole = "roles/owner"

// organizationDomain is the domain of the organization that every project is in; the developer is of it.
const organizationDomain = "@example.com"

// checkOwners refuses new owners of a project that can only be invited: those outside its organization. Service accounts are
// taken as they are. The detail ProjectIamPolicyError with ORG_MUST_INVITE_EXTERNAL_OWNERS, which the real answer has, is
// of a type that has no Go package, and is left out.
// Source: the comment of SetIamPolicy in google/cloud/resourcemanager/v3/projects.proto; the text as users quote it.
func checkOwners(want, current *iampb.Policy) error {
	owners := map[string]bool{}
	for g := range grantsOf(current) {
		owners[g.member] = owners[g.member] || g.role == ownerRole
	}
	for g := range grantsOf(want) {
		if g.role == ownerRole && !owners[g.member] && !mayOwn(g.member) {
			return invalid("Request contains an invalid argument.")
		}
	}
	return nil
}

func mayOwn(member string) bool {
	kind, address, _ := strings.Cut(member, ":")
	switch kind {
	case "serviceAccount", "deleted":
		return true
	case "user", "group":
		return strings.HasSuffix(strings.ToLower(address), organizationDomain)
	}
	return false
}

// basicRoles take no conditions.
var basicRoles = []string{ownerRole, "roles/editor", "roles/viewer"}

// checkConditions refuses conditions on basic roles. What else the real service checks of a condition is not checked.
// Source: the text as users quote it, hashicorp/terraform-provider-google#7833.
func checkConditions(p *iampb.Policy) error {
	for _, b := range p.GetBindings() {
		if b.GetCondition() != nil && slices.Contains(basicRoles, b.GetRole()) {
			return invalid("LintValidationUnits/BindingRoleAllowConditionCheck Error: Conditions can't be set on primitive roles")
		}
	}
	return nil
}
