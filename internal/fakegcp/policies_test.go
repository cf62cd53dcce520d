package fakegcp_test

import (
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/genproto/googleapis/type/expr"
	"google.golang.org/grpc/codes"
)

const accessor = "roles/secretmanager.secretAccessor"

func (c *cloud) setProjectPolicy(p *iampb.Policy) (*iampb.Policy, error) {
	return c.projects.SetIamPolicy(c.ctx(), &iampb.SetIamPolicyRequest{Resource: project, Policy: p})
}

func (c *cloud) projectPolicy(version int32) *iampb.Policy {
	c.t.Helper()
	p, err := c.projects.GetIamPolicy(c.ctx(), &iampb.GetIamPolicyRequest{
		Resource: project, Options: &iampb.GetPolicyOptions{RequestedPolicyVersion: version},
	})
	must(c.t, err)
	return p
}

func binding(role string, members ...string) *iampb.Binding {
	return &iampb.Binding{Role: role, Members: members}
}

func TestPolicyEtagConflict(t *testing.T) {
	c := start(t)
	p := c.projectPolicy(3)
	if len(p.GetEtag()) == 0 {
		t.Fatal("a policy that was never set has no etag")
	}
	p.Bindings = []*iampb.Binding{binding("roles/viewer", "user:a@example.com")}
	_, err := c.setProjectPolicy(p)
	must(t, err)
	p.Bindings = []*iampb.Binding{binding("roles/viewer", "user:b@example.com")}
	_, err = c.setProjectPolicy(p)
	wantError(t, err, codes.Aborted, "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.")
	p.Etag = nil // the last writer wins
	_, err = c.setProjectPolicy(p)
	must(t, err)
}

func TestPolicyMembers(t *testing.T) {
	c := start(t)
	tests := []struct{ member, refusal string }{
		{"user:Someone@Example.com", ""},
		{"serviceAccount:" + defaultCaller, ""},
		{"serviceAccount:app@elsewhere.iam.gserviceaccount.com", ""},
		{"serviceAccount:app@acme-dev.iam.gserviceaccount.com", "Service account app@acme-dev.iam.gserviceaccount.com does not exist."},
		{"serviceAccount:acme-dev.svc.id.goog[shop/shop]", "Identity Pool does not exist (acme-dev.svc.id.goog)."},
		{"principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/acme-dev.svc.id.goog/subject/ns/shop/sa/shop", "Identity Pool does not exist"},
		{"allUsers", "allUsers"},
		{"someone@example.com", "is of an unknown type"},
	}
	for _, test := range tests {
		_, err := c.setProjectPolicy(&iampb.Policy{Bindings: []*iampb.Binding{binding("roles/viewer", test.member)}})
		if test.refusal == "" {
			must(t, err)
			continue
		}
		wantError(t, err, codes.InvalidArgument, test.refusal)
	}
	c.secret("open")
	c.grantSecret("open", "roles/viewer", "allUsers") // only projects refuse it
}

func TestPolicyConditions(t *testing.T) {
	c := start(t)
	conditional := binding("roles/browser", "user:a@example.com")
	conditional.Condition = &expr.Expr{Title: "t", Expression: "request.time < timestamp('2030-01-01T00:00:00Z')"}
	_, err := c.setProjectPolicy(&iampb.Policy{Version: 1, Bindings: []*iampb.Binding{conditional}})
	wantError(t, err, codes.InvalidArgument, "version must be 3")
	_, err = c.setProjectPolicy(&iampb.Policy{Version: 3, Bindings: []*iampb.Binding{conditional}})
	must(t, err)
	if p := c.projectPolicy(3); p.GetVersion() != 3 || p.GetBindings()[0].GetCondition() == nil {
		t.Errorf("version 3: %v", p)
	}
	p := c.projectPolicy(1)
	if !strings.HasPrefix(p.GetBindings()[0].GetRole(), "roles/browser_withcond_") || p.GetBindings()[0].GetCondition() != nil {
		t.Errorf("version 1: %v", p)
	}
	p.Bindings = nil
	_, err = c.setProjectPolicy(p)
	wantError(t, err, codes.InvalidArgument, "Specified policy version")
}

