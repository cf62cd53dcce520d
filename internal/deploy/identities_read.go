package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"golang.org/x/sync/errgroup"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// ReadIdentity compares an identity with what is live, by reads only. It is nil when nothing of it is left, grants
// included. A cluster that cannot be asked is a notice, and the rest is compared.
func (c *Cloud) ReadIdentity(ctx context.Context, spec IdentitySpec) (*IdentityState, []Notice, error) {
	principal, err := c.principal(ctx, spec)
	if err != nil {
		return nil, nil, err
	}
	state := &IdentityState{Principal: principal, Email: spec.email(), ServiceAccount: spec.serviceAccount()}
	var account accountFinding
	var inKube identityFinding
	var impersonation []string
	var unread []Notice
	var kubeErr error
	all, reading := errgroup.WithContext(ctx)
	all.Go(func() (err error) {
		account, err = c.findAccount(reading, spec)
		return err
	})
	all.Go(func() error {
		inKube.drift, inKube.exists, inKube.creating, kubeErr = c.kubeDrift(reading, spec)
		if identityUnreachable(kubeErr) {
			return nil
		}
		return kubeErr
	})
	all.Go(func() (err error) {
		state.Grants, unread, err = c.liveGrants(reading, spec, principal)
		return err
	})
	all.Go(func() (err error) {
		impersonation, err = c.impersonationDrift(reading, spec)
		return err
	})
	if err := all.Wait(); err != nil {
		return nil, nil, identityError(fmt.Sprintf("Cannot read workload identity %s", names.Quote(spec.Name)), err)
	}
	state.Unreachable = kubeErr != nil
	state.UniqueID = account.uniqueID
	if spec.hasAccount() && !account.exists && spec.UniqueID != "" {
		// The grants of a deleted account are still there: they count again when it comes back, and go with a destroy.
		if state.Grants, unread, err = c.liveGrants(ctx, spec, gcp.DeletedMember(spec.email(), spec.UniqueID)); err != nil {
			return nil, nil, err
		}
	}
	// An account whose number is known is not gone: it is brought back by it.
	if !account.exists && !inKube.exists && !state.Unreachable && len(state.Grants) == 0 && state.UniqueID == "" {
		return nil, nil, nil
	}
	if spec.Cluster != nil {
		state.KubeServiceAccount = spec.Name
	}
	state.Drift = slices.Concat(account.drift, impersonation, inKube.drift)
	state.Status = identityStatus(state.Drift, account.creating || inKube.creating)
	return state, append(identityNotices(spec, kubeErr), unread...), nil
}

// identityFinding is what a look at the Kubernetes service account found.
type identityFinding struct {
	drift            []string
	exists, creating bool
}

func identityStatus(drift []string, creating bool) string {
	switch {
	case creating:
		return IdentityCreating
	case len(drift) > 0:
		return IdentityDegraded
	default:
		return IdentityReady
	}
}

func identityNotices(spec IdentitySpec, unreachable error) []Notice {
	if unreachable == nil {
		return nil
	}
	return []Notice{{
		Summary: fmt.Sprintf("Cluster %s could not be asked", names.Quote(spec.Cluster.Name)),
		Detail: fmt.Sprintf("The Kubernetes service account of workload identity %s was not compared; the state keeps what it had: %s",
			names.Quote(spec.Name), gcp.Message(unreachable)),
	}}
}

// impersonationDrift tells whether the Kubernetes service account may still impersonate the Google one.
func (c *Cloud) impersonationDrift(ctx context.Context, spec IdentitySpec) ([]string, error) {
	ref, grants := spec.impersonation()
	if len(grants) == 0 {
		return nil, nil
	}
	has, err := c.GCP.Policies().Has(ctx, ref, grants)
	if gcp.IsNotFound(err) {
		return nil, nil // the missing account is reported by itself
	}
	if err != nil || has[0] {
		return nil, identityError("Cannot read the policy of "+ref.String(), err)
	}
	return []string{fmt.Sprintf("service account %s %s for %s: present -> missing", spec.email(), workloadIdentityUser, grants[0].Member)}, nil
}

// ImportIdentity finds out what an identity is by its id. Grants on projects are found in the policy of the identity's
// own project, with their conditions; grants on secrets and service accounts are not looked for.
func (c *Cloud) ImportIdentity(ctx context.Context, id string) (IdentitySpec, error) {
	spec, err := c.importedAccounts(ctx, id)
	if err != nil {
		return spec, err
	}
	member, err := c.principal(ctx, spec)
	if err != nil {
		return spec, err
	}
	found, err := c.GCP.Policies().GrantsOf(ctx, gcp.PolicyRef{Kind: gcp.ProjectPolicy, Name: "projects/" + spec.Project}, member)
	for _, g := range found {
		grant := IdentityGrant{Role: g.Role, Project: spec.Project}
		if g.Condition != nil {
			grant.Condition = IdentityCondition{
				Title: g.Condition.Title, Description: g.Condition.Description, Expression: g.Condition.Expression,
			}
		}
		spec.Grants = append(spec.Grants, grant)
	}
	return spec, identityError("Cannot read the policy of project "+spec.Project, err)
}

