package fakegcp

import (
	"crypto/sha256"
	"regexp"
	"strings"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
)

// memberPrefixes begin the members that a policy may have besides service accounts.
// Source: https://cloud.google.com/iam/docs/principal-identifiers.
var memberPrefixes = []string{
	"user:", "group:", "domain:", "projectOwner:", "projectEditor:", "projectViewer:", "deleted:",
	"principal://", "principalSet://",
}

var (
	// identityPoolMember is a Kubernetes service account in the older form, PROJECT.svc.id.goog[NAMESPACE/NAME].
	identityPoolMember = regexp.MustCompile(`^serviceAccount:([a-z0-9-]+)\.svc\.id\.goog\[[^/\]]+/[^/\]]+\]$`)
	// identityPoolPrincipal is one, or a set of them, as a principal of the pool.
	identityPoolPrincipal = regexp.MustCompile(`^principal(?:Set)?://iam\.googleapis\.com/projects/(\d+)/locations/global/workloadIdentityPools/([a-z0-9-]+)\.svc\.id\.goog/`)
	// accountMember is a service account of a project.
	accountMember = regexp.MustCompile(`^serviceAccount:([^@]+@([a-z0-9-]+)\.iam\.gserviceaccount\.com)$`)
	// deletedAccountMember is a deleted service account: address and unique id.
	deletedAccountMember = regexp.MustCompile(`^deleted:serviceAccount:([^?]+)\?uid=([0-9]+)$`)
)

// checkMember refuses a member that does not exist in a project of this fake; other projects' members it cannot know.
func (s *Server) checkMember(member string, public publicMembers) error {
	switch {
	case member == "allUsers" || member == "allAuthenticatedUsers":
		if public == refusePublic {
			return invalid("Member %s cannot be granted a role on this resource.", member)
		}
		return nil
	case identityPoolMember.MatchString(member):
		return s.checkIdentityPool(identityPoolMember.FindStringSubmatch(member)[1])
	case identityPoolPrincipal.MatchString(member):
		return s.checkIdentityPool(identityPoolPrincipal.FindStringSubmatch(member)[2])
	case accountMember.MatchString(member):
		m := accountMember.FindStringSubmatch(member)
		return s.checkAccountMember(m[1], m[2])
	case strings.HasPrefix(member, "serviceAccount:"):
		return nil // a Google-managed account of a service
	}
	for _, p := range memberPrefixes {
		if strings.HasPrefix(member, p) && len(member) > len(p) {
			return nil
		}
	}
	return invalid("The member %s is of an unknown type. Please set a valid type prefix for the member.", member)
}

// checkIdentityPool refuses Kubernetes service accounts of a project in which no cluster with Workload Identity was ever made.
func (s *Server) checkIdentityPool(project string) error {
	if _, ours := s.projects[project]; !ours || s.hasIdentityPool(project) {
		return nil
	}
	return invalid("Identity Pool does not exist (%s.svc.id.goog). Please check that you specified a valid resource name as "+
		"returned in the `name` attribute in the configuration API.", project)
}

// checkAccountMember refuses a service account that does not exist, or that was made so recently that the news has not
// reached the policies.
func (s *Server) checkAccountMember(email, project string) error {
	p, ours := s.projects[project]
	if !ours {
		return nil
	}
	name := "projects/" + p.ID + "/serviceAccounts/" + email
	_, exists := lookup[*adminpb.ServiceAccount](s.store, name)
	if !exists || s.now().Before(s.accounts.known[name]) {
		return invalid("Service account %s does not exist.", email)
	}
	return nil
}

// undeletedMember is the plain member if the account with that address and unique id is there again, else the deleted: form
// as it was written.
func (s *Server) undeletedMember(member, email, uniqueID string) string {
	name, ok := s.accountName("projects/-/serviceAccounts/" + email)
	if a, _ := lookup[*adminpb.ServiceAccount](s.store, name); !ok || a.GetUniqueId() != uniqueID {
		return member
	}
	return "serviceAccount:" + email
}

// hash20 is the first 10 bytes of a SHA-256, 20 digits when printed.
func hash20(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:10]
}
