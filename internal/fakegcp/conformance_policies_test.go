package fakegcp_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/genproto/googleapis/type/expr"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

func conditional(role, member string) *iampb.Binding {
	b := binding(role, member)
	b.Condition = &expr.Expr{Title: "until 2030", Expression: "request.time < timestamp('2030-01-01T00:00:00Z')"}
	return b
}

// setBindings writes a project policy without an etag.
func (c *cloud) setBindings(bindings ...*iampb.Binding) error {
	_, err := c.setProjectPolicy(&iampb.Policy{Bindings: bindings})
	return err
}

func TestConformancePolicyEtags(t *testing.T) {
	fact(t, "1.2", "a policy over an unseen change is 409 ABORTED, in one of two texts", "pulumi/pulumi-gcp#1028, vmware-archive/terraforming-gcp#132", func(t *testing.T) {
		c := start(t)
		stale := c.projectPolicy(3)
		must(t, c.setBindings(binding("roles/viewer", "user:a@example.com")))
		const text = "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff."
		_, err := c.setProjectPolicy(stale)
		wantError(t, err, codes.Aborted, text+` The request's ETag '\000 \001' did not match the current policy's ETag '\007`)
		_, err = c.setProjectPolicy(stale)
		if wantError(t, err, codes.Aborted, text); status.Convert(err).Message() != text {
			t.Errorf("second conflict: %v", err)
		}
		code, body := c.curl("POST", "/v1/projects/acme-dev:setIamPolicy", `{"policy":{"etag":"ACAB"}}`)
		if code != 409 || !strings.Contains(body, `"status": "ABORTED"`) {
			t.Errorf("REST: %d %s", code, body)
		}
	})
	fact(t, "1.2", "without an etag the last writer wins, and drops conditions", "policy.proto", func(t *testing.T) {
		c := start(t)
		_, err := c.setProjectPolicy(&iampb.Policy{Version: 3, Bindings: []*iampb.Binding{conditional("roles/browser", "user:a@example.com")}})
		must(t, err)
		must(t, c.setBindings(binding("roles/browser", "user:b@example.com")))
		if got := c.projectPolicy(3); len(got.GetBindings()) != 1 || got.GetBindings()[0].GetRole() != "roles/browser" || got.GetVersion() != 1 {
			t.Errorf("policy: %v", got)
		}
	})
	fact(t, "1.2", "a policy that was never set is an etag, a cleared one has version 1 too", "mock", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key")
		path := "/v1/" + shopKey + ":getIamPolicy"
		code, body := c.curl("GET", path, "")
		if code != 200 || strings.Join(strings.Fields(body), "") != `{"etag":"ACAB"}` {
			t.Errorf("never set: %d %s", code, body)
		}
		c.grantSecret("shop-key", accessor, "user:a@example.com")
		_, err := c.secrets.SetIamPolicy(c.ctx(), &iampb.SetIamPolicyRequest{Resource: shopKey, Policy: &iampb.Policy{}})
		must(t, err)
		if _, body := c.curl("GET", path, ""); !strings.Contains(body, `"version": 1`) || strings.Contains(body, "bindings") || strings.Contains(body, "ACAB") {
			t.Errorf("cleared: %s", body)
		}
	})
	fact(t, "1.2", "an etag changes with every write and stays with every read", "policy.proto", func(t *testing.T) {
		c := start(t)
		must(t, c.setBindings(binding("roles/viewer", "user:a@example.com")))
		first := c.projectPolicy(3).GetEtag()
		if again := c.projectPolicy(3).GetEtag(); string(again) != string(first) {
			t.Errorf("read twice: %s, %s", base64.StdEncoding.EncodeToString(first), base64.StdEncoding.EncodeToString(again))
		}
		must(t, c.setBindings(binding("roles/viewer", "user:a@example.com")))
		if second := c.projectPolicy(3).GetEtag(); string(second) == string(first) {
			t.Error("written again with the same etag")
		}
	})
}

