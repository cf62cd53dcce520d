package fakegcp

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// purgeAfter is how long a deleted service account can be undeleted.
const purgeAfter = 30 * 24 * time.Hour

// iamAdmin serves google.iam.admin.v1.IAM: service accounts and their policies. Keys and custom roles are not modelled.
type iamAdmin struct {
	adminpb.UnimplementedIAMServer
	s *Server
}

// accountState is kept beside the store. A deleted account is stored under projects/P/serviceAccounts/UNIQUEID, so that its
// address is free for another one.
type accountState struct {
	// known is when policies get to know an account.
	known map[string]time.Time
	// hidden is until when a new account cannot be read, or not by everyone.
	hidden map[string]lag
	// deleted is when an account was deleted.
	deleted map[string]time.Time
}

func (st *accountState) drop(name string) {
	delete(st.known, name)
	delete(st.hidden, name)
	delete(st.deleted, name)
}

// accountPages are the limits of ListServiceAccounts. Source: google/iam/admin/v1/iam.proto.
var accountPages = pageLimits{standard: 20, most: 100}

var uniqueIDForm = regexp.MustCompile(`^[0-9]{15,25}$`)

// isDeleted says whether the name is one that a deleted account is stored under.
func (*accountState) isDeleted(name string) bool { return uniqueIDForm.MatchString(lastSegment(name)) }

func (s *Server) addDefaultAccount(p project) {
	email := p.Number + "-compute@developer.gserviceaccount.com"
	s.store.put("projects/"+p.ID+"/serviceAccounts/"+email, newAccount(p, email, "Compute Engine default service account"))
}

// isDefaultAccount says whether an address is that of a project's default service account.
func (s *Server) isDefaultAccount(email string) bool {
	return strings.HasSuffix(email, "-compute@developer.gserviceaccount.com")
}

func newAccount(p project, email, displayName string) *adminpb.ServiceAccount {
	return &adminpb.ServiceAccount{
		Name:           "projects/" + p.ID + "/serviceAccounts/" + email,
		ProjectId:      p.ID,
		UniqueId:       randomDigits(21),
		Email:          email,
		DisplayName:    displayName,
		Etag:           randomBytes(8),
		Oauth2ClientId: randomDigits(21),
	}
}

// accountName is the stored name of a live account, given one with its project's id, number or "-" and its address or
// unique id.
func (s *Server) accountName(name string) (string, bool) {
	parts := strings.Split(name, "/")
	if len(parts) != 4 || parts[0] != "projects" || parts[2] != "serviceAccounts" {
		return "", false
	}
	for id, p := range s.projects {
		if id != parts[1] && parts[1] != "-" {
			continue
		}
		collection := "projects/" + p.ID + "/serviceAccounts"
		if stored := collection + "/" + parts[3]; !s.accounts.isDeleted(stored) {
			if s.store.has(stored) {
				return stored, true
			}
			continue
		}
		for e := range s.store.byName(collection) {
			if a, ok := e.message.(*adminpb.ServiceAccount); ok && !s.accounts.isDeleted(e.name) && a.GetUniqueId() == parts[3] {
				return e.name, true
			}
		}
	}
	return "", false
}

// find is a live account; with the wildcard project a missing one is a refusal, as in the real service.
func (i *iamAdmin) find(name, permission string) (*adminpb.ServiceAccount, error) {
	if stored, ok := i.s.accountName(name); ok {
		a, _ := lookup[*adminpb.ServiceAccount](i.s.store, stored)
		return a, nil
	}
	if _, ok := i.s.projectOf(name); !ok { // projects/-/ too
		return nil, permissionDenied(iamService, permission, name)
	}
	return nil, notFound("Unknown service account")
}

var accountIDForm = regexp.MustCompile(`^[a-z](?:[-a-z0-9]{4,28}[a-z0-9])$`)

// CreateServiceAccount makes ID@PROJECT.iam.gserviceaccount.com with a new unique id.
func (i *iamAdmin) CreateServiceAccount(_ context.Context, r *adminpb.CreateServiceAccountRequest) (*adminpb.ServiceAccount, error) {
	p, ok := i.s.projectOf(r.GetName())
	switch {
	case !ok:
		return nil, permissionDenied(iamService, "iam.serviceAccounts.create", r.GetName())
	case !accountIDForm.MatchString(r.GetAccountId()):
		return nil, invalid("The service account ID %q must be 6 to 30 characters, lower case letters, digits and dashes, beginning with a letter.", r.GetAccountId())
	}
	if err := checkAccountTexts(r.GetServiceAccount()); err != nil {
		return nil, err
	}
	account := newAccount(p, r.GetAccountId()+"@"+p.ID+".iam.gserviceaccount.com", r.GetServiceAccount().GetDisplayName())
	account.Description = r.GetServiceAccount().GetDescription()
	if _, ok := lookup[*adminpb.ServiceAccount](i.s.store, account.GetName()); ok {
		err := alreadyExists("Service account %s already exists within project projects/%s.", r.GetAccountId(), p.ID)
		return nil, withDetails(err, resourceInfo(account.GetName()))
	}
	i.s.store.put(account.GetName(), account)
	i.s.accounts.created(account.GetName(), i.s.now(), i.s.options.PropagationDelay, i.s.options.AccountReadDelay)
	return account, nil
}

func checkAccountTexts(a *adminpb.ServiceAccount) error {
	switch {
	case len(a.GetDisplayName()) > 100:
		return invalid("The display name must be at most 100 UTF-8 bytes.")
	case len(a.GetDescription()) > 256:
		return invalid("The description must be at most 256 UTF-8 bytes.")
	}
	return nil
}

