package deploy

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"golang.org/x/sync/errgroup"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// IAM keeps a deleted account for 30 days, and takes it back by its unique id only; no call lists deleted accounts. A new
// account of the same email is another principal, to which nothing that the old one was granted applies, while policies
// show the old one as "deleted:serviceAccount:EMAIL?uid=ID". So before an account is made, the id of a deleted one is
// looked for where it may be known: in the state, in what this process deleted, and in policies.
// Source: https://cloud.google.com/iam/docs/service-accounts-delete-undelete.

// bringBack undeletes the account if there is a deleted one whose id can be known, and tells whether it did. One that is
// gone for good, or whose email another account has, is left alone.
func (r *identityRun) bringBack(ctx context.Context) (bool, error) {
	ids, err := r.deletedIDs(ctx)
	if err != nil {
		return false, err
	}
	var refused error
	for _, id := range ids {
		account, err := r.undelete(ctx, id)
		switch {
		case err == nil:
			return true, r.restored(ctx, account)
		case gcp.IsNotFound(err), gcp.IsAlreadyExists(err), gcp.Classify(err) == gcp.FailedPrecondition:
			refused = err
		default:
			return false, &Error{
				Summary: fmt.Sprintf("Cannot bring back service account %s", names.Quote(r.spec.email())),
				Why: "An account of that name was deleted less than 30 days ago (unique id " + id + "). A new one in its place would " +
					"have none of what it was granted",
				Fix: "Give the caller iam.serviceAccounts.undelete, for example with roles/iam.serviceAccountAdmin, or choose " +
					"another service_account_id",
				Attribute: []string{"service_account_id"}, Err: err,
			}
		}
	}
	if refused != nil {
		r.notices = append(r.notices, Notice{
			Summary: fmt.Sprintf("Service account %s is a new one", r.spec.email()),
			Detail: fmt.Sprintf("A deleted account of that name (unique id %s) could not be brought back: %s. The new one gets the "+
				"grants that are declared here; what the old one was granted elsewhere does not apply to it, and shows in policies "+
				"as deleted:serviceAccount:… until somebody removes it.", ids[0], gcp.Message(refused)),
		})
	}
	return false, nil
}

