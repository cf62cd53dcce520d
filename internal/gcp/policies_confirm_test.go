package gcp_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// TestAGrantThatAnotherWriterDropsIsWrittenAgain has a writer without an etag put the old policy back after each of the
// first three writes.
func TestAGrantThatAnotherWriterDropsIsWrittenAgain(t *testing.T) {
	old := &iampb.Policy{Bindings: []*iampb.Binding{{Role: "roles/viewer", Members: []string{"user:b@example.com"}}}}
	s := &server{policy: proto.Clone(old).(*iampb.Policy)}
	var writes atomic.Int32
	s.on = func(method string, _ any) error {
		switch method {
		case "SetIamPolicy":
			writes.Add(1)
		case "GetIamPolicy":
			if n := writes.Load(); n > 0 && n <= 3 {
				s.replace(old)
			}
		}
		return nil
	}
	c := serve(t, s)
	mine := viewer("user:a@example.com")
	if err := c.Policies().Add(t.Context(), project, []gcp.Grant{mine}); err != nil {
		t.Fatal(err)
	}
	has, err := c.Policies().Has(t.Context(), project, []gcp.Grant{mine, viewer("user:b@example.com")})
	if err != nil || !has[0] || !has[1] {
		t.Errorf("the policy has %v, error %v", has, err)
	}
	if n := writes.Load(); n != 4 {
		t.Errorf("%d writes, want 4", n)
	}
}

func (s *server) replace(policy *iampb.Policy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.policy = proto.Clone(policy).(*iampb.Policy)
	s.etag++
}

// TestAReadThatIsBehindIsWaitedOut answers reads after the write with what was there before it.
func TestAReadThatIsBehindIsWaitedOut(t *testing.T) {
	s := &server{}
	behind := &laggingServer{server: s, stale: 3}
	c := serveProjects(t, s, behind)
	if err := c.Policies().Add(t.Context(), project, []gcp.Grant{viewer("user:a@example.com")}); err != nil {
		t.Fatal(err)
	}
	if len(s.current().GetBindings()) != 1 || behind.effects != 1 {
		t.Errorf("%d writes took effect, policy %v", behind.effects, s.current())
	}
}

// laggingServer answers the first reads after a write from before it, etag included.
type laggingServer struct {
	*server
	mu             sync.Mutex
	before         *iampb.Policy
	stale, effects int
}

func (l *laggingServer) GetIamPolicy(ctx context.Context, req *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.before != nil && l.stale > 0 {
		l.stale--
		return proto.Clone(l.before).(*iampb.Policy), nil
	}
	return l.server.GetIamPolicy(ctx, req)
}

func (l *laggingServer) SetIamPolicy(ctx context.Context, req *iampb.SetIamPolicyRequest) (*iampb.Policy, error) {
	before, err := l.server.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Options: &iampb.GetPolicyOptions{RequestedPolicyVersion: 3}})
	if err != nil {
		return nil, err
	}
	written, err := l.server.SetIamPolicy(ctx, req)
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.before = before
		l.effects++
	}
	return written, err
}

// TestNewMembersShareWrites has many new accounts that all become known at once: neither the refusals before that nor the
// writes after it grow with their number.
func TestNewMembersShareWrites(t *testing.T) {
	var known atomic.Bool
	var refused atomic.Int32
	s := &server{}
	s.on = func(_ string, req any) error {
		set, ok := req.(*iampb.SetIamPolicyRequest)
		if !ok || known.Load() {
			return nil
		}
		for _, b := range set.GetPolicy().GetBindings() {
			for _, m := range b.GetMembers() {
				if strings.HasPrefix(m, "serviceAccount:") {
					if refused.Add(1) == 12 {
						known.Store(true)
					}
					return status.Errorf(codes.InvalidArgument, "Service account %s does not exist.", strings.TrimPrefix(m, "serviceAccount:"))
				}
			}
		}
		return nil
	}
	c := serve(t, s)
	held := hold(s)
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			grant := viewer(fmt.Sprintf("serviceAccount:s%d@acme.iam.gserviceaccount.com", i))
			if err := c.Policies().Add(t.Context(), project, []gcp.Grant{grant}); err != nil {
				t.Error(err)
			}
		})
	}
	for c.PendingPolicyChanges(project) < 39 {
		time.Sleep(time.Millisecond)
	}
	close(held)
	wg.Wait()
	members, err := c.Policies().Members(t.Context(), project, "roles/viewer")
	if err != nil || len(members) != 40 {
		t.Errorf("%d members, error %v", len(members), err)
	}
	if writes := s.count("SetIamPolicy") - int(refused.Load()); writes > 6 {
		t.Errorf("%d successful writes for 40 members", writes)
	}
}

// hold keeps the first read waiting until the channel is closed, so that changes pile up.
func hold(s *server) chan struct{} {
	release, on := make(chan struct{}), s.on
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = func(method string, req any) error {
		<-release
		return on(method, req)
	}
	return release
}

