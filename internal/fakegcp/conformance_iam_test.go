package fakegcp_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	admin "cloud.google.com/go/iam/admin/apiv1"
	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

func (c *cloud) getAccount(name string) (*adminpb.ServiceAccount, error) {
	return c.accounts.GetServiceAccount(c.ctx(), &adminpb.GetServiceAccountRequest{Name: name})
}

func (c *cloud) deleteAccount(name string) {
	c.t.Helper()
	_, err := c.accounts.DeleteServiceAccount(c.ctx(), &adminpb.DeleteServiceAccountRequest{Name: name})
	must(c.t, err)
}

func (c *cloud) undelete(parent, uniqueID string) (*adminpb.UndeleteServiceAccountResponse, error) {
	return c.accounts.UndeleteServiceAccount(c.ctx(), &adminpb.UndeleteServiceAccountRequest{Name: parent + "/serviceAccounts/" + uniqueID})
}

func TestConformanceServiceAccounts(t *testing.T) {
	fact(t, "1.2", "a new account has name, project, address, 21 digit ids and an etag", "recorded", func(t *testing.T) {
		c := start(t)
		a := c.account("app-runner")
		email := "app-runner@acme-dev.iam.gserviceaccount.com"
		if a.GetName() != project+"/serviceAccounts/"+email || a.GetEmail() != email || a.GetProjectId() != "acme-dev" || len(a.GetEtag()) == 0 {
			t.Errorf("account: %v", a)
		}
		digits := regexp.MustCompile(`^[1-9][0-9]{20}$`)
		if !digits.MatchString(a.GetUniqueId()) || !digits.MatchString(a.GetOauth2ClientId()) {
			t.Errorf("ids: %q, %q", a.GetUniqueId(), a.GetOauth2ClientId())
		}
		got, err := c.getAccount(numbered + "/serviceAccounts/" + a.GetUniqueId())
		must(t, err)
		if !proto.Equal(got, a) {
			t.Errorf("by unique id: %v, want %v", got, a)
		}
	})
	fact(t, "1.2", "account ids have 6 to 30 lower case letters, digits and dashes", "iam.proto", func(t *testing.T) {
		c := start(t)
		for id, ok := range map[string]bool{
			"abcde": false, "abcdef": true, strings.Repeat("a", 30): true, strings.Repeat("a", 31): false,
			"1bcdef": false, "abcde-": false, "Abcdef": false, "abc_def": false, "a-b-c-1": true,
		} {
			_, err := c.accounts.CreateServiceAccount(c.ctx(), &adminpb.CreateServiceAccountRequest{Name: project, AccountId: id})
			if (err == nil) != ok || err != nil && status.Code(err) != codes.InvalidArgument {
				t.Errorf("%q: %v", id, err)
			}
		}
	})
	fact(t, "1.2", "display names have up to 100 bytes, descriptions up to 256", "iam.proto", func(t *testing.T) {
		c := start(t)
		create := func(id, name, description string) error {
			_, err := c.accounts.CreateServiceAccount(c.ctx(), &adminpb.CreateServiceAccountRequest{
				Name: project, AccountId: id, ServiceAccount: &adminpb.ServiceAccount{DisplayName: name, Description: description},
			})
			return err
		}
		must(t, create("longest", strings.Repeat("é", 50), strings.Repeat("d", 256)))
		wantError(t, create("too-long", strings.Repeat("é", 51), ""), codes.InvalidArgument, "100")
		wantError(t, create("too-long", "", strings.Repeat("d", 257)), codes.InvalidArgument, "256")
	})
	fact(t, "1.2", "PATCH answers with the name and the patched fields only, of display name and description", "recorded", func(t *testing.T) {
		c := start(t)
		a := c.account("app-runner")
		patch := func(paths ...string) (*adminpb.ServiceAccount, error) {
			return c.accounts.PatchServiceAccount(c.ctx(), &adminpb.PatchServiceAccountRequest{
				ServiceAccount: &adminpb.ServiceAccount{Name: a.GetName(), DisplayName: "Shop", Description: "not sent"},
				UpdateMask:     &fieldmaskpb.FieldMask{Paths: paths},
			})
		}
		got, err := patch("display_name")
		must(t, err)
		if want := (&adminpb.ServiceAccount{Name: a.GetName(), DisplayName: "Shop"}); !proto.Equal(got, want) {
			t.Errorf("answer %v, want %v", got, want)
		}
		_, err = patch("disabled")
		wantError(t, err, codes.InvalidArgument, "disabled")
		_, err = patch()
		wantError(t, err, codes.InvalidArgument, "mask")
	})
	fact(t, "1.2", "UpdateServiceAccount sets the display name only", "iam.proto", func(t *testing.T) {
		c := start(t)
		a := c.account("app-runner")
		got, err := c.accounts.UpdateServiceAccount(c.ctx(), &adminpb.ServiceAccount{Name: a.GetName(), DisplayName: "Shop", Description: "ignored"})
		must(t, err)
		if got.GetDisplayName() != "Shop" || got.GetDescription() != "" || got.GetUniqueId() != a.GetUniqueId() {
			t.Errorf("answer: %v", got)
		}
	})
	fact(t, "1.2", "disabling and enabling answer {} and show on the account", "recorded", func(t *testing.T) {
		c := start(t)
		a := c.account("app-runner")
		for _, verb := range []string{"disable", "enable"} {
			code, body := c.curl("POST", "/v1/"+a.GetName()+":"+verb, "{}")
			if code != 200 || strings.TrimSpace(body) != "{}" {
				t.Errorf("%s: %d %s", verb, code, body)
			}
			got, err := c.getAccount(a.GetName())
			must(t, err)
			if got.GetDisabled() != (verb == "disable") {
				t.Errorf("after %s: %v", verb, got)
			}
		}
	})
	fact(t, "1.2", "lists hold 20 accounts unless asked for more, and at most 100", "iam.proto", func(t *testing.T) {
		c := start(t)
		for i := range 110 {
			c.account("account-" + string(rune('a'+i/26)) + string(rune('a'+i%26)))
		}
		for size, want := range map[int32]int{0: 20, 50: 50, 1000: 100} {
			r, err := c.accounts.ListServiceAccounts(c.ctx(), &adminpb.ListServiceAccountsRequest{Name: project, PageSize: size})
			must(t, err)
			if len(r.GetAccounts()) != want || r.GetNextPageToken() == "" {
				t.Errorf("page size %d: %d accounts, token %q", size, len(r.GetAccounts()), r.GetNextPageToken())
			}
		}
	})
}

