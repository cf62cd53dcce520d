package deploy

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// identityDescription is the ownership stamp as a service account can carry it: accounts have no labels, so it stands
// in the description, for example "managed-by=twelvefactor stack=0a1b2c3d4e5f creating=1767225600".
func identityDescription(stamp names.Stamp, creating time.Time) string {
	parts := []string{names.LabelManagedBy + "=" + names.ManagedBy}
	if hash := stamp.Hash(); hash != "" {
		parts = append(parts, "stack="+hash)
	}
	if !creating.IsZero() {
		parts = append(parts, "creating="+stamp.Mark(creating))
	}
	return strings.Join(parts, " ")
}

// identityMarks reads a description back into the labels that names.Stamp judges.
func identityMarks(description string) map[string]string {
	keys := map[string]string{
		names.LabelManagedBy: names.LabelManagedBy, "stack": names.LabelStack, "creating": names.LabelCreating,
	}
	marks := map[string]string{}
	for _, field := range strings.Fields(description) {
		if key, value, ok := strings.Cut(field, "="); ok && keys[key] != "" {
			marks[keys[key]] = value
		}
	}
	return marks
}

// identityCreateAttempts bounds the creates of one account: each is sent only after a look that found nothing.
const identityCreateAttempts = 3

// createAccount makes the Google service account, or brings back one that was deleted. A create whose answer was lost is
// settled by reading; an account that was there is taken over only if it is the rest of an interrupted create of this stack.
func (r *identityRun) createAccount(ctx context.Context) error {
	back, err := r.bringBack(ctx)
	if back || err != nil {
		return err
	}
	lost := false // whether a create of this run may have taken effect
	for range identityCreateAttempts {
		var made *adminpb.ServiceAccount
		made, err = r.cloud.GCP.ServiceAccounts().Create(ctx, r.spec.Project, r.spec.AccountID, &adminpb.ServiceAccount{
			DisplayName: r.spec.Name, Description: identityDescription(r.cloud.Stamp, r.creating),
		})
		if err == nil {
			r.has(made)
			return nil
		}
		if !gcp.IsAlreadyExists(err) && !gcp.Ambiguous(err) {
			break
		}
		lost = lost || gcp.Ambiguous(err)
		live, missing := r.cloud.GCP.ServiceAccounts().Get(ctx, r.spec.account().String())
		if missing == nil {
			return r.adoptAccount(live, lost)
		}
		if !gcp.IsNotFound(missing) {
			break
		}
		if cause := r.cloud.Clock.Sleep(ctx, time.Second); cause != nil {
			break
		}
	}
	return identityError(fmt.Sprintf("Cannot create service account %s", names.Quote(r.spec.email())), err, "service_account_id")
}

// adoptAccount decides about an account that is there although this run meant to make it. After a lost answer it may be
// this run's own.
func (r *identityRun) adoptAccount(live *adminpb.ServiceAccount, lost bool) error {
	if lost && live.GetDescription() == identityDescription(r.cloud.Stamp, r.creating) {
		r.has(live)
		return nil
	}
	marks := identityMarks(live.GetDescription())
	if !r.cloud.AdoptInterrupted || !r.cloud.Stamp.MayAdopt(marks, marks, r.cloud.Clock.Now(), r.timeout, false) {
		return identityExists(r.spec, "Service account", r.spec.email())
	}
	r.has(live)
	r.adopted("Service account " + r.spec.email())
	return nil
}

// has notes the account that this run made, brought back or took over.
func (r *identityRun) has(account *adminpb.ServiceAccount) {
	r.made, r.newAccount, r.uniqueID = true, true, account.GetUniqueId()
}