// TestWhatIsRefusedForOneIsWrittenForTheOthers finds the one unknown role among many changes by halves.
func TestWhatIsRefusedForOneIsWrittenForTheOthers(t *testing.T) {
	s := &server{on: func(_ string, req any) error {
		if set, ok := req.(*iampb.SetIamPolicyRequest); ok && strings.Contains(set.String(), "roles/nonsense") {
			return status.Error(codes.InvalidArgument, "Role roles/nonsense is not supported for this resource.")
		}
		return nil
	}}
	c := serve(t, s)
	held := hold(s)
	var wg sync.WaitGroup
	var failed atomic.Int32
	for i := range 32 {
		wg.Go(func() {
			grant := viewer(fmt.Sprintf("user:u%d@example.com", i))
			if i == 17 {
				grant.Role = "roles/nonsense"
			}
			if err := c.Policies().Add(t.Context(), project, []gcp.Grant{grant}); err != nil {
				failed.Add(1)
				if i != 17 {
					t.Errorf("%d: %v", i, err)
				}
			}
		})
	}
	for c.PendingPolicyChanges(project) < 31 {
		time.Sleep(time.Millisecond)
	}
	close(held)
	wg.Wait()
	if failed.Load() != 1 {
		t.Errorf("%d failed, want the one with the unknown role", failed.Load())
	}
	if n := s.count("SetIamPolicy"); n > 16 {
		t.Errorf("%d writes for 32 changes", n)
	}
}

func TestChangeAddsAndRemovesInOneWrite(t *testing.T) {
	s := &server{policy: &iampb.Policy{Bindings: []*iampb.Binding{{Role: "roles/viewer", Members: []string{"user:a@example.com"}}}}}
	c := serve(t, s)
	add := gcp.Grant{Role: "roles/browser", Member: "user:a@example.com"}
	if err := c.Policies().Change(t.Context(), project, []gcp.Grant{add}, []gcp.Grant{viewer("user:a@example.com")}); err != nil {
		t.Fatal(err)
	}
	if b := s.current().GetBindings(); len(b) != 1 || b[0].GetRole() != "roles/browser" || s.count("SetIamPolicy") != 1 {
		t.Errorf("bindings %v after %d writes", b, s.count("SetIamPolicy"))
	}
}

func TestEveryoneIsNoMemberOfAProject(t *testing.T) {
	s := &server{policy: &iampb.Policy{Bindings: []*iampb.Binding{{Role: "roles/viewer", Members: []string{"allUsers"}}}}}
	c := serve(t, s)
	account := gcp.PolicyRef{Kind: gcp.ServiceAccountPolicy, Name: "projects/acme/serviceAccounts/a@acme.iam.gserviceaccount.com"}
	for _, ref := range []gcp.PolicyRef{project, account} {
		for _, member := range []string{"allUsers", "allAuthenticatedUsers"} {
			err := c.Policies().Add(t.Context(), ref, []gcp.Grant{viewer("user:a@example.com"), viewer(member)})
			var public *gcp.PublicMemberError
			if !errors.As(err, &public) || public.Member != member {
				t.Errorf("%s on %s: %v", member, ref, err)
			}
		}
	}
	if n := s.count("SetIamPolicy"); n != 0 {
		t.Errorf("%d writes", n)
	}
	if err := c.Policies().Remove(t.Context(), project, []gcp.Grant{viewer("allUsers")}); err != nil {
		t.Errorf("taking everyone out: %v", err)
	}
}

func TestDeletedAccountsAreFoundInPolicies(t *testing.T) {
	const email = "shop@acme.iam.gserviceaccount.com"
	s := &server{policy: &iampb.Policy{Bindings: []*iampb.Binding{
		{Role: "roles/viewer", Members: []string{gcp.DeletedMember(email, "1"), "serviceAccount:" + email, gcp.DeletedMember("web-"+email, "9")}},
		{Role: "roles/browser", Members: []string{gcp.DeletedMember(email, "2"), gcp.DeletedMember(email, "1")}},
	}}}
	c := serve(t, s)
	ids, err := c.Policies().DeletedAccounts(t.Context(), project, email)
	if err != nil || strings.Join(ids, " ") != "2 1" {
		t.Errorf("ids %v, error %v", ids, err)
	}
}

// TestTheIdentityPoolIsWaitedFor has workloads of a project whose first cluster is still being made.
func TestTheIdentityPoolIsWaitedFor(t *testing.T) {
	var left atomic.Int32
	left.Store(10)
	s := &server{on: func(_ string, req any) error {
		if set, ok := req.(*iampb.SetIamPolicyRequest); ok && strings.Contains(set.String(), "svc.id.goog") && left.Add(-1) >= 0 {
			return status.Error(codes.InvalidArgument, "Identity Pool does not exist (acme.svc.id.goog). Please check that you specified a valid resource name.")
		}
		return nil
	}}
	c := serve(t, s)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			member := fmt.Sprintf("principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/acme.svc.id.goog/subject/ns/shop/sa/s%d", i)
			if err := c.Policies().Add(t.Context(), project, []gcp.Grant{viewer(member)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if members, err := c.Policies().Members(t.Context(), project, "roles/viewer"); err != nil || len(members) != 20 {
		t.Errorf("%d members, error %v", len(members), err)
	}
}
