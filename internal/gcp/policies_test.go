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
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/type/expr"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

var project = gcp.PolicyRef{Kind: gcp.ProjectPolicy, Name: "projects/acme"}

// GetIamPolicy and SetIamPolicy compare and set by etag, as Resource Manager does.
func (s *server) GetIamPolicy(_ context.Context, req *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	if req.GetOptions().GetRequestedPolicyVersion() != 3 {
		return nil, status.Error(codes.InvalidArgument, "conditions would be lost")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := proto.Clone(s.policy).(*iampb.Policy)
	p.Etag = []byte{s.etag}
	return p, nil
}

func (s *server) SetIamPolicy(_ context.Context, req *iampb.SetIamPolicyRequest) (*iampb.Policy, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := req.GetPolicy().GetEtag(); len(e) != 1 || e[0] != s.etag {
		return nil, status.Error(codes.Aborted, "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.")
	}
	if req.GetPolicy().GetVersion() != 3 {
		return nil, status.Error(codes.InvalidArgument, "version 3 wanted")
	}
	s.etag++
	s.policy = proto.Clone(req.GetPolicy()).(*iampb.Policy)
	s.policy.Etag = []byte{s.etag}
	return proto.Clone(s.policy).(*iampb.Policy), nil
}

func viewer(member string) gcp.Grant { return gcp.Grant{Role: "roles/viewer", Member: member} }

func TestPolicyChangesLeaveTheRestAlone(t *testing.T) {
	before := &iampb.Policy{
		Bindings: []*iampb.Binding{
			{Role: "roles/viewer", Members: []string{"user:b@example.com", "deleted:serviceAccount:x@p.iam.gserviceaccount.com?uid=1"}},
			{Role: "roles/viewer", Members: []string{"user:c@example.com"}, Condition: &expr.Expr{Title: "office", Expression: "true"}},
			{Role: "roles/editor", Members: []string{"user:d@example.com"}},
		},
		AuditConfigs: []*iampb.AuditConfig{{Service: "allServices"}},
	}
	s := &server{policy: proto.Clone(before).(*iampb.Policy)}
	c := serve(t, s)
	ctx := t.Context()
	grants := []gcp.Grant{
		viewer("user:a@example.com"),
		{Role: "roles/viewer", Member: "user:a@example.com", Condition: &gcp.Condition{Title: "office", Expression: "true"}},
		{Role: "roles/logging.logWriter", Member: "user:a@example.com"},
	}
	if err := c.Policies().Add(ctx, project, grants); err != nil {
		t.Fatal(err)
	}
	has, err := c.Policies().Has(ctx, project, append(grants, viewer("user:c@example.com"), viewer("USER:B@example.com")))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]bool{true, true, true, false, true}, has); diff != "" {
		t.Errorf("Has (-want, +got):\n%s", diff)
	}
	if err := c.Policies().Remove(ctx, project, grants); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, s.current(), protocmp.Transform(), protocmp.IgnoreFields(&iampb.Policy{}, "version", "etag")); diff != "" {
		t.Errorf("after adding and removing (-want, +got):\n%s", diff)
	}
}

func TestPolicyIsNotWrittenWithoutAChange(t *testing.T) {
	s := &server{policy: &iampb.Policy{Bindings: []*iampb.Binding{{Role: "roles/viewer", Members: []string{"user:a@example.com"}}}}}
	c := serve(t, s)
	if err := c.Policies().Add(t.Context(), project, []gcp.Grant{viewer("user:A@example.com")}); err != nil {
		t.Fatal(err)
	}
	if err := c.Policies().Remove(t.Context(), project, []gcp.Grant{viewer("user:z@example.com")}); err != nil {
		t.Fatal(err)
	}
	if n := s.count("SetIamPolicy"); n != 0 {
		t.Errorf("the policy was written %d times", n)
	}
}

func TestPolicyConflictsAreWaitedOut(t *testing.T) {
	var writes atomic.Int32
	s := &server{}
	s.on = func(method string, _ any) error {
		if method == "SetIamPolicy" && writes.Add(1) <= 20 {
			return status.Error(codes.Aborted, "There were concurrent policy changes.")
		}
		return nil
	}
	c := serve(t, s)
	if err := c.Policies().Add(t.Context(), project, []gcp.Grant{viewer("user:a@example.com")}); err != nil {
		t.Fatal(err)
	}
	if n := s.count("GetIamPolicy"); n != 22 {
		t.Errorf("%d reads, want one before every write and one after the last", n)
	}
}