func TestConformanceServiceAccountErrors(t *testing.T) {
	fact(t, "1.2", "a missing account is 404 Unknown service account, with the wildcard project 403", "recorded; iam.proto", func(t *testing.T) {
		c := start(t)
		missing := "/serviceAccounts/none@acme-dev.iam.gserviceaccount.com"
		_, err := c.getAccount(project + missing)
		wantError(t, err, codes.NotFound, "Unknown service account")
		_, err = c.getAccount("projects/-" + missing)
		wantError(t, err, codes.PermissionDenied, "Permission 'iam.serviceAccounts.get' denied on resource (or it may not exist).")
		code, body := c.curl("GET", "/v1/"+project+missing, "")
		if code != 404 || !strings.Contains(body, `"reason": "notFound"`) || !strings.Contains(body, `"domain": "global"`) {
			t.Errorf("%d %s", code, body)
		}
	})
	fact(t, "1.2", "a second account of one id is 409 and names it in a ResourceInfo", "marketing-analytics-jumpstart#200", func(t *testing.T) {
		c := start(t)
		a := c.account("app-runner")
		_, err := c.accounts.CreateServiceAccount(c.ctx(), &adminpb.CreateServiceAccountRequest{Name: project, AccountId: "app-runner"})
		wantError(t, err, codes.AlreadyExists, "Service account app-runner already exists within project projects/acme-dev.")
		for _, d := range status.Convert(err).Details() {
			if info, ok := d.(*errdetails.ResourceInfo); ok && info.GetResourceName() == a.GetName() {
				return
			}
		}
		t.Errorf("no ResourceInfo in %v", status.Convert(err).Details())
	})
	fact(t, "1.2", "right after its creation an account is unknown to readers, then denied to them", "hashicorp/terraform-provider-google#10227, #15042", func(t *testing.T) {
		c := start(t)
		if code, body := c.curl("POST", "/_fake/readdelay", `{"delay":"soon"}`); code != 400 || !strings.Contains(body, "soon") {
			t.Errorf("a bad delay: %d %s", code, body)
		}
		if code, body := c.curl("POST", "/_fake/readdelay", `{"delay":"10s"}`); code != 200 {
			t.Fatalf("readdelay: %d %s", code, body)
		}
		a := c.account("app-runner")
		_, err := c.getAccount(a.GetName())
		wantError(t, err, codes.NotFound, "Unknown service account")
		c.Advance(5 * time.Second)
		_, err = c.getAccount(a.GetName())
		wantError(t, err, codes.PermissionDenied, "Permission 'iam.serviceAccounts.get' denied on resource (or it may not exist)")
		r, err := c.accounts.ListServiceAccounts(c.ctx(), &adminpb.ListServiceAccountsRequest{Name: project})
		must(t, err)
		if len(r.GetAccounts()) != 1 {
			t.Errorf("listed: %v, want the default account only", r.GetAccounts())
		}
		c.Advance(5 * time.Second)
		_, err = c.getAccount(a.GetName())
		must(t, err)
	})
	fact(t, "1.6", "keys, custom roles and signing are refused by name, not accepted", "iam.proto", func(t *testing.T) {
		c := start(t)
		a := c.account("app-runner")
		calls := map[string]func() error{
			"CreateServiceAccountKey": func() error {
				_, err := c.accounts.CreateServiceAccountKey(c.ctx(), &adminpb.CreateServiceAccountKeyRequest{Name: a.GetName()})
				return err
			},
			"CreateRole": func() error {
				_, err := c.accounts.CreateRole(c.ctx(), &adminpb.CreateRoleRequest{Parent: project, RoleId: "custom"})
				return err
			},
			"QueryGrantableRoles": func() error {
				_, err := c.accounts.QueryGrantableRoles(c.ctx(), &adminpb.QueryGrantableRolesRequest{FullResourceName: "//cloudresourcemanager.googleapis.com/" + project})
				return err
			},
			"SignJwt": func() error {
				_, err := c.accounts.SignJwt(c.ctx(), &adminpb.SignJwtRequest{Name: a.GetName(), Payload: "{}"})
				return err
			},
		}
		for name, do := range calls {
			wantError(t, do(), codes.Unimplemented, "fakegcp: google.iam.admin.v1.IAM/"+name+" is not served")
		}
	})
}

