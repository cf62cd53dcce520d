package fakegcp_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func withToken(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// attempts are calls of different services; each says what a caller with a token may do.
func (c *cloud) attempts(ctx context.Context) map[string]error {
	_, get := c.secrets.GetSecret(ctx, &secretmanagerpb.GetSecretRequest{Name: shopKey})
	_, access := c.secrets.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: shopKey + "/versions/1"})
	_, add := c.secrets.AddSecretVersion(ctx, &secretmanagerpb.AddSecretVersionRequest{Parent: shopKey, Payload: &secretmanagerpb.SecretPayload{Data: []byte("x")}})
	_, grant := c.secrets.SetIamPolicy(ctx, &iampb.SetIamPolicyRequest{Resource: project + "/secrets/other", Policy: &iampb.Policy{}})
	_, accounts := c.accounts.ListServiceAccounts(ctx, &adminpb.ListServiceAccountsRequest{Name: project})
	_, services := c.services.ListServices(ctx, &runpb.ListServicesRequest{Parent: location})
	_, projects := c.projects.GetProject(ctx, &resourcemanagerpb.GetProjectRequest{Name: project})
	return map[string]error{"get": get, "access": access, "add": add, "grant": grant, "accounts": accounts, "services": services, "project": projects}
}

func TestTokensAreGovernedByPolicies(t *testing.T) {
	c := start(t)
	a := c.account("deployer")
	member := "serviceAccount:" + a.GetEmail()
	must(t, c.AddToken("deployer-token", member))
	c.secret("shop-key", "one")
	c.secret("other")

	tests := []struct {
		role      string
		on        string
		permitted []string
	}{
		{"", "", nil},
		{"roles/viewer", project, []string{"accounts", "get", "project", "services"}},
		{"roles/editor", project, []string{"accounts", "add", "get", "project", "services"}},
		{"roles/owner", project, []string{"access", "accounts", "add", "get", "grant", "project", "services"}},
		{"roles/secretmanager.secretAccessor", shopKey, []string{"access"}},
		{"roles/secretmanager.secretVersionManager", shopKey, []string{"add"}},
		{"roles/secretmanager.admin", project, []string{"access", "add", "get", "grant", "project"}},
		{"roles/secretmanager.admin", shopKey, []string{"access", "add", "get"}},
		{"roles/iam.serviceAccountAdmin", project, []string{"accounts", "project"}},
		{"roles/run.developer", project, []string{"project", "services"}},
		{"roles/no.suchRole", project, nil},
	}
	for _, test := range tests {
		t.Run(test.role+" on "+test.on, func(t *testing.T) {
			if test.role != "" {
				must(t, c.UpdatePolicy(test.on, func(p *iampb.Policy) { p.Bindings = []*iampb.Binding{binding(test.role, member)} }))
				defer func() { must(t, c.UpdatePolicy(test.on, func(p *iampb.Policy) { p.Bindings = nil })) }()
			}
			var permitted []string
			for call, err := range c.attempts(withToken(c.ctx(), "deployer-token")) {
				switch status.Code(err) {
				case codes.OK:
					permitted = append(permitted, call)
				case codes.PermissionDenied:
				default:
					t.Errorf("%s: %v", call, err)
				}
			}
			if slices.Sort(permitted); !slices.Equal(permitted, test.permitted) {
				t.Errorf("permitted %q, want %q", permitted, test.permitted)
			}
		})
	}
	for call, err := range c.attempts(withToken(c.ctx(), "any other token")) {
		if err != nil {
			t.Errorf("the developer's %s: %v", call, err)
		}
	}
}

func TestTokensAndTime(t *testing.T) {
	c := start(t)
	c.SetPropagationDelay(2 * time.Minute)
	c.secret("shop-key", "one")
	code, body := c.curl("POST", "/_fake/tokens", `{"token":"t","member":"user:Dev@Example.org"}`)
	if code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	c.grantSecret("shop-key", accessor, "user:dev@example.org")
	access := func() error { return c.attempts(withToken(c.ctx(), "t"))["access"] }
	wantError(t, access(), codes.PermissionDenied, "secretmanager.versions.access")
	c.Advance(2 * time.Minute)
	must(t, access())

	asked := []string{"secretmanager.versions.access", "secretmanager.versions.add"}
	r, err := c.secrets.TestIamPermissions(withToken(c.ctx(), "t"), &iampb.TestIamPermissionsRequest{Resource: shopKey, Permissions: asked})
	must(t, err)
	if !slices.Equal(r.GetPermissions(), asked[:1]) {
		t.Errorf("permissions: %q", r.GetPermissions())
	}
	last := c.Journal()[len(c.Journal())-1]
	if last.Principal != "dev@example.org" {
		t.Errorf("the journal names %q", last.Principal)
	}
}

func TestAddTokenRefuses(t *testing.T) {
	c := start(t)
	for _, in := range []struct{ token, member string }{
		{"", "user:a@example.com"}, {readOnlyToken, "user:a@example.com"}, {"t", "a@example.com"}, {"t", "group:g@example.com"},
		{"t", "user:"}, {"t", "user:developer@example.com"},
	} {
		if err := c.AddToken(in.token, in.member); err == nil {
			t.Errorf("AddToken(%q, %q) was taken", in.token, in.member)
		}
	}
}

func TestActingAsAnAccountIsAPermissionOfItsOwn(t *testing.T) {
	c := start(t)
	a := c.account("app-runner")
	const deployer = "user:deployer@example.org"
	must(t, c.AddToken("t", deployer))
	must(t, c.UpdatePolicy(project, func(p *iampb.Policy) {
		p.Bindings = []*iampb.Binding{binding("roles/run.admin", deployer), binding("roles/container.admin", deployer)}
	}))
	service := func(id, account string) error {
		_, err := c.services.CreateService(withToken(c.ctx(), "t"), &runpb.CreateServiceRequest{Parent: location, ServiceId: id, Service: &runpb.Service{
			Template: &runpb.RevisionTemplate{ServiceAccount: account, Containers: []*runpb.Container{{Image: image}}},
		}})
		return err
	}
	cluster := func(id string, config *containerpb.NodeConfig) error {
		_, err := containerpb.NewClusterManagerClient(c.conn).CreateCluster(withToken(c.ctx(), "t"), &containerpb.CreateClusterRequest{
			Parent: location, Cluster: &containerpb.Cluster{Name: id, NodePools: []*containerpb.NodePool{{Name: "web", InitialNodeCount: 1, Config: config}}},
		})
		return err
	}
	wantError(t, service("api", a.GetEmail()), codes.PermissionDenied, "Permission 'iam.serviceaccounts.actAs' denied on service account "+a.GetEmail()+" (or it may not exist).")
	wantError(t, service("api", ""), codes.PermissionDenied, defaultCaller)
	wantError(t, cluster("shop", &containerpb.NodeConfig{ServiceAccount: a.GetEmail()}), codes.InvalidArgument, `The user does not have access to service account "`+a.GetEmail()+`".`)
	wantError(t, cluster("shop", nil), codes.InvalidArgument, defaultCaller)
	_, err := c.accounts.SetIamPolicy(c.ctx(), &iampb.SetIamPolicyRequest{
		Resource: a.GetName(), Policy: &iampb.Policy{Bindings: []*iampb.Binding{binding("roles/iam.serviceAccountUser", deployer)}},
	})
	must(t, err)
	must(t, service("api", a.GetEmail()))
	must(t, cluster("shop", &containerpb.NodeConfig{ServiceAccount: a.GetEmail()}))
}
