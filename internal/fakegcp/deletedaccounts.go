package fakegcp

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// deletedMember is how policies show a deleted account.
func deletedMember(a *adminpb.ServiceAccount) string {
	return fmt.Sprintf("deleted:serviceAccount:%s?uid=%s", a.GetEmail(), a.GetUniqueId())
}

// DeleteServiceAccount deletes softly: the account can come back under its unique id for 30 days, with the policy that it
// had, a new one may take its address, and what policies granted it shows in its deleted: form.
func (i *iamAdmin) DeleteServiceAccount(_ context.Context, r *adminpb.DeleteServiceAccountRequest) (*emptypb.Empty, error) {
	account, err := i.find(r.GetName(), "iam.serviceAccounts.delete")
	if err != nil {
		return nil, err
	}
	deleted := "projects/" + account.GetProjectId() + "/serviceAccounts/" + account.GetUniqueId()
	own := i.s.policies[account.GetName()]
	i.s.forget(account.GetName())
	i.s.store.put(deleted, account)
	i.s.policies.keep(deleted, own)
	i.s.policies.renameMember("serviceAccount:"+account.GetEmail(), deletedMember(account))
	i.s.purge(deleted)
	return &emptypb.Empty{}, nil
}

// purge has a deleted account gone for good after 30 days, unless it is undeleted until then, be it deleted again or not.
func (s *Server) purge(deleted string) {
	now := s.now()
	if s.accounts.deleted == nil {
		s.accounts.deleted = map[string]time.Time{}
	}
	s.accounts.deleted[deleted] = now
	s.schedule(now.Add(purgeAfter), func() {
		if at, ok := s.accounts.deleted[deleted]; ok && at.Equal(now) {
			s.forget(deleted)
		}
	})
}

// UndeleteServiceAccount brings an account back by its unique id.
func (i *iamAdmin) UndeleteServiceAccount(_ context.Context, r *adminpb.UndeleteServiceAccountRequest) (*adminpb.UndeleteServiceAccountResponse, error) {
	parent, id, _ := strings.Cut(r.GetName(), "/serviceAccounts/")
	for _, p := range i.s.projects {
		stored := "projects/" + p.ID + "/serviceAccounts/" + id
		account, ok := lookup[*adminpb.ServiceAccount](i.s.store, stored)
		if !ok || !i.s.accounts.isDeleted(stored) || parent != "projects/-" && i.s.identified(parent) != "projects/"+p.ID {
			continue
		}
		if i.s.store.has(account.GetName()) {
			return nil, precondition("Service account %s already exists within project projects/%s.", account.GetEmail(), p.ID)
		}
		own := i.s.policies[stored]
		i.s.forget(stored)
		i.s.store.put(account.GetName(), account)
		i.s.policies.keep(account.GetName(), own)
		i.s.policies.renameMember(deletedMember(account), "serviceAccount:"+account.GetEmail())
		return &adminpb.UndeleteServiceAccountResponse{RestoredAccount: account}, nil
	}
	return nil, notFound("Unknown service account")
}