// deletedIDs lists the ids of deleted accounts of this email, the likeliest first.
func (r *identityRun) deletedIDs(ctx context.Context) ([]string, error) {
	var ids []string
	if r.spec.UniqueID != "" {
		ids = append(ids, r.spec.UniqueID)
	}
	if id, ok := r.cloud.deletedAccounts.Load(r.spec.email()); ok {
		ids = append(ids, id.(string)) //nolint:forcetypeassert // only strings are stored
	}
	if len(ids) > 0 {
		return slices.Compact(ids), nil
	}
	project := gcp.PolicyRef{Kind: gcp.ProjectPolicy, Name: "projects/" + r.spec.Project}
	refs := []gcp.PolicyRef{}
	for _, group := range identityGroups(r.spec.Grants, nil) {
		refs = append(refs, group.ref)
	}
	if !slices.Contains(refs, project) {
		refs = append(refs, project)
	}
	found := make([][]string, len(refs))
	all, ctx := errgroup.WithContext(ctx)
	for i, ref := range refs {
		all.Go(func() (err error) {
			found[i], err = r.deletedIn(ctx, ref)
			return err
		})
	}
	err := all.Wait()
	for _, id := range slices.Concat(found...) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// deletedIn looks into one policy. One that may not be read, or is not there yet, tells nothing.
func (r *identityRun) deletedIn(ctx context.Context, ref gcp.PolicyRef) (ids []string, err error) {
	err = r.cloud.GCP.Poll(ctx, "the policy of "+ref.String(), func(ctx context.Context) (bool, error) {
		ids, err = r.cloud.GCP.Policies().DeletedAccounts(ctx, ref, r.spec.email())
		return err == nil, err
	})
	if gcp.IsNotFound(err) || gcp.Classify(err) == gcp.PermissionDenied {
		return nil, nil
	}
	return ids, identityError("Cannot read the policy of "+ref.String(), err, "grants")
}

// undelete brings one account back. A lost answer is settled by reading.
func (r *identityRun) undelete(ctx context.Context, id string) (account *adminpb.ServiceAccount, err error) {
	for range identityCreateAttempts {
		account, err = r.cloud.GCP.ServiceAccounts().Undelete(ctx, "projects/"+r.spec.Project+"/serviceAccounts/"+id)
		if !gcp.Ambiguous(err) {
			return account, err
		}
		live, missing := r.cloud.GCP.ServiceAccounts().Get(ctx, r.spec.account().String())
		if missing == nil && live.GetUniqueId() == id {
			return live, nil
		}
		if missing != nil && !gcp.IsNotVisible(missing) || r.cloud.Clock.Sleep(ctx, time.Second) != nil {
			break
		}
	}
	return account, err
}

// restored makes an account that came back this identity's own. It first gets the mark of an unfinished create, so that a
// run that is killed after this is gone on with.
func (r *identityRun) restored(ctx context.Context, account *adminpb.ServiceAccount) error {
	r.cloud.deletedAccounts.Delete(r.spec.email())
	r.has(account)
	r.notices = append(r.notices, Notice{
		Summary: "Service account " + r.spec.email() + " was brought back",
		Detail: "An account of that name had been deleted less than 30 days ago. It was undeleted (unique id " + account.GetUniqueId() +
			") in place of a new one, so that what it is granted elsewhere is in effect again.",
	})
	name, missing := r.spec.account().String(), 0
	err := r.cloud.GCP.Poll(ctx, "service account "+r.spec.email(), func(ctx context.Context) (bool, error) {
		_, err := r.cloud.GCP.ServiceAccounts().Patch(ctx, &adminpb.ServiceAccount{
			Name: name, DisplayName: r.spec.Name, Description: identityDescription(r.cloud.Stamp, r.creating),
		}, "display_name", "description")
		if err == nil && account.GetDisabled() {
			err = r.cloud.GCP.ServiceAccounts().Enable(ctx, name)
		}
		if gcp.IsNotVisible(err) && missing < identityPatience {
			missing++
			return false, nil
		}
		return err == nil, err
	})
	return identityError(fmt.Sprintf("Cannot update service account %s", names.Quote(r.spec.email())), err)
}

// deleteAccount deletes the account and remembers its id for a create of the same name in this run. It gets the mark of an
// unfinished create first: an account that comes back by its id is then not taken for a finished one of another state. Its
// own policy comes back with it, so what this identity put there is taken out before.
func (r *identityRun) deleteAccount(ctx context.Context) error {
	name := r.spec.account().String()
	accounts := r.cloud.GCP.ServiceAccounts()
	live, missing := accounts.Get(ctx, name)
	if missing == nil && r.cloud.madeAgain(r.spec, live) {
		r.notices = append(r.notices, Notice{
			Summary: fmt.Sprintf("Service account %s was left", names.Quote(r.spec.email())),
			Detail:  "The account that this identity had was deleted before, and somebody else has made one of the same name.",
		})
		return nil
	}
	if !gcp.IsNotFound(missing) {
		if err := r.endImpersonation(ctx); err != nil {
			return err
		}
	}
	// Only a help: a caller who may not update the account may well be allowed to delete it, and it may be gone.
	_, _ = accounts.Patch(ctx, &adminpb.ServiceAccount{
		Name: name, Description: identityDescription(r.cloud.Stamp, r.cloud.Clock.Now()),
	}, "description")
	err := accounts.Delete(ctx, name)
	if gcp.IsNotFound(err) {
		err = nil
	}
	if err == nil && r.spec.UniqueID != "" {
		r.cloud.deletedAccounts.Store(r.spec.email(), r.spec.UniqueID)
	}
	return identityError(fmt.Sprintf("Cannot delete service account %s", names.Quote(r.spec.email())), err)
}
