package deploy

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// principal is the IAM member that the grants go to.
func (c *Cloud) principal(ctx context.Context, spec IdentitySpec) (string, error) {
	if spec.hasAccount() {
		return spec.account().Member(), nil
	}
	project := spec.Cluster.Project
	number, err := c.GCP.Projects().Number(ctx, project)
	if err != nil {
		return "", identityError(fmt.Sprintf("Cannot read project %s", names.Quote(project)), err, "cluster")
	}
	return names.PrincipalDirect(number, project, spec.Namespace, spec.Name), nil
}

// target is the policy that a grant goes into.
func (g IdentityGrant) target() gcp.PolicyRef {
	switch {
	case g.Secret != "":
		return gcp.PolicyRef{Kind: gcp.SecretPolicy, Name: g.Secret}
	case g.ServiceAccount != "":
		return gcp.PolicyRef{Kind: gcp.ServiceAccountPolicy, Name: g.ServiceAccount}
	default:
		return gcp.PolicyRef{Kind: gcp.ProjectPolicy, Name: "projects/" + g.Project}
	}
}

// to is the grant with the member that gets it.
func (g IdentityGrant) to(member string) gcp.Grant {
	grant := gcp.Grant{Role: g.Role, Member: member}
	if c := g.Condition; c != (IdentityCondition{}) {
		grant.Condition = &gcp.Condition{Title: c.Title, Description: c.Description, Expression: c.Expression}
	}
	return grant
}

// compare orders grants by target, role and condition.
func (g IdentityGrant) compare(o IdentityGrant) int {
	return cmp.Or(
		cmp.Compare(g.Project, o.Project), cmp.Compare(g.Secret, o.Secret), cmp.Compare(g.ServiceAccount, o.ServiceAccount),
		cmp.Compare(g.Role, o.Role), cmp.Compare(g.Condition.Title, o.Condition.Title),
		cmp.Compare(g.Condition.Expression, o.Condition.Expression), cmp.Compare(g.Condition.Description, o.Condition.Description),
	)
}

// identityGroup is the grants that go into one policy, and those that are to go out of it.
type identityGroup struct {
	ref       gcp.PolicyRef
	add, drop []IdentityGrant
}

// identityGroups sorts grants by policy.
func identityGroups(add, drop []IdentityGrant) []identityGroup {
	var groups []identityGroup
	sorted := slices.SortedFunc(slices.Values(slices.Concat(add, drop)), IdentityGrant.compare)
	for _, g := range sorted {
		if n := len(groups); n == 0 || groups[n-1].ref != g.target() {
			groups = append(groups, identityGroup{ref: g.target()})
		}
		last := &groups[len(groups)-1]
		if slices.Contains(add, g) {
			last.add = append(last.add, g)
		} else {
			last.drop = append(last.drop, g)
		}
	}
	return groups
}

// announceGrants has the policies wait for these grants, so that identities of one apply share writes.
func (c *Cloud) announceGrants(add, drop []IdentityGrant) (done func()) {
	var refs []gcp.PolicyRef
	for _, group := range identityGroups(add, drop) {
		refs = append(refs, group.ref)
	}
	return c.GCP.Policies().Announce(refs...)
}

func grantsTo(grants []IdentityGrant, members ...string) []gcp.Grant {
	var list []gcp.Grant
	for _, g := range grants {
		for _, member := range members {
			list = append(list, g.to(member))
		}
	}
	return list
}

// grant adds grants to their policies and takes others out, each policy in one write, side by side. The policies' queues
// wait until IAM knows the member.
func (r *identityRun) grant(ctx context.Context, add, drop []IdentityGrant) error {
	return r.grantEach(ctx, add, drop, func(group identityGroup, err error) error {
		if len(group.add) == 0 {
			return identityGrantError("Cannot take back roles on", group, err)
		}
		return identityGrantError("Cannot grant roles on", group, err)
	})
}

// grantEach is grant with another judgement of each policy's failure.
func (r *identityRun) grantEach(ctx context.Context, add, drop []IdentityGrant, judge func(identityGroup, error) error) error {
	if len(add) == 0 && len(drop) == 0 {
		return nil
	}
	member, err := r.cloud.principal(ctx, r.spec)
	if err != nil {
		return err
	}
	// What the policies show for an account that was deleted outside of Terraform is this identity's too.
	out := []string{member}
	if r.spec.UniqueID != "" {
		out = append(out, gcp.DeletedMember(r.spec.email(), r.spec.UniqueID))
	}
	anew := r.uniqueID != "" && r.spec.UniqueID != "" && r.uniqueID != r.spec.UniqueID
	policies := r.cloud.GCP.Policies()
	var all errgroup.Group // one failing policy does not stop the others
	for _, group := range identityGroups(add, drop) {
		all.Go(func() error {
			if len(group.add) == 0 {
				return judge(group, policies.Remove(ctx, group.ref, grantsTo(group.drop, out...)))
			}
			gone := grantsTo(group.drop, out...)
			if anew { // the account of these grants cannot come back
				gone = append(gone, grantsTo(group.add, gcp.DeletedMember(r.spec.email(), r.spec.UniqueID))...)
			}
			return judge(group, policies.Change(ctx, group.ref, grantsTo(group.add, member), gone))
		})
	}
	return all.Wait()
}

// endGrants takes every grant back. What it may not take back is left, with the error that says so: to a caller without the
// right to know, a policy that is gone looks like one that is not to be read.
func (r *identityRun) endGrants(ctx context.Context) (left, err error) {
	var mu sync.Mutex
	var denied []gcp.PolicyRef
	var cause error
	err = r.grantEach(ctx, nil, r.spec.Grants, func(group identityGroup, err error) error {
		if gcp.Classify(err) != gcp.PermissionDenied {
			return identityGrantError("Cannot take back roles on", group, err)
		}
		mu.Lock()
		defer mu.Unlock()
		denied, cause = append(denied, group.ref), err
		return nil
	})
	if err != nil || len(denied) == 0 {
		return nil, err
	}
	return grantsLeft(r.spec, denied, cause), nil
}

// liveGrants gives, of the grants, those that are in the policies for the member, in order. What is in a policy that may not
// be read is as it was, with a notice.
func (c *Cloud) liveGrants(ctx context.Context, spec IdentitySpec, member string) ([]IdentityGrant, []Notice, error) {
	groups := identityGroups(spec.Grants, nil)
	present, notices := make([][]IdentityGrant, len(groups)), make([][]Notice, len(groups))
	all, ctx := errgroup.WithContext(ctx)
	for i, group := range groups {
		all.Go(func() error {
			has, err := c.GCP.Policies().Has(ctx, group.ref, grantsTo(group.add, member))
			switch {
			case gcp.IsNotFound(err):
				return nil // with its object the policy is gone, and the grants in it
			case gcp.Classify(err) == gcp.PermissionDenied:
				present[i], notices[i] = group.add, []Notice{grantsUnread(spec, group, err)}
				return nil
			case err != nil:
				return identityGrantError("Cannot read the policy of", group, err)
			}
			for j, g := range group.add {
				if has[j] {
					present[i] = append(present[i], g)
				}
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		return nil, nil, err
	}
	return slices.Concat(present...), slices.Concat(notices...), nil
}