func (c *Cloud) importedAccounts(ctx context.Context, id string) (IdentitySpec, error) {
	if account, err := names.ParseServiceAccountName(id); err == nil {
		return c.importedAccount(ctx, account)
	}
	found, err := c.ResolveIdentity(ctx, id)
	if err != nil {
		return IdentitySpec{}, err
	}
	spec := IdentitySpec{
		Name: found.KubeServiceAccount, Project: found.Cluster.Project, Cluster: found.Cluster, Namespace: found.Namespace, Mode: IdentityDirect,
	}
	if found.Email != "" {
		spec.Mode = IdentityServiceAccount
		spec.AccountID, spec.Project = identityAccountOf(found.Email)
		return spec, checkImported(spec, found.Email)
	}
	return spec, nil
}

// checkImported refuses accounts that no project's owner has made, such as the default ones: their emails have other forms,
// and a destroy would take them from everything else that runs as them.
func checkImported(spec IdentitySpec, email string) error {
	if spec.email() == email {
		return nil
	}
	return &Error{
		Summary: fmt.Sprintf("Service account %s cannot be an identity", names.Quote(email)),
		Why: "The account of an identity is ACCOUNT@PROJECT.iam.gserviceaccount.com, in the project that the id names. Accounts of other forms, " +
			"such as the default ones of Compute Engine and App Engine, were made by Google: others run as them, and a destroy of the identity would " +
			"delete them",
		Fix: "Let this resource make an account for the app, and grant to that what the app needs. A google_project_iam_member can grant to an " +
			"account that stays as it is",
	}
}

// importedAccount reads the name of the identity from the account's display name, where create had put it.
func (c *Cloud) importedAccount(ctx context.Context, account names.ServiceAccountName) (IdentitySpec, error) {
	spec := IdentitySpec{Mode: IdentityServiceAccount, Project: account.Project}
	spec.AccountID, _ = identityAccountOf(account.Email)
	spec.Name = spec.AccountID
	if err := checkImported(spec, account.Email); err != nil {
		return spec, err
	}
	live, err := c.GCP.ServiceAccounts().Get(ctx, account.String())
	display := live.GetDisplayName()
	ours := identityMarks(live.GetDescription())[names.LabelManagedBy] == names.ManagedBy && names.CheckKubeServiceAccount(display) == nil
	if err == nil && (ours || names.ServiceAccountID(display) == spec.AccountID) {
		spec.Name = display
	}
	return spec, identityError(fmt.Sprintf("Cannot read service account %s", names.Quote(account.Email)), err)
}

// identityAccountOf takes ACCOUNT@PROJECT.iam.gserviceaccount.com apart.
func identityAccountOf(email string) (accountID, project string) {
	accountID, domain, _ := strings.Cut(email, "@")
	project = strings.TrimSuffix(domain, ".iam.gserviceaccount.com")
	if name, owner, scoped := strings.Cut(project, "."); scoped {
		project = owner + ":" + name // a project under a domain turns round in emails
	}
	return accountID, project
}

// ResolvedIdentity is what a service needs to know about the identity that it runs as.
type ResolvedIdentity struct {
	// Cluster, Namespace and KubeServiceAccount are set for an identity in a cluster.
	Cluster                       *names.ClusterID
	Namespace, KubeServiceAccount string
	// Email is the Google service account's; empty in direct mode.
	Email string
	// Member is the IAM member to grant to.
	Member string
}

// ResolveIdentity reads the identity that an id of a twelvefactor_workload_identity names.
func (c *Cloud) ResolveIdentity(ctx context.Context, id string) (ResolvedIdentity, error) {
	if account, err := names.ParseServiceAccountName(id); err == nil {
		return ResolvedIdentity{Email: account.Email, Member: account.Member()}, nil
	}
	account, err := names.ParseKubeServiceAccountID(id)
	if err != nil {
		return ResolvedIdentity{}, &Error{
			Summary: "Not the id of a workload identity", Why: err.Error(),
			Fix:       "Use the id of a twelvefactor_workload_identity, for example identity = twelvefactor_workload_identity.shop.id",
			Attribute: []string{"identity"},
		}
	}
	spec := IdentitySpec{Cluster: &account.Cluster, Namespace: account.Namespace, Name: account.Name, Mode: IdentityDirect}
	client, err := c.Kube(ctx, account.Cluster)
	if err != nil {
		return ResolvedIdentity{}, identityClusterError(spec, err)
	}
	live, err := client.Get(ctx, spec.kubeRef())
	if apierrors.IsNotFound(err) {
		return ResolvedIdentity{}, &Error{
			Summary: fmt.Sprintf("Kubernetes service account %s does not exist", names.Quote(account.Namespace+"/"+account.Name)),
			Why:     "The workload identity was deleted, or not created yet", Fix: "Refer to it by its resource, so that it is made first",
			Attribute: []string{"identity"}, Err: err,
		}
	}
	if err != nil {
		return ResolvedIdentity{}, identityKubeError("read", spec, err)
	}
	found := ResolvedIdentity{
		Cluster: &account.Cluster, Namespace: account.Namespace, KubeServiceAccount: account.Name,
		Email: live.GetAnnotations()[identityAnnotation],
	}
	if found.Email != "" {
		found.Member = "serviceAccount:" + found.Email
		return found, nil
	}
	found.Member, err = c.principal(ctx, spec)
	return found, err
}
