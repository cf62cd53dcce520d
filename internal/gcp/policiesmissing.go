package gcp

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// MemberGrace is how long AddExisting waits for a member that IAM does not know. What IAM is told reaches everywhere
// typically within two minutes, so that a member unknown for longer is a wrong name more likely than a new account.
// Source: https://cloud.google.com/iam/docs/access-change-propagation.
const MemberGrace = 2 * time.Minute

// MissingMemberError is a member that IAM did not know for all of MemberGrace.
type MissingMemberError struct {
	// Member is which of the grants' it is; empty when the answer names none of them.
	Member string
	// Err is IAM's last answer.
	Err error
}

// Error names the member, if it is known.
func (e *MissingMemberError) Error() string {
	member := "a member"
	if e.Member != "" {
		member = e.Member
	}
	return fmt.Sprintf("%s was unknown to IAM for %s: %v", member, MemberGrace, e.Err)
}

// Unwrap gives IAM's answer.
func (e *MissingMemberError) Unwrap() error { return e.Err }

// memberMissing recognizes that IAM does not know a member yet: a new account for some minutes, the workload
// identity pool until the project's first cluster with Workload Identity exists.
var memberMissing = regexp.MustCompile(`(?i)(service account|principal|member|identity pool)\b.* does not exist`)

// isMemberMissing tells whether a policy was refused for such a member.
func isMemberMissing(err error) bool {
	kind := Classify(err)
	return (kind == Invalid || kind == FailedPrecondition) && memberMissing.MatchString(Message(err))
}

// memberPool finds the identity pool of a Kubernetes service account, which is all that a refusal names of it.
var memberPool = regexp.MustCompile(`^serviceAccount:([^\[]+)\[|^principal(?:Set)?://.*/workloadIdentityPools/([^/]+)/`)

// memberNamed gives the first of the grants' members that a refusal names.
func memberNamed(grants []Grant, err error) string {
	words := strings.FieldsFunc(Message(err), func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune("()\"'`", r)
	})
	for _, g := range grants {
		_, name, _ := strings.Cut(g.Member, ":")
		if pool := memberPool.FindStringSubmatch(g.Member); pool != nil {
			name = pool[1] + pool[2]
		}
		named := func(word string) bool {
			word = strings.Trim(word, ".,:;")
			return strings.EqualFold(word, name) || strings.EqualFold(word, g.Member)
		}
		if slices.ContainsFunc(words, named) {
			return g.Member
		}
	}
	return ""
}

// PublicMemberError refuses to make everyone a member of a project or a service account. The real API refuses it too, with
// an answer that also stops every other grant in the same write.
type PublicMemberError struct {
	Policy PolicyRef
	Member string
}

// Error names the member and where it may be used instead.
func (e *PublicMemberError) Error() string {
	return fmt.Sprintf("%s is not made a member of %s: everyone on the internet would have the role on all that is in it; "+
		"only a single Cloud Run service can be opened to everyone", e.Member, e.Policy)
}

// refusePublicMember keeps everyone out of policies that must not have them. Members that are there already stay, and may be removed.
func refusePublicMember(ref PolicyRef, grants []Grant) error {
	if ref.Kind != ProjectPolicy && ref.Kind != ServiceAccountPolicy {
		return nil
	}
	for _, g := range grants {
		if strings.EqualFold(g.Member, "allUsers") || strings.EqualFold(g.Member, "allAuthenticatedUsers") {
			return &PublicMemberError{Policy: ref, Member: g.Member}
		}
	}
	return nil
}