// GetServiceAccount takes an address or a unique id.
func (i *iamAdmin) GetServiceAccount(_ context.Context, r *adminpb.GetServiceAccountRequest) (*adminpb.ServiceAccount, error) {
	const permission = "iam.serviceAccounts.get"
	account, err := i.find(r.GetName(), permission)
	if err != nil {
		return nil, err
	}
	if err := i.s.accounts.hidden[account.GetName()].refusal(i.s.now(), r.GetName(), permission); err != nil {
		return nil, err
	}
	return account, nil
}

// ListServiceAccounts lists the project's live accounts by address.
func (i *iamAdmin) ListServiceAccounts(_ context.Context, r *adminpb.ListServiceAccountsRequest) (*adminpb.ListServiceAccountsResponse, error) {
	p, ok := i.s.projectOf(r.GetName())
	if !ok {
		return nil, permissionDenied(iamService, "iam.serviceAccounts.list", r.GetName())
	}
	listed := func(yield func(*adminpb.ServiceAccount) bool) {
		for e := range i.s.store.byName("projects/" + p.ID + "/serviceAccounts") {
			a, ok := e.message.(*adminpb.ServiceAccount)
			if ok && !i.s.accounts.isDeleted(e.name) && !i.s.accounts.hidden[e.name].at(i.s.now()) && !yield(a) {
				return
			}
		}
	}
	items, next, _, err := copiedPage(listed, accountPages, r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &adminpb.ListServiceAccountsResponse{Accounts: items, NextPageToken: next}, nil
}

// patchableAccountFields may be in the mask of PatchServiceAccount.
var patchableAccountFields = []string{"display_name", "description"}

// PatchServiceAccount answers with the name and the patched fields only, as the real service does.
func (i *iamAdmin) PatchServiceAccount(_ context.Context, r *adminpb.PatchServiceAccountRequest) (*adminpb.ServiceAccount, error) {
	account, err := i.find(r.GetServiceAccount().GetName(), "iam.serviceAccounts.update")
	if err != nil {
		return nil, err
	}
	mask := r.GetUpdateMask().GetPaths()
	if len(mask) == 0 {
		return nil, invalid("The update mask must not be empty.")
	}
	for _, path := range mask {
		if !slices.Contains(patchableAccountFields, path) {
			return nil, invalid("The update mask may only name display_name and description, not %s.", path)
		}
	}
	if err := checkAccountTexts(r.GetServiceAccount()); err != nil {
		return nil, err
	}
	if err := applyMask(account, r.GetServiceAccount(), mask); err != nil {
		return nil, err
	}
	account.Etag = randomBytes(8)
	i.s.store.put(account.GetName(), account)
	answer := &adminpb.ServiceAccount{Name: account.GetName()}
	return answer, applyMask(answer, account, mask)
}

// UpdateServiceAccount is the older PatchServiceAccount: it sets the display name only and answers with the whole account.
// Source: google/iam/admin/v1/iam.proto.
func (i *iamAdmin) UpdateServiceAccount(_ context.Context, r *adminpb.ServiceAccount) (*adminpb.ServiceAccount, error) {
	account, err := i.find(r.GetName(), "iam.serviceAccounts.update")
	if err != nil {
		return nil, err
	}
	if err := checkAccountTexts(r); err != nil {
		return nil, err
	}
	account.DisplayName, account.Etag = r.GetDisplayName(), randomBytes(8)
	i.s.store.put(account.GetName(), account)
	return account, nil
}

// DisableServiceAccount keeps the account and takes its access away.
func (i *iamAdmin) DisableServiceAccount(_ context.Context, r *adminpb.DisableServiceAccountRequest) (*emptypb.Empty, error) {
	return i.setDisabled(r.GetName(), "iam.serviceAccounts.disable", true)
}

// EnableServiceAccount takes DisableServiceAccount back.
func (i *iamAdmin) EnableServiceAccount(_ context.Context, r *adminpb.EnableServiceAccountRequest) (*emptypb.Empty, error) {
	return i.setDisabled(r.GetName(), "iam.serviceAccounts.enable", false)
}

func (i *iamAdmin) setDisabled(name, permission string, disabled bool) (*emptypb.Empty, error) {
	account, err := i.find(name, permission)
	if err != nil {
		return nil, err
	}
	account.Disabled, account.Etag = disabled, randomBytes(8)
	i.s.store.put(account.GetName(), account)
	return &emptypb.Empty{}, nil
}

// GetIamPolicy is the policy of the account as a resource.
func (i *iamAdmin) GetIamPolicy(_ context.Context, r *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := i.find(r.GetResource(), "iam.serviceAccounts.getIamPolicy"); err != nil {
		return nil, err
	}
	return i.s.readPolicy(r)
}

// SetIamPolicy replaces the policy of the account as a resource.
func (i *iamAdmin) SetIamPolicy(_ context.Context, r *iampb.SetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := i.find(r.GetResource(), "iam.serviceAccounts.setIamPolicy"); err != nil {
		return nil, err
	}
	return i.s.setIamPolicy(r, refusePublic)
}

// TestIamPermissions says which of the permissions the caller has.
func (i *iamAdmin) TestIamPermissions(ctx context.Context, r *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	if _, err := i.find(r.GetResource(), "iam.serviceAccounts.get"); err != nil {
		return nil, err
	}
	return i.s.testPermissions(ctx, r)
}