func TestDeletedAccountsInPolicies(t *testing.T) {
	c := start(t)
	a := c.account("app-runner")
	member := "serviceAccount:" + a.GetEmail()
	_, err := c.setProjectPolicy(&iampb.Policy{Bindings: []*iampb.Binding{binding("roles/viewer", member)}})
	must(t, err)
	_, err = c.accounts.DeleteServiceAccount(c.ctx(), &adminpb.DeleteServiceAccountRequest{Name: a.GetName()})
	must(t, err)

	deleted := "deleted:" + member + "?uid=" + a.GetUniqueId()
	p := c.projectPolicy(3)
	if got := p.GetBindings()[0].GetMembers()[0]; got != deleted {
		t.Errorf("member %q, want %q", got, deleted)
	}
	if _, err := c.setProjectPolicy(p); err != nil {
		t.Errorf("writing a policy back with a deleted: member: %v", err)
	}
	p.Etag = nil
	p.Bindings[0].Members = []string{member}
	_, err = c.setProjectPolicy(p)
	wantError(t, err, codes.InvalidArgument, "does not exist.")

	if again := c.account("app-runner"); again.GetUniqueId() == a.GetUniqueId() {
		t.Error("the same address again has the same unique id")
	}
	if c.Effective(member, "roles/viewer", project) {
		t.Error("a new account has the grants of the deleted one")
	}
}

func TestUndelete(t *testing.T) {
	c := start(t)
	a := c.account("app-runner")
	_, err := c.accounts.DeleteServiceAccount(c.ctx(), &adminpb.DeleteServiceAccountRequest{Name: a.GetName()})
	must(t, err)
	_, err = c.accounts.GetServiceAccount(c.ctx(), &adminpb.GetServiceAccountRequest{Name: a.GetName()})
	wantError(t, err, codes.NotFound, "Unknown service account")
	_, err = c.accounts.UndeleteServiceAccount(c.ctx(), &adminpb.UndeleteServiceAccountRequest{Name: "projects/-/serviceAccounts/" + a.GetUniqueId()})
	must(t, err)
	back, err := c.accounts.GetServiceAccount(c.ctx(), &adminpb.GetServiceAccountRequest{Name: "projects/-/serviceAccounts/" + a.GetUniqueId()})
	must(t, err)
	if back.GetEmail() != a.GetEmail() {
		t.Errorf("undeleted: %v", back)
	}
	_, err = c.accounts.DeleteServiceAccount(c.ctx(), &adminpb.DeleteServiceAccountRequest{Name: a.GetName()})
	must(t, err)
	c.Advance(31 * 24 * time.Hour)
	_, err = c.accounts.UndeleteServiceAccount(c.ctx(), &adminpb.UndeleteServiceAccountRequest{Name: "projects/-/serviceAccounts/" + a.GetUniqueId()})
	wantError(t, err, codes.NotFound, "Unknown service account")
}

func TestGrantsPropagate(t *testing.T) {
	c := start(t)
	c.SetPropagationDelay(2 * time.Minute)
	c.secret("shop-key", "one")
	member := "serviceAccount:" + defaultCaller
	check := func(when string, want bool) {
		t.Helper()
		if got := c.Effective(member, "secretmanager.versions.access", shopKey); got != want {
			t.Errorf("%s: effective %v, want %v", when, got, want)
		}
	}
	c.grantSecret("shop-key", accessor, member)
	check("right after the grant", false)
	c.Advance(2 * time.Minute)
	check("two minutes after the grant", true)
	c.grantSecret("shop-key", accessor, "user:other@example.com")
	check("right after the revocation", true)
	c.Advance(2 * time.Minute)
	check("two minutes after the revocation", false)
	must(t, c.UpdatePolicy(project, func(p *iampb.Policy) { p.Bindings = []*iampb.Binding{binding(accessor, member)} }))
	check("granted on the project behind everybody's back", true)
}

func TestNewAccountIsUnknownToPoliciesAtFirst(t *testing.T) {
	c := start(t)
	c.SetPropagationDelay(time.Minute)
	a := c.account("app-runner")
	p := &iampb.Policy{Bindings: []*iampb.Binding{binding("roles/viewer", "serviceAccount:"+a.GetEmail())}}
	_, err := c.setProjectPolicy(p)
	wantError(t, err, codes.InvalidArgument, "does not exist.")
	c.Advance(time.Minute)
	_, err = c.setProjectPolicy(p)
	must(t, err)
}
