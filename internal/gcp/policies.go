package gcp

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"cloud.google.com/go/iam"
	admin "cloud.google.com/go/iam/admin/apiv1"
	"cloud.google.com/go/iam/apiv1/iampb"
)

// PolicyKind is the kind of object that a policy belongs to.
type PolicyKind string

// The kinds of policies.
const (
	ProjectPolicy        PolicyKind = "project"
	SecretPolicy         PolicyKind = "secret"
	ServiceAccountPolicy PolicyKind = "service account"
	RunServicePolicy     PolicyKind = "Cloud Run service"
)

// PolicyRef names the policy of one object by the object's full name (projects/P, projects/P/secrets/S, …).
type PolicyRef struct {
	Kind PolicyKind
	Name string
}

// String is the kind and the name.
func (r PolicyRef) String() string { return string(r.Kind) + " " + r.Name }

// Grant gives one role to one member, perhaps under a condition.
type Grant struct {
	Role, Member string
	Condition    *Condition
}

// Condition is an IAM condition; two are the same when all three fields are.
type Condition struct{ Title, Description, Expression string }

// Policies changes policies member by member and leaves everything else in them as it was.
type Policies struct {
	c      *Client
	mu     sync.Mutex
	queues map[PolicyRef]*policyQueue
}

// Policies gives the one set of policy queues of this client.
func (c *Client) Policies() *Policies { return c.policies }

// Add makes sure that the grants are in the policy. It waits out concurrent changes, and members that IAM does not
// know yet, until ctx ends: it is for principals that this run may just have made.
func (p *Policies) Add(ctx context.Context, ref PolicyRef, grants []Grant) error {
	return p.change(ref, &policyChange{ctx: ctx, grants: grants})
}

// AddExisting is Add for members that somebody typed. It waits MemberGrace for one that IAM does not know, then it gives
// a *MissingMemberError.
func (p *Policies) AddExisting(ctx context.Context, ref PolicyRef, grants []Grant) error {
	return p.change(ref, &policyChange{ctx: ctx, grants: grants, existing: true})
}

// Remove makes sure that the grants are not in the policy. An object that is gone has no grants.
func (p *Policies) Remove(ctx context.Context, ref PolicyRef, grants []Grant) error {
	err := p.change(ref, &policyChange{ctx: ctx, grants: grants, remove: true})
	if IsNotFound(err) {
		return nil
	}
	return err
}

// Has tells for each grant whether it is in the policy.
func (p *Policies) Has(ctx context.Context, ref PolicyRef, grants []Grant) ([]bool, error) {
	policy, err := p.get(ctx, ref)
	if err != nil {
		return nil, err
	}
	has := make([]bool, len(grants))
	for i, g := range grants {
		has[i] = policyHas(policy, g)
	}
	return has, nil
}

// Members lists who has a role without a condition, in the policy's order.
func (p *Policies) Members(ctx context.Context, ref PolicyRef, role string) ([]string, error) {
	policy, err := p.get(ctx, ref)
	if err != nil {
		return nil, err
	}
	var members []string
	for _, b := range policy.GetBindings() {
		if b.GetRole() == role && b.GetCondition() == nil {
			members = append(members, b.GetMembers()...)
		}
	}
	return members, nil
}

// Roles lists the roles that a member has without a condition, in the policy's order.
func (p *Policies) Roles(ctx context.Context, ref PolicyRef, member string) ([]string, error) {
	policy, err := p.get(ctx, ref)
	if err != nil {
		return nil, err
	}
	var roles []string
	for _, b := range policy.GetBindings() {
		if policyHas(&iampb.Policy{Bindings: []*iampb.Binding{b}}, Grant{Role: b.GetRole(), Member: member}) {
			roles = append(roles, b.GetRole())
		}
	}
	return roles, nil
}

// policyVersion is the version that knows conditions. Asking for less, and writing back what was answered, would
// drop the conditions of others (google.iam.v1.Policy.version).
const policyVersion = 3

func (p *Policies) get(ctx context.Context, ref PolicyRef) (*iampb.Policy, error) {
	req := &iampb.GetIamPolicyRequest{
		Resource: ref.Name, Options: &iampb.GetPolicyOptions{RequestedPolicyVersion: policyVersion},
	}
	switch ref.Kind {
	case ProjectPolicy:
		api, err := p.c.projectsAPI(ctx)
		if err != nil {
			return nil, err
		}
		return api.GetIamPolicy(ctx, req)
	case SecretPolicy:
		api, err := p.c.secretsAPI(ctx)
		if err != nil {
			return nil, err
		}
		return api.GetIamPolicy(ctx, req)
	case RunServicePolicy:
		api, err := p.c.servicesAPI(ctx)
		if err != nil {
			return nil, err
		}
		return api.GetIamPolicy(ctx, req)
	case ServiceAccountPolicy:
		api, err := p.c.accountsAPI(ctx)
		if err != nil {
			return nil, err
		}
		policy, err := api.GetIamPolicy(ctx, req)
		if err != nil {
			return nil, err
		}
		return policy.InternalProto, nil
	default:
		return nil, fmt.Errorf("policy of an unknown kind %q", ref.Kind)
	}
}

func (p *Policies) set(ctx context.Context, ref PolicyRef, policy *iampb.Policy) error {
	req := &iampb.SetIamPolicyRequest{Resource: ref.Name, Policy: policy}
	switch ref.Kind {
	case ProjectPolicy:
		api, err := p.c.projectsAPI(ctx)
		if err != nil {
			return err
		}
		_, err = api.SetIamPolicy(ctx, req)
		return err
	case SecretPolicy:
		api, err := p.c.secretsAPI(ctx)
		if err != nil {
			return err
		}
		_, err = api.SetIamPolicy(ctx, req)
		return err
	case RunServicePolicy:
		api, err := p.c.servicesAPI(ctx)
		if err != nil {
			return err
		}
		_, err = api.SetIamPolicy(ctx, req)
		return err
	case ServiceAccountPolicy:
		api, err := p.c.accountsAPI(ctx)
		if err != nil {
			return err
		}
		_, err = api.SetIamPolicy(ctx, &admin.SetIamPolicyRequest{
			Resource: ref.Name, Policy: &iam.Policy{InternalProto: policy},
		})
		return err
	default:
		return fmt.Errorf("policy of an unknown kind %q", ref.Kind)
	}
}

// errNoEtag refuses to write a policy that came without an etag: such a write would take away what others wrote
// in between.
var errNoEtag = errors.New("the policy was answered without an etag, so it cannot be changed safely")
