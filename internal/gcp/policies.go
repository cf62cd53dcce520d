package gcp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"cloud.google.com/go/iam"
	admin "cloud.google.com/go/iam/admin/apiv1"
	"cloud.google.com/go/iam/apiv1/iampb"
	"golang.org/x/sync/singleflight"
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

// Policies changes policies member by member and leaves everything else in them as it was. A change is done when a read
// that follows the write shows it. Whether a role has come into effect everywhere is another matter, which takes IAM some
// minutes and which only the member's own calls show.
type Policies struct {
	c      *Client
	mu     sync.Mutex
	queues map[PolicyRef]*policyQueue
	looks  singleflight.Group
}

// Policies gives the one set of policy queues of this client.
func (c *Client) Policies() *Policies { return c.policies }

// Add makes sure that the grants are in the policy. It waits out concurrent changes, and members that IAM does not
// know yet, until ctx ends: it is for principals that this run may just have made. A service account whose policy it is
// for is waited for MemberGrace.
func (p *Policies) Add(ctx context.Context, ref PolicyRef, grants []Grant) error {
	return p.change(ref, &policyChange{ctx: ctx, add: grants})
}

// AddToNew is Add for the policy of an object that this run made, which is waited for until ctx ends.
func (p *Policies) AddToNew(ctx context.Context, ref PolicyRef, grants []Grant) error {
	return p.change(ref, &policyChange{ctx: ctx, add: grants, newObject: true})
}

// AddExisting is Add for members that somebody typed. It waits MemberGrace for one that IAM does not know, then it gives
// a *MissingMemberError.
func (p *Policies) AddExisting(ctx context.Context, ref PolicyRef, grants []Grant) error {
	return p.change(ref, &policyChange{ctx: ctx, add: grants, existing: true})
}

// Change is Add and Remove in one write: there is no moment in which neither the old nor the new grants are there.
func (p *Policies) Change(ctx context.Context, ref PolicyRef, add, remove []Grant) error {
	return p.change(ref, &policyChange{ctx: ctx, add: add, drop: remove})
}

// Remove makes sure that the grants are not in the policy. An object that is gone has no grants.
func (p *Policies) Remove(ctx context.Context, ref PolicyRef, grants []Grant) error {
	err := p.change(ref, &policyChange{ctx: ctx, drop: grants})
	if IsNotFound(err) {
		return nil
	}
	return err
}

// Has tells for each grant whether it is in the policy.
func (p *Policies) Has(ctx context.Context, ref PolicyRef, grants []Grant) ([]bool, error) {
	policy, err := p.look(ctx, ref)
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
	policy, err := p.look(ctx, ref)
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

// GrantsOf lists what a member is granted, in the policy's order.
func (p *Policies) GrantsOf(ctx context.Context, ref PolicyRef, member string) ([]Grant, error) {
	policy, err := p.look(ctx, ref)
	if err != nil {
		return nil, err
	}
	var grants []Grant
	for _, b := range policy.GetBindings() {
		g := Grant{Role: b.GetRole(), Member: member, Condition: conditionOf(b)}
		if policyHas(&iampb.Policy{Bindings: []*iampb.Binding{b}}, g) {
			grants = append(grants, g)
		}
	}
	return grants, nil
}

// DeletedAccounts lists the unique ids under which a policy still shows deleted service accounts of that email, each once,
// the last one first. It is the only place where Google Cloud says how a deleted account can be brought back.
func (p *Policies) DeletedAccounts(ctx context.Context, ref PolicyRef, email string) ([]string, error) {
	policy, err := p.look(ctx, ref)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, b := range policy.GetBindings() {
		for _, m := range b.GetMembers() {
			if id, ok := deletedAccountID(m, email); ok && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	slices.Reverse(ids)
	return ids, nil
}

// look reads a policy for somebody who only wants to know. Many resources of one run look at the same policy: who asks
// while a read is on its way gets its answer.
func (p *Policies) look(ctx context.Context, ref PolicyRef) (*iampb.Policy, error) {
	answer := p.looks.DoChan(ref.String(), func() (any, error) {
		return p.get(context.WithoutCancel(ctx), ref) // for the others, too; one request is bounded by its own timeout
	})
	select {
	case got := <-answer:
		policy, _ := got.Val.(*iampb.Policy)
		return policy, got.Err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// forget has the next look read the policy again: a read that began before a write must not answer one that comes after.
func (p *Policies) forget(ref PolicyRef) { p.looks.Forget(ref.String()) }

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
		api, err := p.c.secretsAPI(ctx, ref.Name)
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

// set writes a policy and gives it as it was written, with its new etag.
func (p *Policies) set(ctx context.Context, ref PolicyRef, policy *iampb.Policy) (*iampb.Policy, error) {
	req := &iampb.SetIamPolicyRequest{Resource: ref.Name, Policy: policy}
	switch ref.Kind {
	case ProjectPolicy:
		api, err := p.c.projectsAPI(ctx)
		if err != nil {
			return nil, err
		}
		return api.SetIamPolicy(ctx, req)
	case SecretPolicy:
		api, err := p.c.secretsAPI(ctx, ref.Name)
		if err != nil {
			return nil, err
		}
		return api.SetIamPolicy(ctx, req)
	case RunServicePolicy:
		api, err := p.c.servicesAPI(ctx)
		if err != nil {
			return nil, err
		}
		return api.SetIamPolicy(ctx, req)
	case ServiceAccountPolicy:
		api, err := p.c.accountsAPI(ctx)
		if err != nil {
			return nil, err
		}
		written, err := api.SetIamPolicy(ctx, &admin.SetIamPolicyRequest{
			Resource: ref.Name, Policy: &iam.Policy{InternalProto: policy},
		})
		if err != nil {
			return nil, err
		}
		return written.InternalProto, nil
	default:
		return nil, fmt.Errorf("policy of an unknown kind %q", ref.Kind)
	}
}

// errNoEtag refuses to write a policy that came without an etag: such a write would take away what others wrote
// in between.
var errNoEtag = errors.New("the policy was answered without an etag, so it cannot be changed safely")