func TestConformancePolicyVersions(t *testing.T) {
	fact(t, "1.2", "policy versions are 0, 1 and 3, in reading and writing", "options.proto, policy.proto", func(t *testing.T) {
		c := start(t)
		for version, ok := range map[int32]bool{0: true, 1: true, 2: false, 3: true, 4: false, -1: false} {
			_, read := c.projects.GetIamPolicy(c.ctx(), &iampb.GetIamPolicyRequest{
				Resource: project, Options: &iampb.GetPolicyOptions{RequestedPolicyVersion: version},
			})
			_, written := c.setProjectPolicy(&iampb.Policy{Version: version})
			for _, err := range []error{read, written} {
				if (err == nil) != ok || err != nil && status.Code(err) != codes.InvalidArgument {
					t.Errorf("version %d: %v", version, err)
				}
			}
		}
	})
	fact(t, "1.2", "conditions are written and read with version 3 only", "policy.proto", func(t *testing.T) {
		c := start(t)
		b := conditional("roles/browser", "user:a@example.com")
		_, err := c.setProjectPolicy(&iampb.Policy{Version: 1, Bindings: []*iampb.Binding{b}})
		wantError(t, err, codes.InvalidArgument, "version")
		_, err = c.setProjectPolicy(&iampb.Policy{Version: 3, Bindings: []*iampb.Binding{b}})
		must(t, err)
		if got := c.projectPolicy(3); got.GetVersion() != 3 || got.GetBindings()[0].GetCondition().GetTitle() != "until 2030" {
			t.Errorf("version 3: %v", got)
		}
		hidden := c.projectPolicy(1)
		if role := hidden.GetBindings()[0].GetRole(); !strings.HasPrefix(role, "roles/browser_withcond_") || hidden.GetBindings()[0].GetCondition() != nil {
			t.Errorf("version 1: %v", hidden)
		}
		_, err = c.setProjectPolicy(hidden) // with its etag
		wantError(t, err, codes.InvalidArgument, "Specified policy version (1) cannot be less than the existing policy version (3).")
		hidden.Etag = nil
		_, err = c.setProjectPolicy(hidden)
		wantError(t, err, codes.InvalidArgument, "_withcond_")
	})
	fact(t, "1.2", "basic roles take no conditions", "hashicorp/terraform-provider-google#7833", func(t *testing.T) {
		c := start(t)
		for _, role := range []string{"roles/owner", "roles/editor", "roles/viewer"} {
			_, err := c.setProjectPolicy(&iampb.Policy{Version: 3, Bindings: []*iampb.Binding{conditional(role, "serviceAccount:a@elsewhere.iam.gserviceaccount.com")}})
			wantError(t, err, codes.InvalidArgument, "LintValidationUnits/BindingRoleAllowConditionCheck Error: Conditions can't be set on primitive roles")
		}
	})
	fact(t, "1.2", "the answer to version 3 is version 1 when no condition is left", "options.proto", func(t *testing.T) {
		c := start(t)
		p, err := c.setProjectPolicy(&iampb.Policy{Version: 3, Bindings: []*iampb.Binding{binding("roles/viewer", "user:a@example.com")}})
		must(t, err)
		if p.GetVersion() != 1 || c.projectPolicy(3).GetVersion() != 1 {
			t.Errorf("version %d, then %d", p.GetVersion(), c.projectPolicy(3).GetVersion())
		}
	})
	fact(t, "1.5", "audit configurations stay unless the mask names them", "mock", func(t *testing.T) {
		c := start(t)
		audited := []*iampb.AuditConfig{{Service: "allServices", AuditLogConfigs: []*iampb.AuditLogConfig{{LogType: iampb.AuditLogConfig_ADMIN_READ}}}}
		set := func(p *iampb.Policy, paths ...string) error {
			_, err := c.projects.SetIamPolicy(c.ctx(), &iampb.SetIamPolicyRequest{Resource: project, Policy: p, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}})
			return err
		}
		must(t, set(&iampb.Policy{AuditConfigs: audited, Bindings: []*iampb.Binding{binding("roles/viewer", "user:a@example.com")}}, "bindings", "etag", "audit_configs"))
		must(t, set(&iampb.Policy{}))
		if got := c.projectPolicy(3); len(got.GetAuditConfigs()) != 1 || len(got.GetBindings()) != 0 {
			t.Errorf("without a mask: %v", got)
		}
		must(t, c.setBindings(binding("roles/viewer", "user:a@example.com")))
		must(t, set(&iampb.Policy{}, "audit_configs"))
		if got := c.projectPolicy(3); len(got.GetAuditConfigs()) != 0 || len(got.GetBindings()) != 1 {
			t.Errorf("with audit_configs in the mask only: %v", got)
		}
		wantError(t, set(&iampb.Policy{}, "members"), codes.InvalidArgument, "members")
	})
}

