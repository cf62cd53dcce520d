package fakegcp_test

import (
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
)

func TestConformanceDeletedMembers(t *testing.T) {
	fact(t, "1.2", "a deleted account's members become deleted: ones and come back with it", "policy.proto", func(t *testing.T) {
		c := start(t)
		a := c.account("app-runner")
		member := "serviceAccount:" + a.GetEmail()
		deleted := "deleted:" + member + "?uid=" + a.GetUniqueId()
		must(t, c.setBindings(binding("roles/viewer", member, "user:b@example.com")))
		c.deleteAccount(a.GetName())
		seen := c.projectPolicy(3)
		if got := seen.GetBindings()[0].GetMembers(); !slices.Equal(got, []string{deleted, "user:b@example.com"}) {
			t.Fatalf("members: %q", got)
		}
		_, err := c.setProjectPolicy(seen) // byte for byte
		must(t, err)
		_, err = c.undelete(project, a.GetUniqueId())
		must(t, err)
		if got := c.projectPolicy(3).GetBindings()[0].GetMembers()[0]; got != member {
			t.Errorf("after undelete: %q", got)
		}
		if !c.Effective(member, "roles/viewer", project) {
			t.Error("the grant did not come back")
		}
		must(t, c.setBindings(binding("roles/viewer", deleted))) // from before, which is the account that is there
		if got := c.projectPolicy(3).GetBindings()[0].GetMembers()[0]; got != member {
			t.Errorf("written as deleted: %q", got)
		}
	})
	fact(t, "1.2", "an account comes back with its own policy, and a new one of its address does not get that", "plausible", func(t *testing.T) {
		c := start(t)
		a := c.account("app-runner")
		set := func() error {
			_, err := c.accounts.SetIamPolicy(c.ctx(), &iampb.SetIamPolicyRequest{
				Resource: a.GetName(), Policy: &iampb.Policy{Bindings: []*iampb.Binding{binding("roles/iam.serviceAccountUser", "user:b@example.com")}},
			})
			return err
		}
		bindings := func() int {
			p, err := c.accounts.GetIamPolicy(c.ctx(), &iampb.GetIamPolicyRequest{Resource: a.GetName()})
			must(t, err)
			return len(p.GetBindings())
		}
		must(t, set())
		c.deleteAccount(a.GetName())
		again := c.account("app-runner")
		if bindings() != 0 {
			t.Error("a new account has the policy of the deleted one")
		}
		c.deleteAccount(again.GetName())
		_, err := c.undelete(project, a.GetUniqueId())
		must(t, err)
		if bindings() != 1 {
			t.Error("the policy did not come back")
		}
	})
	fact(t, "1.2", "a deleted account is not granted anything without the deleted: form", "hashicorp/terraform-provider-google#7278", func(t *testing.T) {
		c := start(t)
		a := c.account("app-runner")
		must(t, c.setBindings(binding("roles/viewer", "serviceAccount:"+a.GetEmail())))
		c.deleteAccount(a.GetName())
		wantError(t, c.setBindings(binding("roles/viewer", "serviceAccount:"+a.GetEmail())), codes.InvalidArgument,
			"Service account "+a.GetEmail()+" does not exist.")
	})
	fact(t, "1.2", "a disabled account keeps its bindings and loses its access", "iam.proto", func(t *testing.T) {
		c := start(t)
		a := c.account("app-runner")
		c.grantSecretTo(t, a)
		must(t, c.AddToken("app", "serviceAccount:"+a.GetEmail()))
		access := func() error {
			_, err := c.secrets.AccessSecretVersion(withToken(c.ctx(), "app"), &secretmanagerpb.AccessSecretVersionRequest{Name: shopKey + "/versions/latest"})
			return err
		}
		must(t, access())
		_, err := c.accounts.DisableServiceAccount(c.ctx(), &adminpb.DisableServiceAccountRequest{Name: a.GetName()})
		must(t, err)
		wantError(t, access(), codes.PermissionDenied, "Permission 'secretmanager.versions.access' denied for resource '"+shopKey+"/versions/latest' (or it may not exist).")
		_, err = c.accounts.EnableServiceAccount(c.ctx(), &adminpb.EnableServiceAccountRequest{Name: a.GetName()})
		must(t, err)
		must(t, access())
	})
}

