package deploy

import (
	"cmp"
	"context"
	"fmt"
	"slices"

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
				return identityGrantError("Cannot take back roles on", group, policies.Remove(ctx, group.ref, grantsTo(group.drop, out...)))
			}
			gone := grantsTo(group.drop, out...)
			if anew { // the account of these grants cannot come back
				gone = append(gone, grantsTo(group.add, gcp.DeletedMember(r.spec.email(), r.spec.UniqueID))...)
			}
			return identityGrantError("Cannot grant roles on", group, policies.Change(ctx, group.ref, grantsTo(group.add, member), gone))
		})
	}
	return all.Wait()
}

// liveGrants gives, of the grants, those that are in the policies for the member, in order.
func (c *Cloud) liveGrants(ctx context.Context, grants []IdentityGrant, member string) ([]IdentityGrant, error) {
	groups := identityGroups(grants, nil)
	present := make([][]IdentityGrant, len(groups))
	all, ctx := errgroup.WithContext(ctx)
	for i, group := range groups {
		all.Go(func() error {
			has, err := c.GCP.Policies().Has(ctx, group.ref, grantsTo(group.add, member))
			if gcp.IsNotFound(err) {
				return nil // with its object the policy is gone, and the grants in it
			}
			if err != nil {
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
		return nil, err
	}
	return slices.Concat(present...), nil
}
