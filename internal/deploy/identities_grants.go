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
	if g.Secret != "" {
		return gcp.PolicyRef{Kind: gcp.SecretPolicy, Name: g.Secret}
	}
	return gcp.PolicyRef{Kind: gcp.ProjectPolicy, Name: "projects/" + g.Project}
}

// compare orders grants by target and role.
func (g IdentityGrant) compare(o IdentityGrant) int {
	return cmp.Or(cmp.Compare(g.Project, o.Project), cmp.Compare(g.Secret, o.Secret), cmp.Compare(g.Role, o.Role))
}

// identityGroup is the grants that go into one policy.
type identityGroup struct {
	ref    gcp.PolicyRef
	grants []IdentityGrant
}

// identityGroups sorts grants by policy.
func identityGroups(grants []IdentityGrant) []identityGroup {
	var groups []identityGroup
	for _, g := range slices.SortedFunc(slices.Values(grants), IdentityGrant.compare) {
		if n := len(groups); n == 0 || groups[n-1].ref != g.target() {
			groups = append(groups, identityGroup{ref: g.target()})
		}
		last := &groups[len(groups)-1]
		last.grants = append(last.grants, g)
	}
	return groups
}

// to are the grants with the member that gets them.
func (g identityGroup) to(member string) []gcp.Grant {
	var grants []gcp.Grant
	for _, grant := range g.grants {
		grants = append(grants, gcp.Grant{Role: grant.Role, Member: member})
	}
	return grants
}

// grant adds the grants to their policies, side by side. The policies' queues wait until IAM knows the member.
func (r *identityRun) grant(ctx context.Context, grants []IdentityGrant) error {
	return r.eachPolicy(ctx, "Cannot grant roles on", grants, r.cloud.GCP.Policies().Add)
}

// revoke takes the grants out of their policies, and nothing else.
func (r *identityRun) revoke(ctx context.Context, grants []IdentityGrant) error {
	return r.eachPolicy(ctx, "Cannot take back roles on", grants, r.cloud.GCP.Policies().Remove)
}

func (r *identityRun) eachPolicy(ctx context.Context, what string, grants []IdentityGrant,
	change func(context.Context, gcp.PolicyRef, []gcp.Grant) error) error {
	if len(grants) == 0 {
		return nil
	}
	member, err := r.cloud.principal(ctx, r.spec)
	if err != nil {
		return err
	}
	var all errgroup.Group // one failing policy does not stop the others
	for _, group := range identityGroups(grants) {
		all.Go(func() error {
			return identityError(what+" "+group.ref.String(), change(ctx, group.ref, group.to(member)), "grants")
		})
	}
	return all.Wait()
}

// liveGrants gives those of the grants that are in the policies, in order.
func (c *Cloud) liveGrants(ctx context.Context, grants []IdentityGrant, member string) ([]IdentityGrant, error) {
	groups := identityGroups(grants)
	present := make([][]IdentityGrant, len(groups))
	all, ctx := errgroup.WithContext(ctx)
	for i, group := range groups {
		all.Go(func() error {
			has, err := c.GCP.Policies().Has(ctx, group.ref, group.to(member))
			if gcp.IsNotFound(err) {
				return nil // with its object the policy is gone, and the grants in it
			}
			if err != nil {
				return identityError("Cannot read the policy of "+group.ref.String(), err, "grants")
			}
			for j, g := range group.grants {
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
