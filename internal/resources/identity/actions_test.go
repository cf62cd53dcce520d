package identity_test

import (
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

const (
	targetAccount = "projects/acme-dev/serviceAccounts/target@acme-dev.iam.gserviceaccount.com"
	targetSecret  = "projects/acme-dev/secrets/payments"
)

// makeTargets makes a secret and an account that grants can be on.
func makeTargets(t *testing.T, env *acctest.Env) {
	t.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	_, err := client.Secrets().Create(t.Context(), "projects/"+acctest.Project+"/secrets/payments", &secretmanagerpb.Secret{
		Replication: &secretmanagerpb.Replication{
			Replication: &secretmanagerpb.Replication_Automatic_{Automatic: &secretmanagerpb.Replication_Automatic{}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.ServiceAccounts().Create(t.Context(), acctest.Project, "target", &adminpb.ServiceAccount{}); err != nil {
		t.Fatal(err)
	}
}

const (
	inPlace  = "will be updated in-place"
	replaced = "must be replaced"
)

// TestPlanActions has for every attribute what a plan says about its change, and which calls the apply makes. Steps build
// on each other; those without calls are only planned.
func TestPlanActions(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	makeTargets(t, env)
	if err := env.Fake.AddProject("acme-prod", "210987654321"); err != nil {
		t.Fatal(err)
	}
	const (
		name, mode, id = `name = "shop"`, `mode = "service_account"`, `service_account_id = "shop-runtime"`
		soon           = `condition = { title = "soon", expression = "request.time < timestamp('2030-01-01T00:00:00Z')" }`
		later          = `condition = { title = "later", description = "d", expression = "request.time < timestamp('2031-01-01T00:00:00Z')" }`
		projectPolicy  = "Projects/SetIamPolicy"
		secretPolicy   = "SecretManagerService/SetIamPolicy"
		accountPolicy  = "IAM/SetIamPolicy"
	)
	grant := func(parts ...string) string { return "grants = [{ " + strings.Join(parts, ", ") + " }]" }
	logs := `role = "roles/logging.logWriter"`
	onProject, onSecret, onAccount := `project = "acme-dev"`, `secret = "`+targetSecret+`"`, `service_account = "`+targetAccount+`"`
	tests := []struct {
		change string
		lines  []string
		action string
		calls  []string // nil: only planned
	}{
		{"grants: a role", []string{name, mode, id, grant(logs, onProject)}, inPlace, []string{projectPolicy}},
		{"grants: another role", []string{name, mode, id, grant(`role = "roles/cloudsql.client"`, onProject)}, inPlace, []string{projectPolicy}},
		{"grants: a condition", []string{name, mode, id, grant(logs, onProject, soon)}, inPlace, []string{projectPolicy}},
		{"grants: another condition", []string{name, mode, id, grant(logs, onProject, later)}, inPlace, []string{projectPolicy}},
		{"grants: a secret", []string{name, mode, id, grant(logs, onSecret)}, inPlace, []string{projectPolicy, secretPolicy}},
		{"grants: an account", []string{name, mode, id, grant(logs, onAccount)}, inPlace, []string{accountPolicy, secretPolicy}},
		{"grants: none", []string{name, mode, id}, inPlace, []string{accountPolicy}},
		{"allow_roles", []string{name, mode, id, `allow_roles = ["roles/editor"]`}, inPlace, []string{}},
		{"allow_roles and grants", []string{
			name, mode, id, `allow_roles = ["roles/editor"]`, grant(`role = "roles/editor"`, onProject),
		}, inPlace, []string{projectPolicy}},
		{"timeouts", []string{
			name, mode, id, `allow_roles = ["roles/editor"]`, grant(`role = "roles/editor"`, onProject), `timeouts = { create = "9m" }`,
		}, inPlace, []string{}},
		{"project", []string{name, mode, id, `project = "acme-prod"`}, replaced, nil},
		{"mode, cluster and namespace", []string{
			name, `cluster = "projects/acme-dev/locations/asia-northeast1/clusters/dev"`, `namespace = "shop"`,
		}, replaced, nil},
		{"cluster and namespace", []string{
			name, mode, id, `cluster = "projects/acme-dev/locations/asia-northeast1/clusters/dev"`, `namespace = "shop"`,
		}, replaced, nil},
		{"name", []string{`name = "store"`, mode, id, grant(logs, onProject)}, replaced, []string{
			projectPolicy, "IAM/PatchServiceAccount", "IAM/DeleteServiceAccount", "IAM/UndeleteServiceAccount",
			"IAM/PatchServiceAccount", projectPolicy, "IAM/PatchServiceAccount",
		}},
		{"service_account_id", []string{`name = "store"`, mode, `service_account_id = "store-runtime"`, grant(logs, onProject)}, replaced, []string{
			projectPolicy, "IAM/PatchServiceAccount", "IAM/DeleteServiceAccount", "IAM/CreateServiceAccount", projectPolicy, "IAM/PatchServiceAccount",
		}},
	}
	cli := env.CLI(t)
	cli.Write(t, "main.tf", env.Config(identity(name, mode, id)))
	cli.MustRun(t, "apply", "-auto-approve")
	for _, test := range tests {
		cli.Write(t, "main.tf", env.Config(identity(test.lines...)))
		if plan := cli.MustRun(t, "plan", "-no-color", "-out=plan").Stdout; !strings.Contains(plan, test.action) {
			t.Errorf("%s is not %q:\n%s", test.change, test.action, plan)
		}
		if test.calls == nil {
			continue
		}
		from := len(env.Fake.Journal())
		cli.MustRun(t, "apply", "plan")
		if calls := mutations(env, from); !slices.Equal(calls, sortedUnlessReplaced(test.calls, test.action)) {
			t.Errorf("%s calls %v, want %v", test.change, calls, test.calls)
		}
	}
	cli.MustRun(t, "plan", "-detailed-exitcode")
}

// sortedUnlessReplaced: policies are written side by side, so an update's calls come in any order.
func sortedUnlessReplaced(calls []string, action string) []string {
	if action == inPlace {
		slices.Sort(calls)
	}
	return calls
}

// mutations are the calls since then that changed something; those of an update, which come in any order, are sorted.
func mutations(env *acctest.Env, from int) []string {
	calls := []string{}
	for _, call := range env.Fake.Journal()[from:] {
		if call.Mutating {
			calls = append(calls, call.Method[strings.LastIndex(call.Method, ".")+1:])
		}
	}
	if !slices.ContainsFunc(calls, func(c string) bool { return !strings.HasSuffix(c, "SetIamPolicy") }) {
		slices.Sort(calls)
	}
	return calls
}