// awaitAccount waits until an account of this run can be read: IAM answers for a while that it does not exist, or that it
// may not be seen, and a plan that comes too soon would miss it.
func (r *identityRun) awaitAccount(ctx context.Context) error {
	if !r.newAccount {
		return nil
	}
	err := r.cloud.GCP.Poll(ctx, "service account "+r.spec.email(), func(ctx context.Context) (bool, error) {
		_, err := r.cloud.GCP.ServiceAccounts().Get(ctx, r.spec.account().String())
		if gcp.IsNotVisible(err) {
			return false, nil
		}
		return err == nil, err
	})
	return identityError(fmt.Sprintf("Cannot read service account %s", names.Quote(r.spec.email())), err)
}

// stampAccount writes description and display name when they are not as they should be. A new account may be unknown for a
// while.
func (r *identityRun) stampAccount(ctx context.Context, creating time.Time) error {
	name, description := r.spec.account().String(), identityDescription(r.cloud.Stamp, creating)
	missing := 0
	err := r.cloud.GCP.Poll(ctx, "service account "+r.spec.email(), func(ctx context.Context) (bool, error) {
		live, err := r.cloud.GCP.ServiceAccounts().Get(ctx, name)
		if err == nil && live.GetDescription() == description && live.GetDisplayName() == r.spec.Name {
			return true, nil
		}
		if err == nil {
			_, err = r.cloud.GCP.ServiceAccounts().Patch(ctx, &adminpb.ServiceAccount{
				Name: name, DisplayName: r.spec.Name, Description: description,
			}, "display_name", "description")
		}
		if gcp.IsNotVisible(err) && missing < identityPatience {
			missing++
			return false, nil
		}
		return err == nil, err
	})
	return identityError(fmt.Sprintf("Cannot update service account %s", names.Quote(r.spec.email())), err)
}

// identityPatience is how many looks a new account is given to become visible: IAM is eventually consistent.
const identityPatience = 20

// madeAgain tells whether the account of that email is another one than the identity had, and not of this stack: somebody
// has deleted it and made it again. What it may do, and whether it goes, is not ours to say.
func (c *Cloud) madeAgain(spec IdentitySpec, live *adminpb.ServiceAccount) bool {
	return spec.UniqueID != "" && live.GetUniqueId() != spec.UniqueID && !c.Stamp.Owns(identityMarks(live.GetDescription()))
}

// accountFinding is what a look at the account found.
type accountFinding struct {
	drift            []string
	exists, creating bool
	uniqueID         string
}

// findAccount says what is wrong with the account.
func (c *Cloud) findAccount(ctx context.Context, spec IdentitySpec) (accountFinding, error) {
	if !spec.hasAccount() {
		return accountFinding{}, nil
	}
	object := "service account " + spec.email()
	live, err := c.GCP.ServiceAccounts().Get(ctx, spec.account().String())
	if gcp.IsNotFound(err) {
		return accountFinding{drift: []string{object + ": present -> missing"}, uniqueID: spec.UniqueID}, nil
	}
	if err != nil {
		return accountFinding{}, identityError(fmt.Sprintf("Cannot read service account %s", names.Quote(spec.email())), err)
	}
	marks := identityMarks(live.GetDescription())
	found := accountFinding{exists: true, uniqueID: live.GetUniqueId()}
	if c.madeAgain(spec, live) {
		found.uniqueID = spec.UniqueID // the number that is ours stays known
		found.drift = append(found.drift, fmt.Sprintf("%s: number %s -> %s, made again by somebody else", object, spec.UniqueID, live.GetUniqueId()))
	}
	_, found.creating = names.CreatingSince(marks)
	if !c.Stamp.Owns(marks) {
		found.drift = append(found.drift, object+" description: the stamp of this stack -> "+names.Quote(live.GetDescription()))
	}
	if actual := live.GetDisplayName(); actual != spec.Name {
		found.drift = append(found.drift, fmt.Sprintf("%s display name: %s -> %s", object, names.Quote(spec.Name), names.Quote(actual)))
	}
	if live.GetDisabled() {
		found.drift = append(found.drift, object+": enabled -> disabled")
	}
	return found, nil
}