func TestConformanceDeletedAccounts(t *testing.T) {
	fact(t, "1.2", "a deleted account comes back by its unique id for 30 days", "iam.proto", func(t *testing.T) {
		c := start(t)
		a := c.account("app-runner")
		c.deleteAccount(a.GetName())
		_, err := c.getAccount(a.GetName())
		wantError(t, err, codes.NotFound, "Unknown service account")
		_, err = c.undelete(project, a.GetEmail())
		wantError(t, err, codes.NotFound, "Unknown service account")
		c.Advance(30*24*time.Hour - time.Second)
		r, err := c.undelete(project, a.GetUniqueId())
		must(t, err)
		if r.GetRestoredAccount().GetEmail() != a.GetEmail() || r.GetRestoredAccount().GetUniqueId() != a.GetUniqueId() {
			t.Errorf("restored: %v", r)
		}
		c.deleteAccount(a.GetName())
		c.Advance(30*24*time.Hour - time.Second) // the first deletion's 30 days are over, the second's are not
		_, err = c.undelete("projects/-", a.GetUniqueId())
		must(t, err)
		c.deleteAccount(a.GetName())
		c.Advance(30 * 24 * time.Hour)
		_, err = c.undelete("projects/-", a.GetUniqueId())
		wantError(t, err, codes.NotFound, "Unknown service account")
	})
	fact(t, "1.2", "the same address again is another account, and the deleted one cannot take its place", "iam.proto", func(t *testing.T) {
		c := start(t)
		old := c.account("app-runner")
		c.grantSecretTo(t, old)
		c.deleteAccount(old.GetName())
		again := c.account("app-runner")
		if again.GetUniqueId() == old.GetUniqueId() {
			t.Error("the same unique id again")
		}
		if c.Effective("serviceAccount:"+again.GetEmail(), "secretmanager.versions.access", shopKey) {
			t.Error("the bindings of the deleted account apply to the new one")
		}
		_, err := c.undelete(project, old.GetUniqueId())
		wantError(t, err, codes.FailedPrecondition, "already exists")
	})
	fact(t, "1.0", "a client that tries DeleteServiceAccount again gets NOT_FOUND for what it did itself", "iam_grpc_service_config.json", func(t *testing.T) {
		c := start(t)
		a := c.account("app-runner")
		must(t, c.Inject(fakegcp.Fault{Method: "DeleteServiceAccount", When: fakegcp.After, Occurrence: 1}))
		client, err := admin.NewIamClient(c.ctx(), option.WithGRPCConn(c.conn))
		must(t, err)
		err = client.DeleteServiceAccount(c.ctx(), &adminpb.DeleteServiceAccountRequest{Name: a.GetName()})
		wantError(t, err, codes.NotFound, "Unknown service account")
	})
}

