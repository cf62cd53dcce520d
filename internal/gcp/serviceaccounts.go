package gcp

import (
	"context"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// ServiceAccounts is IAM's collection of service accounts. Names are projects/P/serviceAccounts/EMAIL.
type ServiceAccounts struct{ c *Client }

// ServiceAccounts gives the service account collection.
func (c *Client) ServiceAccounts() ServiceAccounts { return ServiceAccounts{c} }

// Get reads one account. Right after its creation an account may still be unknown (404, or 403 with the wildcard
// project), and right after its deletion still there.
func (s ServiceAccounts) Get(ctx context.Context, name string) (*adminpb.ServiceAccount, error) {
	api, err := s.c.accountsAPI(ctx)
	if err != nil {
		return nil, err
	}
	account, err := api.GetServiceAccount(ctx, &adminpb.GetServiceAccountRequest{Name: name})
	if err != nil {
		return nil, err
	}
	return account, checkName(name, account.GetName())
}

// Create makes an account ACCOUNT_ID@PROJECT.iam.gserviceaccount.com.
func (s ServiceAccounts) Create(ctx context.Context, project, accountID string, account *adminpb.ServiceAccount) (*adminpb.ServiceAccount, error) {
	api, err := s.c.accountsAPI(ctx)
	if err != nil {
		return nil, err
	}
	return api.CreateServiceAccount(ctx, &adminpb.CreateServiceAccountRequest{
		Name: "projects/" + project, AccountId: accountID, ServiceAccount: account,
	})
}

// Patch writes the fields named by mask; IAM accepts display_name and description. The answer holds the name and the
// written fields only.
func (s ServiceAccounts) Patch(ctx context.Context, account *adminpb.ServiceAccount, mask ...string) (*adminpb.ServiceAccount, error) {
	api, err := s.c.accountsAPI(ctx)
	if err != nil {
		return nil, err
	}
	return api.PatchServiceAccount(ctx, &adminpb.PatchServiceAccountRequest{
		ServiceAccount: account, UpdateMask: &fieldmaskpb.FieldMask{Paths: mask},
	})
}

// Enable makes a disabled account usable again.
func (s ServiceAccounts) Enable(ctx context.Context, name string) error {
	api, err := s.c.accountsAPI(ctx)
	if err != nil {
		return err
	}
	return api.EnableServiceAccount(ctx, &adminpb.EnableServiceAccountRequest{Name: name})
}

// Delete removes an account. For 30 days it can be brought back by its unique id; a new account of the same email
// has another unique id and none of the old one's grants.
func (s ServiceAccounts) Delete(ctx context.Context, name string) error {
	api, err := s.c.accountsAPI(ctx)
	if err != nil {
		return err
	}
	return api.DeleteServiceAccount(ctx, &adminpb.DeleteServiceAccountRequest{Name: name})
}

// Undelete brings back a deleted account: projects/P/serviceAccounts/UNIQUE_ID.
func (s ServiceAccounts) Undelete(ctx context.Context, name string) (*adminpb.ServiceAccount, error) {
	api, err := s.c.accountsAPI(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := api.UndeleteServiceAccount(ctx, &adminpb.UndeleteServiceAccountRequest{Name: name})
	return answer.GetRestoredAccount(), err
}