func TestPendingPolicyChangesGoOutTogether(t *testing.T) {
	held, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s := &server{}
	s.on = func(method string, _ any) error {
		if method == "SetIamPolicy" {
			once.Do(func() { close(held); <-release })
		}
		return nil
	}
	c := serve(t, s)
	var wg sync.WaitGroup
	add := func(i int) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := c.Policies().Add(t.Context(), project, []gcp.Grant{viewer(fmt.Sprintf("user:u%d@example.com", i))}); err != nil {
				t.Error(err)
			}
		}()
	}
	add(0)
	<-held
	for i := 1; i <= 20; i++ {
		add(i)
	}
	for c.PendingPolicyChanges(project) < 20 {
		time.Sleep(time.Millisecond)
	}
	close(release)
	wg.Wait()
	members, err := c.Policies().Members(t.Context(), project, "roles/viewer")
	if err != nil || len(members) != 21 {
		t.Errorf("members %v, error %v", members, err)
	}
	if n := s.count("SetIamPolicy"); n != 2 {
		t.Errorf("%d writes for 21 changes, want 2", n)
	}
}

// refuseGhosts answers what IAM answers while it does not know a member.
func refuseGhosts(left *atomic.Int32) func(string, any) error {
	return func(method string, req any) error {
		set, ok := req.(*iampb.SetIamPolicyRequest)
		if !ok || !strings.Contains(set.String(), "ghost@") {
			return nil
		}
		if left.Add(-1) < 0 {
			return nil
		}
		return status.Error(codes.InvalidArgument, "Service account ghost@acme.iam.gserviceaccount.com does not exist.")
	}
}

func TestNewMembersAreWaitedFor(t *testing.T) {
	var left atomic.Int32
	left.Store(30)
	s := &server{on: refuseGhosts(&left)}
	c := serve(t, s)
	grant := viewer("serviceAccount:ghost@acme.iam.gserviceaccount.com")
	if err := c.Policies().Add(t.Context(), project, []gcp.Grant{grant}); err != nil {
		t.Fatal(err)
	}
}

func TestAnUnknownMemberHoldsUpNobodyElse(t *testing.T) {
	var left atomic.Int32
	left.Store(1 << 30)
	s := &server{on: refuseGhosts(&left)}
	c := serve(t, s)
	ghostly, stop := context.WithCancelCause(t.Context())
	ghost := make(chan error, 1)
	go func() {
		ghost <- c.Policies().Add(ghostly, project, []gcp.Grant{viewer("serviceAccount:ghost@acme.iam.gserviceaccount.com")})
	}()
	for s.count("SetIamPolicy") == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := c.Policies().Add(t.Context(), project, []gcp.Grant{viewer("user:a@example.com")}); err != nil {
		t.Errorf("the other change: %v", err)
	}
	stop(errors.New("interrupted by the test"))
	err := <-ghost
	if err == nil || !strings.Contains(err.Error(), "interrupted by the test") || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("error %v, want both why it ended and what it waited for", err)
	}
}

func TestPolicyChangesFailForGood(t *testing.T) {
	denied := status.Error(codes.PermissionDenied, "no")
	s := &server{on: func(method string, _ any) error {
		if method == "SetIamPolicy" {
			return denied
		}
		return nil
	}}
	c := serve(t, s)
	err := c.Policies().Add(t.Context(), project, []gcp.Grant{viewer("user:a@example.com")})
	if gcp.Classify(err) != gcp.PermissionDenied || s.count("SetIamPolicy") != 1 {
		t.Errorf("error %v after %d writes", err, s.count("SetIamPolicy"))
	}
}

func TestRemovingFromNothingIsDone(t *testing.T) {
	s := &server{on: func(string, any) error { return status.Error(codes.NotFound, "gone") }}
	c := serve(t, s)
	if err := c.Policies().Remove(t.Context(), project, []gcp.Grant{viewer("user:a@example.com")}); err != nil {
		t.Error(err)
	}
	if err := c.Policies().Add(t.Context(), project, []gcp.Grant{viewer("user:a@example.com")}); !gcp.IsNotFound(err) {
		t.Errorf("adding: %v, want not found", err)
	}
}