// grantSecretTo makes shop-key and lets the account read it.
func (c *cloud) grantSecretTo(t *testing.T, a *adminpb.ServiceAccount) {
	t.Helper()
	c.secret("shop-key", "one")
	c.grantSecret("shop-key", accessor, "serviceAccount:"+a.GetEmail())
	if !c.Effective("serviceAccount:"+a.GetEmail(), "secretmanager.versions.access", shopKey) {
		t.Fatal("the grant has no effect")
	}
}

func TestConformanceProjects(t *testing.T) {
	fact(t, "1.0", "a project that is not there is a 403 which says so in each version's words", "mock, as Terraform matches the text", func(t *testing.T) {
		c := start(t)
		_, err := c.projects.GetProject(c.ctx(), &resourcemanagerpb.GetProjectRequest{Name: "projects/none-such"})
		wantError(t, err, codes.PermissionDenied,
			"Permission 'resourcemanager.projects.get' denied on resource '//cloudresourcemanager.googleapis.com/projects/none-such' (or it may not exist).")
		code, body := c.curl("GET", "/v1/projects/none-such", "")
		if code != 403 || !strings.Contains(body, `"message": "The caller does not have permission"`) {
			t.Errorf("v1: %d %s", code, body)
		}
	})
	fact(t, "1.5", "a project goes by id and by number, and so does its policy", "projects.proto", func(t *testing.T) {
		c := start(t)
		for _, name := range []string{project, numbered} {
			p, err := c.projects.GetProject(c.ctx(), &resourcemanagerpb.GetProjectRequest{Name: name})
			must(t, err)
			if p.GetName() != numbered || p.GetProjectId() != "acme-dev" {
				t.Errorf("%s: %v", name, p)
			}
		}
		_, err := c.projects.SetIamPolicy(c.ctx(), &iampb.SetIamPolicyRequest{Resource: numbered, Policy: &iampb.Policy{
			Bindings: []*iampb.Binding{binding("roles/viewer", "user:a@example.com")},
		}})
		must(t, err)
		if got := c.projectPolicy(3); len(got.GetBindings()) != 1 {
			t.Errorf("by id: %v", got)
		}
	})
	fact(t, "1.0", "names of accounts have the project's id, those of secrets its number", "recorded", func(t *testing.T) {
		c := start(t)
		a, err := c.accounts.CreateServiceAccount(c.ctx(), &adminpb.CreateServiceAccountRequest{Name: numbered, AccountId: "app-runner"})
		must(t, err)
		if !strings.HasPrefix(a.GetName(), project+"/") {
			t.Errorf("account %s", a.GetName())
		}
		c.secret("shop-key")
		s, err := c.getSecret("shop-key")
		must(t, err)
		if !strings.HasPrefix(s.GetName(), numbered+"/") {
			t.Errorf("secret %s", s.GetName())
		}
	})
}

func (c *cloud) getSecret(id string) (*secretmanagerpb.Secret, error) {
	return c.secrets.GetSecret(c.ctx(), &secretmanagerpb.GetSecretRequest{Name: project + "/secrets/" + id})
}