func TestConformancePropagation(t *testing.T) {
	fact(t, "1.2", "a grant is effective later, a revoked one still effective for as long", "access-change-propagation", func(t *testing.T) {
		c := start(t)
		c.SetPropagationDelay(7 * time.Minute)
		c.secret("shop-key", "one")
		member := "serviceAccount:" + defaultCaller
		steps := []struct {
			change  string
			members []string
			at      time.Duration
			want    bool
		}{
			{"granted", []string{member}, 0, false},
			{"", nil, 7*time.Minute - time.Second, false},
			{"", nil, time.Second, true},
			{"revoked", []string{"user:other@example.com"}, 0, true},
			{"granted again before that had any effect", []string{member}, 6 * time.Minute, true},
			{"", nil, time.Hour, true},
			{"revoked", []string{"user:other@example.com"}, 7 * time.Minute, false},
		}
		for i, step := range steps {
			if step.change != "" {
				_, err := c.secrets.SetIamPolicy(c.ctx(), &iampb.SetIamPolicyRequest{
					Resource: shopKey, Policy: &iampb.Policy{Bindings: []*iampb.Binding{binding(accessor, step.members...)}},
				})
				must(t, err)
			}
			c.Advance(step.at)
			if got := c.Effective(member, "secretmanager.versions.access", shopKey); got != step.want {
				t.Errorf("step %d %s: effective %v, want %v", i, step.change, got, step.want)
			}
		}
	})
	fact(t, "1.3", "deleting a secret takes its policy along: a new one of the name has none", "resources.proto", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key", "one")
		c.grantSecret("shop-key", accessor, "user:a@example.com")
		_, err := c.secrets.DeleteSecret(c.ctx(), &secretmanagerpb.DeleteSecretRequest{Name: shopKey})
		must(t, err)
		c.secret("shop-key")
		p, err := c.secrets.GetIamPolicy(c.ctx(), &iampb.GetIamPolicyRequest{Resource: shopKey})
		must(t, err)
		if len(p.GetBindings()) != 0 || c.Effective("user:a@example.com", "secretmanager.versions.access", shopKey) {
			t.Errorf("policy: %v", p)
		}
	})
	fact(t, "1.3", "permissions of a missing secret are tested to none, not to 404", "secretmanager service.proto", func(t *testing.T) {
		c := start(t)
		test := func() []string {
			r, err := c.secrets.TestIamPermissions(c.ctx(), &iampb.TestIamPermissionsRequest{Resource: shopKey, Permissions: []string{"secretmanager.secrets.get"}})
			must(t, err)
			return r.GetPermissions()
		}
		if got := test(); len(got) != 0 {
			t.Errorf("missing: %q", got)
		}
		c.secret("shop-key")
		if got := test(); !slices.Equal(got, []string{"secretmanager.secrets.get"}) {
			t.Errorf("there: %q", got)
		}
		_, err := c.secrets.TestIamPermissions(c.ctx(), &iampb.TestIamPermissionsRequest{Resource: shopKey, Permissions: []string{"secretmanager.*"}})
		wantError(t, err, codes.InvalidArgument, "secretmanager.*")
	})
}

func TestConditionsAreEvaluated(t *testing.T) {
	c := start(t)
	c.secret("shop-key", "one")
	c.secret("other", "one")
	const member = "user:a@example.com"
	const version = numbered + "/secrets/shop-key/versions/1"
	tests := map[string]bool{
		`request.time < timestamp("2026-11-01T12:00:01Z")`:                                                   true,
		`request.time < timestamp("2026-11-01T12:00:00Z")`:                                                   false,
		`request.time >= timestamp('2026-11-01T12:00:00Z')`:                                                  true,
		`resource.name.startsWith("` + numbered + `/secrets/shop-")`:                                         true,
		`resource.name.startsWith("` + numbered + `/secrets/other")`:                                         false,
		`resource.name.endsWith('/versions/1')`:                                                              true,
		`resource.name == "` + version + `"`:                                                                 true,
		`resource.name != "` + version + `"`:                                                                 false,
		`resource.name.startsWith("` + numbered + `") && request.time > timestamp("2026-01-01T00:00:00Z")`:   true,
		`resource.name.startsWith("` + numbered + `") && request.time > timestamp("2027-01-01T00:00:00Z")`:   false,
		`resource.name.startsWith("` + numbered + `") && request.auth.claims == "x"`:                         false,
		`resource.name.startsWith("nothing") || request.time > timestamp("2026-01-01T00:00:00Z")`:            false,
		`request.time < timestamp("tomorrow")`:                                                               false,
		`api.getAttribute("iam.googleapis.com/modifiedGrantsByRole", []).hasOnly(["roles/secretmanager.a"])`: false,
	}
	for expression, want := range tests {
		b := conditional(accessor, member)
		b.Condition.Expression = expression
		_, err := c.setProjectPolicy(&iampb.Policy{Version: 3, Bindings: []*iampb.Binding{b}})
		must(t, err)
		if got := c.Effective(member, "secretmanager.versions.access", version); got != want {
			t.Errorf("%s: %v, want %v", expression, got, want)
		}
	}
}
