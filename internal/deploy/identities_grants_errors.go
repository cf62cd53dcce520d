package deploy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// policyAccess is, for each kind of policy, the permissions to change it, the smallest role that has them, and how a
// configuration names its object.
var policyAccess = map[gcp.PolicyKind]struct{ permissions, role, reference string }{
	gcp.ProjectPolicy: {
		"resourcemanager.projects.getIamPolicy and .setIamPolicy", "roles/resourcemanager.projectIamAdmin",
		`project = "acme-dev"`,
	},
	gcp.SecretPolicy: {
		"secretmanager.secrets.getIamPolicy and .setIamPolicy", "roles/secretmanager.admin", "secret = twelvefactor_secret.NAME.id",
	},
	gcp.ServiceAccountPolicy: {
		"iam.serviceAccounts.getIamPolicy and .setIamPolicy", "roles/iam.serviceAccountAdmin",
		"service_account = twelvefactor_workload_identity.NAME.service_account",
	},
}

// IAM has no codes that tell what it refuses of a policy; the texts are only used to say more than they do. Sources of the
// texts: hashicorp/terraform-provider-google#5107, #6923, #7833, #25093.
var (
	// policyFull: also kubeflow/pipelines#1146.
	policyFull  = regexp.MustCompile(`(?i)number of members in the policy .* larger than the maximum`)
	roleRefused = regexp.MustCompile(`(?i)\brole\b.*(is not supported|does not exist|not valid|not grantable|cannot be granted)`)
	// conditionRefused is about the condition, or about the expression in it.
	conditionRefused = regexp.MustCompile(`(?i)\b(conditions?|expression|CEL)\b`)
)

// identityGrantError says which policy could not be read or changed, and what to do about it.
func identityGrantError(what string, group identityGroup, err error) error {
	if err == nil {
		return nil
	}
	told := &Error{Summary: what + " " + group.ref.String(), Attribute: []string{"grants"}, Err: err}
	access := policyAccess[group.ref.Kind]
	switch message := gcp.Message(err); gcp.Classify(err) {
	case gcp.PermissionDenied:
		told.Why = fmt.Sprintf("The caller of this run may not read or change its policy, or the %s does not exist", group.ref.Kind)
		told.Fix = fmt.Sprintf("Give the caller %s on it, for example with %s; or correct the name in grants: %s",
			access.permissions, access.role, access.reference)
		if len(group.add) == 0 && len(group.drop) > 0 {
			told.Fix = fmt.Sprintf("Give the caller %s on it, for example with %s. If it was deleted, have the state forget the grant: remove the "+
				"identity from the state (state rm) and import it", access.permissions, access.role)
		}
	case gcp.NotFound:
		told.Why = fmt.Sprintf("The %s does not exist, or not any more", group.ref.Kind)
		told.Fix = fmt.Sprintf("Refer to it by its resource, so that it is made first (%s), or take the grant out of grants", access.reference)
	case gcp.Invalid, gcp.FailedPrecondition:
		told.Why, told.Fix = refusedGrant(group, message)
	}
	return told
}

// refusedGrant explains what IAM does not take of the grants.
func refusedGrant(group identityGroup, message string) (why, fix string) {
	roles, conditions := refusedParts(group.add, message)
	switch {
	case policyFull.MatchString(message):
		return fmt.Sprintf("The policy of the %s is full. IAM takes 1,500 members in one policy, 250 of them groups, and a member counts once "+
				"for each role and condition under which it is there", group.ref.Kind),
			"Remove members that nobody needs, those that begin with deleted: first; grant on a secret or a service account what is not needed " +
				"on the whole project; or give the roles to one group that the apps' accounts are in"
	case roleRefused.MatchString(message):
		return fmt.Sprintf("IAM has no role of that name, or it cannot be granted on a %s: %s", group.ref.Kind, roles),
			"Correct role in grants; a custom role has its full name, such as projects/acme-dev/roles/shopReader. gcloud iam " +
				"list-grantable-roles lists what a project takes"
	case conditions != "" && conditionRefused.MatchString(message):
		return "IAM does not take the condition: " + conditions,
			"Correct expression in the condition; it is CEL with at most 12 logical operators, for example " +
				`expression = "request.time < timestamp('2027-01-01T00:00:00Z')"`
	}
	why = "IAM does not take a role or a condition of these grants: " + roles
	if conditions != "" {
		why += "; under " + conditions
	}
	return why, "Compare role and condition in grants with what IAM's documentation allows on a " + string(group.ref.Kind)
}

// refusedParts lists the roles, those that the answer names if it names any, and the titles of the conditions.
func refusedParts(grants []IdentityGrant, message string) (roles, conditions string) {
	var named, all, titles []string
	for _, g := range grants {
		all = append(all, g.Role)
		if strings.Contains(message, g.Role) {
			named = append(named, g.Role)
		}
		if g.Condition != (IdentityCondition{}) {
			titles = append(titles, names.Quote(g.Condition.Title))
		}
	}
	if len(named) > 0 {
		all = named
	}
	return strings.Join(slices.Compact(all), ", "), strings.Join(titles, ", ")
}

// grantsUnread says that the grants in one policy are taken for what they were.
func grantsUnread(spec IdentitySpec, group identityGroup, err error) Notice {
	var roles []string
	for _, g := range group.add {
		roles = append(roles, g.Role)
	}
	access := policyAccess[group.ref.Kind]
	return Notice{
		Summary: "The policy of " + group.ref.String() + " could not be read",
		Detail: fmt.Sprintf("The caller of this run may not read it, or the %s was deleted: %s. The state of workload identity %s keeps its "+
			"grants there (%s). If it exists, give the caller %s on it, for example with %s; if it was deleted, take the grants out of grants.",
			group.ref.Kind, gcp.Message(err), names.Quote(spec.Name), strings.Join(slices.Compact(roles), ", "), access.permissions, access.role),
	}
}

// grantsLeft says which grants a destroy could not take back.
func grantsLeft(spec IdentitySpec, denied []gcp.PolicyRef, err error) error {
	var objects, access []string
	for _, ref := range denied {
		objects = append(objects, ref.String())
		access = append(access, policyAccess[ref.Kind].permissions+" ("+policyAccess[ref.Kind].role+")")
	}
	slices.Sort(objects)
	slices.Sort(access)
	return &Error{
		Summary: fmt.Sprintf("Workload identity %s may have grants left", names.Quote(spec.Name)),
		Why: fmt.Sprintf("The caller of this run may not change these policies, or their objects were deleted, which Google Cloud does not tell "+
			"apart: %s. Everything else of the identity is gone", strings.Join(objects, ", ")),
		Fix: fmt.Sprintf("Give the caller %s there and destroy again. If the objects were deleted, nothing is left: remove the identity from the "+
			"state, for example: terraform state rm twelvefactor_workload_identity.NAME", strings.Join(slices.Compact(access), ", ")),
		Attribute: []string{"grants"}, Err: err,
	}
}
