package fakegcp

import (
	"context"
	"fmt"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// deletedMember is how policies show a deleted account.
func deletedMember(a *adminpb.ServiceAccount) string {
	return fmt.Sprintf("deleted:serviceAccount:%s?uid=%s", a.GetEmail(), a.GetUniqueId())
}

// DeleteServiceAccount deletes softly: the account can come back under its unique id for 30 days, a new one may take its
// address, and what policies granted it shows in its deleted: form.
func (i *iamAdmin) DeleteServiceAccount(_ context.Context, r *adminpb.DeleteServiceAccountRequest) (*emptypb.Empty, error) {
	account, err := i.find(r.GetName(), "iam.serviceAccounts.delete")
	if err != nil {
		return nil, err
	}
	deleted := "projects/" + account.GetProjectId() + "/serviceAccounts/" + account.GetUniqueId()
	i.s.forget(account.GetName())
	i.s.store.put(deleted, account)
	i.s.policies.renameMember("serviceAccount:"+account.GetEmail(), deletedMember(account))
	i.s.schedule(i.s.now().Add(purgeAfter), func() { i.s.forget(deleted) })
	return &emptypb.Empty{}, nil
}

// UndeleteServiceAccount brings an account back by its unique id.
func (i *iamAdmin) UndeleteServiceAccount(_ context.Context, r *adminpb.UndeleteServiceAccountRequest) (*adminpb.UndeleteServiceAccountResponse, error) {
	id := lastSegment(r.GetName())
	for _, p := range i.s.projects {
		stored := "projects/" + p.ID + "/serviceAccounts/" + id
		account, ok := lookup[*adminpb.ServiceAccount](i.s.store, stored)
		if !ok || !i.s.accounts.isDeleted(stored) {
			continue
		}
		if _, taken := lookup[*adminpb.ServiceAccount](i.s.store, account.GetName()); taken {
			return nil, precondition("Service account %s already exists within project projects/%s.", account.GetEmail(), p.ID)
		}
		i.s.forget(stored)
		i.s.store.put(account.GetName(), account)
		i.s.policies.renameMember(deletedMember(account), "serviceAccount:"+account.GetEmail())
		return &adminpb.UndeleteServiceAccountResponse{RestoredAccount: account}, nil
	}
	return nil, notFound("Unknown service account")
}
