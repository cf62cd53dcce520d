package fakegcp

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// conditionsVersion is the policy version that has conditions.
const conditionsVersion = 3

// The most principals that one policy may refer to, and how many of them may be groups; a principal counts once for each
// binding that has it. Source: google/iam/v1/policy.proto.
const (
	maxPolicyMembers = 1500
	maxPolicyGroups  = 250
)

// publicMembers says whether a resource may be shared with everyone.
type publicMembers bool

const (
	allowPublic  publicMembers = true
	refusePublic publicMembers = false
)

// readPolicy is getIamPolicy for a version that exists. Source: google/iam/v1/options.proto.
func (s *Server) readPolicy(r *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	if v := r.GetOptions().GetRequestedPolicyVersion(); !validPolicyVersion(v) {
		return nil, invalid("Requested policy version %d is not valid: it must be 0, 1 or 3.", v)
	}
	return s.getIamPolicy(r), nil
}

func validPolicyVersion(v int32) bool { return v == 0 || v == 1 || v == conditionsVersion }

// getIamPolicy reads a policy as the requested version shows it. The caller has found the resource.
func (s *Server) getIamPolicy(r *iampb.GetIamPolicyRequest) *iampb.Policy {
	p := s.policies.get(s.policyKey(r.GetResource()))
	if r.GetOptions().GetRequestedPolicyVersion() < conditionsVersion {
		hideConditions(p)
	}
	return p
}

// hiddenCondition is in the role that a conditional binding is shown with below version 3. No such role can be granted.
const hiddenCondition = "_withcond_"

// hideConditions shows conditional bindings to a caller who did not ask for version 3.
// Source: https://cloud.google.com/iam/docs/troubleshooting-withcond.
func hideConditions(p *iampb.Policy) {
	for _, b := range p.GetBindings() {
		if b.GetCondition() != nil {
			b.Role = fmt.Sprintf("%s%s%x", b.GetRole(), hiddenCondition, hash20(b.GetCondition().GetExpression()))
			b.Condition = nil
		}
	}
	if p.GetVersion() == conditionsVersion {
		p.Version = 1
	}
}

// setIamPolicy replaces a policy, or the parts of it that the mask names. The caller has found the resource.
func (s *Server) setIamPolicy(r *iampb.SetIamPolicyRequest, public publicMembers) (*iampb.Policy, error) {
	key := s.policyKey(r.GetResource())
	current := s.policies.get(key)
	want := proto.CloneOf(r.GetPolicy())
	if want == nil {
		want = &iampb.Policy{}
	}
	if err := s.checkPolicyEtag(want, current); err != nil {
		return nil, err
	}
	if err := checkPolicyVersion(want, current); err != nil {
		return nil, err
	}
	mask := r.GetUpdateMask().GetPaths()
	if err := checkPolicyMask(mask); err != nil {
		return nil, err
	}
	want.Bindings = mergeBindings(want.GetBindings(), s.normalMember)
	if err := s.checkMembers(want, current, public); err != nil {
		return nil, err
	}
	if len(mask) > 0 && !slices.Contains(mask, "bindings") {
		want.Bindings = current.GetBindings()
	}
	if !slices.Contains(mask, "audit_configs") && !slices.Contains(mask, "auditConfigs") {
		want.AuditConfigs = current.GetAuditConfigs() // the default mask is "bindings, etag"
	}
	want.Version = 1
	if hasConditions(want) {
		want.Version = conditionsVersion
	}
	s.policies.set(key, want, s.now(), s.options.PropagationDelay)
	return s.policies.get(key), nil
}

// policyFields may be in the mask of a write. Source: google/iam/v1/iam_policy.proto.
var policyFields = []string{"bindings", "etag", "version", "audit_configs", "auditConfigs"}

func checkPolicyMask(mask []string) error {
	for _, path := range mask {
		if !slices.Contains(policyFields, path) {
			return invalid("Invalid field mask path: %s", path)
		}
	}
	return nil
}

// policyConflict is what a write over an unseen change gets.
const policyConflict = "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff."

// checkPolicyEtag refuses a write over a change that the caller has not seen. Without an etag the last writer wins. Users
// quote the text with the etags and without: conflicts take turns, the first one has them.
// Source: pulumi/pulumi-gcp#1028, vmware-archive/terraforming-gcp#132.
func (s *Server) checkPolicyEtag(want, current *iampb.Policy) error {
	if len(want.GetEtag()) == 0 || string(want.GetEtag()) == string(current.GetEtag()) {
		return nil
	}
	s.policyConflicts++
	if s.policyConflicts%2 == 0 {
		return status.Error(codes.Aborted, policyConflict)
	}
	return status.Errorf(codes.Aborted, "%s The request's ETag '%s' did not match the current policy's ETag '%s'.",
		policyConflict, escapeBytes(want.GetEtag()), escapeBytes(current.GetEtag()))
}