func TestConformancePolicyMembers(t *testing.T) {
	fact(t, "1.2", "a policy has at most 1500 principals, 250 of them groups, each counted at each occurrence", "policy.proto", func(t *testing.T) {
		c := start(t)
		many := func(kind string, n int) []string {
			all := make([]string, n)
			for i := range all {
				all[i] = fmt.Sprintf("%s:m%d@example.com", kind, i)
			}
			return all
		}
		must(t, c.setBindings(binding("roles/viewer", many("user", 1250)...), binding("roles/browser", many("group", 250)...)))
		wantError(t, c.setBindings(binding("roles/viewer", many("user", 1500)...), binding("roles/browser", "user:m1@example.com")), codes.InvalidArgument,
			"The number of members in the policy (1,501) is larger than the maximum allowed size 1,500.")
		wantError(t, c.setBindings(binding("roles/viewer", many("group", 251)...)), codes.InvalidArgument, "251")
	})
	fact(t, "1.2", "members are written in lower case and duplicates merged", "sheet of facts", func(t *testing.T) {
		c := start(t)
		must(t, c.setBindings(
			binding("roles/viewer", "user:Someone@Example.com", "user:someone@example.com"),
			binding("roles/browser"),
			binding("roles/viewer", "group:Team@example.com", "user:someone@example.com"),
		))
		got := c.projectPolicy(3).GetBindings()
		if len(got) != 1 || !slices.Equal(got[0].GetMembers(), []string{"user:someone@example.com", "group:team@example.com"}) {
			t.Errorf("bindings: %v", got)
		}
	})
	fact(t, "1.2", "an account that is not there is refused by every service, for a while after its creation too", "googleapis/google-cloud-go#11482", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key")
		const email = "app-runner@acme-dev.iam.gserviceaccount.com"
		want := "Service account " + email + " does not exist."
		p := &iampb.Policy{Bindings: []*iampb.Binding{binding(accessor, "serviceAccount:"+email)}}
		c.SetPropagationDelay(2 * time.Minute)
		for _, when := range []string{"missing", "new"} {
			_, err := c.setProjectPolicy(p)
			wantError(t, err, codes.InvalidArgument, want)
			_, err = c.secrets.SetIamPolicy(c.ctx(), &iampb.SetIamPolicyRequest{Resource: shopKey, Policy: p})
			wantError(t, err, codes.InvalidArgument, want)
			if when == "missing" {
				c.account("app-runner")
			}
		}
		code, body := c.curl("POST", "/v1/projects/acme-dev/serviceAccounts/"+defaultCaller+":setIamPolicy",
			`{"policy":{"bindings":[{"role":"roles/iam.serviceAccountUser","members":["serviceAccount:`+email+`"]}]}}`)
		if code != 400 || !strings.Contains(body, want) || !strings.Contains(body, `"reason": "badRequest"`) {
			t.Errorf("REST: %d %s", code, body)
		}
		c.Advance(2 * time.Minute)
		_, err := c.setProjectPolicy(p)
		must(t, err)
	})
	fact(t, "1.2", "the identity pool is there from the project's first cluster with Workload Identity on", "terraform-google-kubernetes-engine#916", func(t *testing.T) {
		c := start(t)
		a := c.account("app-runner")
		grant := func() error {
			_, err := c.accounts.SetIamPolicy(c.ctx(), &iampb.SetIamPolicyRequest{Resource: a.GetName(), Policy: &iampb.Policy{
				Bindings: []*iampb.Binding{binding("roles/iam.workloadIdentityUser", "serviceAccount:acme-dev.svc.id.goog[shop/shop]")},
			}})
			return err
		}
		wantError(t, grant(), codes.InvalidArgument, "Identity Pool does not exist (acme-dev.svc.id.goog). Please check that you specified a valid resource name as returned in the `name` attribute in the configuration API.")
		_, err := containerpb.NewClusterManagerClient(c.conn).CreateCluster(c.ctx(), &containerpb.CreateClusterRequest{Parent: location, Cluster: &containerpb.Cluster{
			Name: "shop", InitialNodeCount: 1,
			WorkloadIdentityConfig: &containerpb.WorkloadIdentityConfig{WorkloadPool: "acme-dev.svc.id.goog"},
		}})
		must(t, err)
		c.Advance(time.Hour)
		must(t, grant())
		if !c.Effective("serviceAccount:acme-dev.svc.id.goog[shop/shop]", "iam.serviceAccounts.getAccessToken", a.GetName()) {
			t.Error("the grant is not effective")
		}
	})
	fact(t, "1.5", "a project is never public, and external owners are invited, not set", "projects.proto; ORG_MUST_INVITE_EXTERNAL_OWNERS as users quote it", func(t *testing.T) {
		c := start(t)
		a := c.account("app-runner")
		for _, member := range []string{"allUsers", "allAuthenticatedUsers"} {
			wantError(t, c.setBindings(binding("roles/viewer", member)), codes.InvalidArgument, member)
		}
		for member, ok := range map[string]bool{
			"user:boss@example.com": true, "group:owners@example.com": true, "serviceAccount:" + a.GetEmail(): true,
			"user:boss@elsewhere.org": false, "group:owners@elsewhere.org": false, "domain:example.com": false,
		} {
			err := c.setBindings(binding("roles/owner", member))
			if ok {
				must(t, err)
				continue
			}
			wantError(t, err, codes.InvalidArgument, "Request contains an invalid argument.")
		}
		must(t, c.UpdatePolicy(project, func(p *iampb.Policy) {
			p.Bindings = []*iampb.Binding{binding("roles/owner", "user:boss@elsewhere.org")}
		}))
		must(t, c.setBindings(binding("roles/owner", "user:boss@elsewhere.org", "user:boss@example.com"))) // who is one stays one
	})
}
