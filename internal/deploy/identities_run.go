package deploy

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// identityRun is one change of one identity.
type identityRun struct {
	cloud    *Cloud
	spec     IdentitySpec
	creating time.Time // the mark of this create; zero in an update
	timeout  time.Duration
	made     bool // something of the identity is there
	fresh    bool // this is a create, not the repair in an update
	// newAccount says that the account came to be in this run, so that IAM may not know it yet, and uniqueID its number.
	newAccount bool
	uniqueID   string
	notices    []Notice
}

func (r *identityRun) adopted(object string) {
	r.notices = append(r.notices, Notice{
		Summary: object + " was taken over",
		Detail:  "An earlier run of this stack was interrupted while creating it. This run goes on from there.",
	})
}

// CreateIdentity makes an identity and its grants. It returns nil and an error when nothing is there; a state with
// status creating and a notice when the run was interrupted, so that the next apply goes on; a state and an error when
// something is there that could not be finished.
func (c *Cloud) CreateIdentity(ctx context.Context, spec IdentitySpec, timeout time.Duration) (*IdentityState, []Notice, error) {
	defer c.announceGrants(spec.Grants, nil)()
	r := &identityRun{cloud: c, spec: spec, timeout: timeout, creating: c.Clock.Now(), fresh: true}
	principal, err := c.principal(ctx, spec)
	if err == nil {
		err = r.create(ctx)
	}
	if err != nil && !r.made {
		return nil, nil, err
	}
	state := &IdentityState{
		Principal: principal, Email: spec.email(), ServiceAccount: spec.serviceAccount(), UniqueID: r.uniqueID,
		Grants: spec.Grants, Status: IdentityReady,
	}
	if spec.Cluster != nil {
		state.KubeServiceAccount = spec.Name
	}
	if err == nil {
		return state, r.notices, nil
	}
	state.Status = IdentityCreating
	if ctx.Err() == nil {
		return state, r.notices, err
	}
	return state, append(r.notices, Notice{
		Summary: fmt.Sprintf("Workload identity %s is not finished", names.Quote(spec.Name)),
		Detail: "The run was interrupted or its timeout ended before everything was there: " + gcp.Message(err) +
			". The next apply goes on from here.",
	}), nil
}

func (r *identityRun) create(ctx context.Context) error {
	if err := r.spec.checkGrants(); err != nil {
		return err
	}
	if err := r.checkKube(ctx); err != nil {
		return err
	}
	if r.spec.hasAccount() {
		if err := r.createAccount(ctx); err != nil {
			return err
		}
	}
	return r.converge(ctx, nil)
}

// converge brings everything but the account's existence to the declared state; before are the grants that were declared
// earlier. The marks of an unfinished create go last.
func (r *identityRun) converge(ctx context.Context, before []IdentityGrant) error {
	if err := r.applyKube(ctx, r.creating); err != nil {
		return err
	}
	var all errgroup.Group // one failing policy does not stop the others
	all.Go(func() error { return r.impersonate(ctx) })
	all.Go(func() error {
		return r.grant(ctx, r.spec.Grants, slices.DeleteFunc(slices.Clone(before), func(g IdentityGrant) bool {
			return slices.Contains(r.spec.Grants, g)
		}))
	})
	if err := all.Wait(); err != nil {
		return err
	}
	if err := r.awaitAccount(ctx); err != nil {
		return err
	}
	if r.fresh {
		return r.cloud.endCreate(ctx, r.takeMarksOff)
	}
	return r.takeMarksOff(ctx)
}

// impersonate lets the Kubernetes service account be the Google one.
func (r *identityRun) impersonate(ctx context.Context) error {
	ref, grants := r.spec.impersonation()
	add := r.cloud.GCP.Policies().Add
	if r.newAccount {
		add = r.cloud.GCP.Policies().AddToNew
	}
	return identityError("Cannot let the Kubernetes service account impersonate "+r.spec.email(), add(ctx, ref, grants))
}

