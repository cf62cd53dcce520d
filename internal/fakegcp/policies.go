package fakegcp

import (
	"maps"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/protobuf/proto"
)

// grant is one member of one binding.
type grant struct {
	role, member, condition string
}

// effectiveness is when a grant counts; a zero until is for ever.
type effectiveness struct {
	from, until time.Time
}

func (e effectiveness) at(now time.Time) bool {
	return !now.Before(e.from) && (e.until.IsZero() || now.Before(e.until))
}

// policyState is a policy as it was written, and when each of its grants, past ones included, is effective.
type policyState struct {
	policy *iampb.Policy
	grants map[grant]effectiveness
	// conditional are the grants that have a condition; the others are looked up.
	conditional []grant
}

// index brings conditional up to the grants.
func (st *policyState) index() {
	st.conditional = nil
	for g := range st.grants {
		if g.condition != "" {
			st.conditional = append(st.conditional, g)
		}
	}
}

// policies are the IAM policies of all resources by policyKey.
type policies map[string]*policyState

// neverSet is the etag of a policy that nobody has written.
var neverSet = []byte{0x00, 0x20, 0x01}

// get is a copy of the policy; a resource without one has an etag only.
func (p policies) get(key string) *iampb.Policy {
	if st, ok := p[key]; ok {
		return proto.CloneOf(st.policy)
	}
	return &iampb.Policy{Etag: neverSet}
}

// set writes the policy with a new etag. What it grants is effective after the delay, and what it takes away is effective
// until then.
func (p *policies) set(key string, policy *iampb.Policy, now time.Time, delay time.Duration) {
	if *p == nil {
		*p = policies{}
	}
	st := (*p)[key]
	if st == nil {
		st = &policyState{grants: map[grant]effectiveness{}}
		(*p)[key] = st
	}
	st.policy = proto.CloneOf(policy)
	st.policy.Etag = append([]byte{0x07}, randomBytes(7)...)
	st.retime(now, now.Add(delay))
}

// retime brings the grants' times up to the policy.
func (st *policyState) retime(now, effective time.Time) {
	granted := map[grant]bool{}
	for g := range grantsOf(st.policy) {
		granted[g] = true
		switch e, known := st.grants[g]; {
		case !known, !e.until.IsZero() && !e.at(now):
			st.grants[g] = effectiveness{from: effective}
		default:
			st.grants[g] = effectiveness{from: e.from}
		}
	}
	for g, e := range st.grants {
		switch {
		case granted[g]:
		case e.until.IsZero() && e.from.After(now), !e.until.IsZero() && !e.until.After(now):
			delete(st.grants, g)
		case e.until.IsZero():
			st.grants[g] = effectiveness{from: e.from, until: effective}
		}
	}
	st.index()
}

// grantsOf yields each member of each binding.
func grantsOf(policy *iampb.Policy) func(func(grant) bool) {
	return func(yield func(grant) bool) {
		for _, b := range policy.GetBindings() {
			for _, m := range b.GetMembers() {
				if !yield(grant{b.GetRole(), m, b.GetCondition().GetExpression()}) {
					return
				}
			}
		}
	}
}

// all yields the policies that have bindings, by name.
func (p policies) all() func(func(string, *iampb.Policy) bool) {
	return func(yield func(string, *iampb.Policy) bool) {
		for _, name := range slices.Sorted(maps.Keys(p)) {
			if len(p[name].policy.GetBindings()) > 0 && !yield(name, p[name].policy) {
				return
			}
		}
	}
}

// drop forgets the policy of a resource, and of what is below it for a project: nothing else with a policy is in another.
func (p policies) drop(name string) {
	if strings.Count(name, "/") > 1 {
		delete(p, name)
		return
	}
	maps.DeleteFunc(p, func(key string, _ *policyState) bool {
		return key == name || strings.HasPrefix(key, name+"/")
	})
}

// keep puts a policy, if there is one, under a key as it is.
func (p *policies) keep(key string, st *policyState) {
	if st == nil {
		return
	}
	if *p == nil {
		*p = policies{}
	}
	(*p)[key] = st
}

// renameMember rewrites a member in every policy. The etags stay: the real service derives the deleted: form on reading.
func (p policies) renameMember(from, to string) {
	for _, st := range p {
		for _, b := range st.policy.GetBindings() {
			for i, m := range b.GetMembers() {
				if m == from {
					b.Members[i] = to
				}
			}
		}
		for g, e := range st.grants {
			if g.member == from {
				delete(st.grants, g)
				g.member = to
				st.grants[g] = e
			}
		}
		st.index()
	}
}

// policyKey is the name under which a resource's policy is kept: Secret Manager's with the project's number, the others'
// with its id, service accounts' by e-mail address.
func (s *Server) policyKey(resource string) string {
	switch {
	case strings.Contains(resource, "/secrets/"):
		return s.numbered(resource)
	case strings.Contains(resource, "/serviceAccounts/"):
		if name, ok := s.accountName(resource); ok {
			return name
		}
		return resource
	default:
		return s.identified(resource)
	}
}

// effective says whether a member ("serviceAccount:EMAIL", "principal://...") has a permission, or a role, on a resource, on
// what the resource is in or on its project now. Of conditions only some are evaluated (conditions.go). The caller holds the
// lock.
func (s *Server) effective(member, permissionOrRole, resource string) bool {
	roles := rolesWith(permissionOrRole)
	if strings.HasPrefix(permissionOrRole, "roles/") {
		roles = []string{permissionOrRole}
	}
	name := s.policyKey(resource)
	if m, ok := lookup[*runpb.Service](s.store, name); ok && permissionOrRole == invokePermission && m.GetInvokerIamDisabled() {
		return true // no policy is looked at
	}
	for key := name; key != ""; key = collectionOf(key) {
		if st := s.policies[s.projectKey(key)]; st != nil && st.grantsAny(roles, member, attributes{s.now(), name}) {
			return true
		}
	}
	return false
}

// invokePermission is what a caller of a Cloud Run service needs, unless its check is switched off.
const invokePermission = "run.routes.invoke"

// projectKey is the key itself, or the project's id in place of its number, which Secret Manager's names have.
func (s *Server) projectKey(key string) string {
	if strings.Count(key, "/") == 1 {
		return s.identified(key)
	}
	return key
}

// grantsAny says whether one of the roles counts for the member.
func (st *policyState) grantsAny(roles []string, member string, of attributes) bool {
	for _, role := range roles {
		for _, granted := range []string{member, "allUsers", "allAuthenticatedUsers"} {
			if e, ok := st.grants[grant{role: role, member: granted}]; ok && e.at(of.now) {
				return true
			}
		}
	}
	return slices.ContainsFunc(st.conditional, func(g grant) bool {
		return slices.Contains(roles, g.role) && covers(g.member, member) && st.grants[g].at(of.now) && holds(g.condition, of)
	})
}

func covers(granted, member string) bool {
	return granted == member || granted == "allUsers" || granted == "allAuthenticatedUsers"
}

// Effective says whether a member ("serviceAccount:EMAIL", "principal://...") has a permission, or a role ("roles/..."), on
// a resource now, by what has been granted on it and on its project and has propagated.
func (s *Server) Effective(member, permissionOrRole, resource string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	return s.effective(member, permissionOrRole, resource)
}
