package deploy

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

var identityRoleForm = regexp.MustCompile(`^roles/[A-Za-z0-9_.]{1,128}$`)

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

// createAccount makes the Google service account. A create whose answer was lost is settled by reading; an account
// that was there is taken over only if it is the rest of an interrupted create of this stack.
func (r *identityRun) createAccount(ctx context.Context) error {
	var err error
	lost := false // whether a create of this run may have taken effect
	for range identityCreateAttempts {
		_, err = r.cloud.GCP.ServiceAccounts().Create(ctx, r.spec.Project, r.spec.AccountID, &adminpb.ServiceAccount{
			DisplayName: r.spec.Name, Description: identityDescription(r.cloud.Stamp, r.creating),
		})
		if err == nil {
			r.made = true
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
		r.made = true
		return nil
	}
	marks := identityMarks(live.GetDescription())
	if !r.cloud.AdoptInterrupted || !r.cloud.Stamp.MayAdopt(marks, marks, r.cloud.Clock.Now(), r.timeout, false) {
		return identityExists(r.spec, "Service account", r.spec.email())
	}
	r.made = true
	r.adopted("Service account " + r.spec.email())
	return nil
}

// stampAccount writes the description when it is not as it should be. A new account may be unknown for a while.
func (r *identityRun) stampAccount(ctx context.Context, creating time.Time) error {
	name, description := r.spec.account().String(), identityDescription(r.cloud.Stamp, creating)
	missing := 0
	err := r.cloud.GCP.Poll(ctx, "service account "+r.spec.email(), func(ctx context.Context) (bool, error) {
		live, err := r.cloud.GCP.ServiceAccounts().Get(ctx, name)
		if err == nil && live.GetDescription() == description {
			return true, nil
		}
		if err == nil {
			_, err = r.cloud.GCP.ServiceAccounts().Patch(ctx, &adminpb.ServiceAccount{Name: name, Description: description}, "description")
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

// accountDrift says what is wrong with the account. exists is false when it is not there.
func (c *Cloud) accountDrift(ctx context.Context, spec IdentitySpec) (drift []string, exists, creating bool, err error) {
	if !spec.hasAccount() {
		return nil, false, false, nil
	}
	object := "service account " + spec.email()
	live, err := c.GCP.ServiceAccounts().Get(ctx, spec.account().String())
	if gcp.IsNotFound(err) {
		return []string{object + ": present -> missing"}, false, false, nil
	}
	if err != nil {
		return nil, false, false, identityError(fmt.Sprintf("Cannot read service account %s", names.Quote(spec.email())), err)
	}
	marks := identityMarks(live.GetDescription())
	_, creating = names.CreatingSince(marks)
	if !c.Stamp.Owns(marks) {
		drift = append(drift, object+" description: the stamp of this stack -> "+names.Quote(live.GetDescription()))
	}
	if live.GetDisabled() {
		drift = append(drift, object+": enabled -> disabled")
	}
	return drift, true, creating, nil
}