// endImpersonation takes back what impersonate granted.
func (r *identityRun) endImpersonation(ctx context.Context) error {
	ref, grants := r.spec.impersonation()
	err := r.cloud.GCP.Policies().Remove(ctx, ref, grants)
	if gcp.Classify(err) != gcp.PermissionDenied {
		return identityError("Cannot end the impersonation of "+r.spec.email(), err)
	}
	return &Error{
		Summary: "Cannot end the impersonation of " + r.spec.email(),
		Why: fmt.Sprintf("%s may still impersonate the account, and the caller of this run may not change the account's policy. The account is "+
			"not deleted, because the grant would count again if somebody brought it back", grants[0].Member),
		Fix: fmt.Sprintf("Give the caller %s on it, for example with %s, or delete the account by hand and destroy again",
			policyAccess[ref.Kind].permissions, policyAccess[ref.Kind].role),
		Err: err,
	}
}

func (r *identityRun) takeMarksOff(ctx context.Context) error {
	if r.spec.hasAccount() {
		if err := r.stampAccount(ctx, time.Time{}); err != nil {
			return err
		}
	}
	if r.creating.IsZero() {
		return nil
	}
	return r.applyKube(ctx, time.Time{})
}

// UpdateIdentity brings an identity to the declared state: what is missing is made again, new grants are added, and
// grants that were declared before and are not any more are taken back.
func (c *Cloud) UpdateIdentity(ctx context.Context, spec IdentitySpec, before []IdentityGrant) (*IdentityState, []Notice, error) {
	defer c.announceGrants(spec.Grants, before)()
	r := &identityRun{cloud: c, spec: spec}
	err := r.update(ctx, before)
	if err != nil {
		return nil, r.notices, err
	}
	if r.uniqueID != "" {
		spec.UniqueID = r.uniqueID
	}
	state, notices, err := c.ReadIdentity(ctx, spec)
	return state, append(r.notices, notices...), err
}

func (r *identityRun) update(ctx context.Context, before []IdentityGrant) error {
	if err := r.spec.checkGrants(); err != nil {
		return err
	}
	if err := r.repairAccount(ctx); err != nil {
		return err
	}
	return r.converge(ctx, before)
}

// repairAccount brings the Google service account back when it is missing, and makes it usable when it is disabled.
func (r *identityRun) repairAccount(ctx context.Context) error {
	if !r.spec.hasAccount() {
		return nil
	}
	name := r.spec.account().String()
	live, err := r.cloud.GCP.ServiceAccounts().Get(ctx, name)
	switch {
	case gcp.IsNotFound(err):
		r.creating = r.cloud.Clock.Now()
		return r.createAccount(ctx)
	case err != nil:
		return identityError(fmt.Sprintf("Cannot read service account %s", names.Quote(r.spec.email())), err)
	case r.cloud.madeAgain(r.spec, live):
		return &Error{
			Summary: fmt.Sprintf("Service account %s is another one now", names.Quote(r.spec.email())),
			Why: fmt.Sprintf("The account that this identity had, number %s, was deleted, and somebody else has made one of the same name. It is "+
				"not taken over.", r.spec.UniqueID),
			Fix: "Choose another service_account_id, or find out who made it. To have this identity use that account after all, remove the identity " +
				"from the state and import it.",
			Attribute: []string{"service_account_id"},
		}
	case live.GetDisabled():
		return identityError(fmt.Sprintf("Cannot enable service account %s", names.Quote(r.spec.email())),
			r.cloud.GCP.ServiceAccounts().Enable(ctx, name))
	}
	return nil
}

// DeleteIdentity takes back the grants and removes what the identity made. What is gone already, the cluster included,
// is no error. Grants that may not be taken back are an error after everything else is gone, so that who knows that they are
// gone, too, has no more to do than to forget them.
func (c *Cloud) DeleteIdentity(ctx context.Context, spec IdentitySpec) ([]Notice, error) {
	defer c.announceGrants(nil, spec.Grants)()
	r := &identityRun{cloud: c, spec: spec}
	left, err := r.endGrants(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.deleteKube(ctx); err != nil {
		return r.notices, err
	}
	if spec.hasAccount() {
		if err := r.deleteAccount(ctx); err != nil {
			return r.notices, err
		}
	}
	return r.notices, left
}