// escapeBytes writes bytes the way C source does, as the error above has them.
func escapeBytes(b []byte) string {
	var out strings.Builder
	for _, c := range b {
		switch {
		case c == '\t':
			out.WriteString(`\t`)
		case c == '\n':
			out.WriteString(`\n`)
		case c == '\r':
			out.WriteString(`\r`)
		case c == '\\' || c == '\'' || c == '"':
			out.WriteString(`\` + string(c))
		case c < 0x20 || c >= 0x7f:
			fmt.Fprintf(&out, `\%03o`, c)
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

// checkPolicyVersion refuses conditions below version 3, and with an etag the loss of existing ones; without an etag they
// are lost, as in the real service. Source: https://cloud.google.com/iam/docs/policies#specify-versions-set.
func checkPolicyVersion(want, current *iampb.Policy) error {
	v := want.GetVersion()
	switch {
	case !validPolicyVersion(v):
		return invalid("Policy version %d is not valid: it must be 0, 1 or 3.", v)
	case v < conditionsVersion && hasConditions(want):
		return invalid("Policy version must be 3 for a policy with conditions.")
	case v < conditionsVersion && len(want.GetEtag()) > 0 && hasConditions(current):
		return invalid("Specified policy version (%d) cannot be less than the existing policy version (3).", v)
	}
	return nil
}

func hasConditions(p *iampb.Policy) bool {
	return slices.ContainsFunc(p.GetBindings(), func(b *iampb.Binding) bool { return b.GetCondition() != nil })
}

// mergeBindings joins bindings of one role and condition, drops doubles and empty ones, and writes addresses in lower case.
func mergeBindings(bindings []*iampb.Binding, normal func(member string) string) []*iampb.Binding {
	var merged []*iampb.Binding
	for _, b := range bindings {
		i := slices.IndexFunc(merged, func(m *iampb.Binding) bool {
			return m.GetRole() == b.GetRole() && proto.Equal(m.GetCondition(), b.GetCondition())
		})
		if i < 0 {
			merged = append(merged, &iampb.Binding{Role: b.GetRole(), Condition: b.GetCondition()})
			i = len(merged) - 1
		}
		for _, member := range b.GetMembers() {
			if member = normal(member); !slices.Contains(merged[i].GetMembers(), member) {
				merged[i].Members = append(merged[i].Members, member)
			}
		}
	}
	return slices.DeleteFunc(merged, func(b *iampb.Binding) bool { return len(b.GetMembers()) == 0 })
}

// normalMember writes an e-mail address in lower case, and the deleted: form of an account that has come back as what it
// stands for.
func (s *Server) normalMember(member string) string {
	if m := deletedAccountMember.FindStringSubmatch(member); m != nil {
		return s.undeletedMember(member, m[1], m[2])
	}
	kind, value, ok := strings.Cut(member, ":")
	if ok && slices.Contains([]string{"user", "group", "serviceAccount", "domain"}, kind) && !strings.Contains(value, "[") {
		return kind + ":" + strings.ToLower(value)
	}
	return member
}

var roleForm = regexp.MustCompile(`^((organizations|projects)/[^/]+/)?roles/[A-Za-z0-9_.]+$`)

// checkMembers refuses roles and members that IAM would refuse. Members that the policy already has are not looked at again
// unless they are live service accounts that have been deleted since.
func (s *Server) checkMembers(want, current *iampb.Policy, public publicMembers) error {
	known := map[grant]bool{}
	for g := range grantsOf(current) {
		known[g] = true
	}
	if err := checkConditions(want); err != nil {
		return err
	}
	count, groups := 0, 0
	for g := range grantsOf(want) {
		count++
		if strings.HasPrefix(g.member, "group:") {
			groups++
		}
		if !roleForm.MatchString(g.role) || strings.Contains(g.role, hiddenCondition) {
			return invalid("Role %s is not supported for this resource.", g.role)
		}
		if known[g] && strings.HasPrefix(g.member, "deleted:") {
			continue
		}
		if err := s.checkMember(g.member, public); err != nil {
			return err
		}
		if !known[g] {
			if err := s.constraints.checkMember(g.member); err != nil {
				return err
			}
		}
	}
	if count > maxPolicyMembers { // Source of the text: hashicorp/terraform-provider-google#25093, kubeflow/pipelines#1146
		return invalid("The number of members in the policy (%s) is larger than the maximum allowed size %s.",
			thousands(count), thousands(maxPolicyMembers))
	}
	if groups > maxPolicyGroups {
		return invalid("The policy has %d groups; a policy has at most %d.", groups, maxPolicyGroups)
	}
	return nil
}

// thousands writes a number below a million as English does.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

// testPermissions is testIamPermissions for permissions that are spelt out. Source: google/iam/v1/iam_policy.proto.
func (s *Server) testPermissions(ctx context.Context, r *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	for _, p := range r.GetPermissions() {
		if strings.Contains(p, "*") {
			return nil, invalid("Permission %s is not valid: wildcards are not allowed.", p)
		}
	}
	return s.testIamPermissions(ctx, r), nil
}

// testIamPermissions answers for the caller, as the real method does.
func (s *Server) testIamPermissions(ctx context.Context, r *iampb.TestIamPermissionsRequest) *iampb.TestIamPermissionsResponse {
	principal := callerOf(ctx)
	answer := &iampb.TestIamPermissionsResponse{}
	for _, p := range r.GetPermissions() {
		verb := p[strings.LastIndexByte(p, '.')+1:]
		changes := !slices.Contains([]string{"get", "list", "getIamPolicy"}, verb)
		if s.has(principal, p, r.GetResource(), changes) {
			answer.Permissions = append(answer.Permissions, p)
		}
	}
	return answer
}
