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

func (s *serviceRun) accountName() names.ServiceAccountName {
	return names.ServiceAccountName{Project: s.id.Project, Email: serviceOwnIdentity(s.app)}
}

// accountFor is the word of the description that ties an account to its service.
func (s *serviceRun) accountFor() string { return "service=" + s.id.Location + "/" + s.id.Name }

// accountDescription is the ownership stamp of the account. It needs no creating mark: an account of this service is
// the service's, whichever run made it.
func (s *serviceRun) accountDescription() string {
	return identityDescription(s.cloud.Stamp, time.Time{}) + " " + s.accountFor()
}

// ensureAccount makes the account that the service runs as, unless it is there. It tells whether it made it. A create
// whose answer was lost is settled by reading, and sent again only if nothing is there.
func (s *serviceRun) ensureAccount(ctx context.Context) (made bool, err error) {
	if !s.ownsAccount() {
		return false, nil
	}
	var live *adminpb.ServiceAccount
	err = s.cloud.serviceRepeat(ctx, "service account "+s.accountName().Email, func(ctx context.Context) (bool, error) {
		found, err := s.cloud.GCP.ServiceAccounts().Get(ctx, s.accountName().String())
		if err == nil {
			live = found
			return true, nil
		}
		if !gcp.IsNotFound(err) {
			return !gcp.IsTransient(err), err
		}
		_, err = s.cloud.GCP.ServiceAccounts().Create(ctx, s.id.Project, serviceAccountID(s.app), &adminpb.ServiceAccount{
			DisplayName: s.app.Name, Description: s.accountDescription(),
		})
		made = err == nil
		// One that is said to exist and is not found is not known everywhere yet.
		return !gcp.IsAlreadyExists(err) && !gcp.Ambiguous(err), err
	})
	switch {
	case err != nil:
		return made, s.accountError("create", err)
	case made:
		return true, nil
	case !s.isOurs(live):
		return false, s.foreignAccount(live)
	default:
		return false, s.restamp(ctx, live)
	}
}

func (s *serviceRun) foreignAccount(live *adminpb.ServiceAccount) error {
	return &Error{
		Summary: fmt.Sprintf("Service account %s belongs to somebody else", s.accountName().Email),
		Why: fmt.Sprintf("Service %q would make an account of this name, and the one that is there does not say that it is "+
			"this service's (description %s).", s.app.Name, names.Quote(live.GetDescription())),
		Fix: "Delete that account if nobody needs it, choose another name for the service, or bring an account with the " +
			"attribute identity.",
		Attribute: []string{"name"},
	}
}

func (s *serviceRun) isOurs(account *adminpb.ServiceAccount) bool {
	fields := strings.Fields(account.GetDescription())
	managed, service := false, false
	for _, f := range fields {
		managed = managed || f == names.LabelManagedBy+"="+names.ManagedBy
		service = service || f == s.accountFor()
	}
	return managed && service
}

// restamp writes the stamp of this stack over that of another: whoever holds the service in its state owns it.
func (s *serviceRun) restamp(ctx context.Context, live *adminpb.ServiceAccount) error {
	if live.GetDescription() == s.accountDescription() {
		return nil
	}
	_, err := s.cloud.GCP.ServiceAccounts().Patch(ctx, &adminpb.ServiceAccount{
		Name: s.accountName().String(), Description: s.accountDescription(),
	}, "description")
	return s.accountError("update", err)
}

// deleteAccount removes the account if it is this service's.
func (s *serviceRun) deleteAccount(ctx context.Context) error {
	live, err := s.cloud.GCP.ServiceAccounts().Get(ctx, s.accountName().String())
	if gcp.IsNotFound(err) {
		return nil
	}
	if err == nil && !s.isOurs(live) {
		return nil
	}
	if err == nil {
		err = s.cloud.GCP.ServiceAccounts().Delete(ctx, s.accountName().String())
	}
	if gcp.IsNotFound(err) {
		return nil
	}
	return s.accountError("delete", err)
}

func (s *serviceRun) accountError(verb string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{
		Summary: fmt.Sprintf("Cannot %s the service account of service %q", verb, s.app.Name),
		Why:     fmt.Sprintf("Service %q is to run as %s.", s.app.Name, s.accountName().Email),
		Err:     err,
	}
}
