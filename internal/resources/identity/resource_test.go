package identity_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// After every step the testing library itself looks for empty plans, without and with a refresh.
func TestRuntimeAccountOfCloudRun(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		member := "serviceAccount:" + email
		env.Test(t, resource.TestCase{Steps: []resource.TestStep{
			{
				Config: env.Config(runtime("roles/cloudtrace.agent", "roles/logging.logWriter")),
				ConfigStateChecks: []statecheck.StateCheck{
					at("id", knownvalue.StringExact(accountID)),
					at("email", knownvalue.StringExact(email)),
					at("principal", knownvalue.StringExact(member)),
					at("service_account_id", knownvalue.StringExact("shop-runtime")),
					at("kubernetes_service_account", knownvalue.Null()),
					isStatus("ready"),
				},
				PostApplyFunc: func() {
					for _, role := range []string{"roles/cloudtrace.agent", "roles/logging.logWriter"} {
						if got := membersOf(t, env, "projects/acme-dev", role); !slices.Contains(got, member) {
							t.Errorf("%s has %v", role, got)
						}
					}
				},
			},
			{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: accountID},
			{
				Config:           env.Config(runtime("roles/cloudsql.client", "roles/logging.logWriter")),
				ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
				PostApplyFunc: func() {
					if got := membersOf(t, env, "projects/acme-dev", "roles/cloudtrace.agent"); slices.Contains(got, member) {
						t.Errorf("the grant that is not declared any more is still there: %v", got)
					}
				},
			},
			{Config: env.Config(runtime()), ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionUpdate)},
			{
				Config:           env.Config(strings.Replace(runtime(), `"shop-runtime"`, `"shop-web"`, 1)),
				ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionReplace),
			},
		}})
		env.CheckEffects(t, "CreateServiceAccount", 2)
	})
}

func TestGrantOnASecret(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	const role = "roles/secretmanager.secretAccessor"
	config := env.Config(
		`resource "twelvefactor_session_key" "shop" { name = "shop-session-key" }`,
		identity(`name = "shop-runtime"`, `mode = "service_account"`,
			`grants = [{ role = "`+role+`", secret = twelvefactor_session_key.shop.id }]`),
	)
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{{
		Config: config,
		PostApplyFunc: func() {
			if got := membersOf(t, env, "projects/acme-dev/secrets/shop-session-key", role); len(got) != 1 {
				t.Errorf("members %v", got)
			}
		},
	}}})
}

// TestGrantOnARegionalSecret has a global and a regional secret of one name; the grants are told apart by the location.
func TestGrantOnARegionalSecret(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	const (
		role             = "roles/secretmanager.secretAccessor"
		global, regional = "projects/acme-dev/secrets/shop-session-key", "projects/acme-dev/locations/europe-west3/secrets/shop-session-key"
	)
	keys := `resource "twelvefactor_session_key" "shop" { name = "shop-session-key" }
resource "twelvefactor_session_key" "regional" {
  name     = "shop-session-key"
  location = "europe-west3"
}`
	grants := func(of string) string {
		return env.Config(keys, identity(`name = "shop-runtime"`, `mode = "service_account"`, "grants = ["+of+"]"))
	}
	onGlobal := `{ role = "` + role + `", secret = twelvefactor_session_key.shop.id }`
	onRegional := `{ role = "` + role + `", secret = twelvefactor_session_key.regional.id }`
	step := func(config string, wantGlobal, wantRegional int) resource.TestStep {
		return resource.TestStep{Config: config, PostApplyFunc: func() {
			for name, want := range map[string]int{global: wantGlobal, regional: wantRegional} {
				if got := membersOf(t, env, name, role); len(got) != want {
					t.Errorf("members of %s: %q, want %d", name, got, want)
				}
			}
		}}
	}
	drifted := step(grants(onRegional), 0, 1)
	drifted.PreConfig = func() { dropMember(t, env, regional, role, membersOf(t, env, regional, role)[0]) }
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		step(grants(onRegional), 0, 1), drifted, step(grants(onRegional+", "+onGlobal), 1, 1), step(grants(onGlobal), 1, 0),
	}})
}

func TestChangesBehindTerraformsBackAreRepaired(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	const role = "roles/logging.logWriter"
	config := env.Config(runtime(role))
	changes := map[string]func() error{
		"grant removed": func() error {
			dropMember(t, env, "projects/acme-dev", role, "serviceAccount:"+email)
			return nil
		},
		"stamp removed": func() error {
			return env.Fake.UpdateServiceAccount(accountID, func(a *adminpb.ServiceAccount) { a.Description = "mine" })
		},
		"account renamed": func() error {
			return env.Fake.UpdateServiceAccount(accountID, func(a *adminpb.ServiceAccount) { a.DisplayName = "Shop" })
		},
		"account disabled": func() error {
			return env.Fake.UpdateServiceAccount(accountID, func(a *adminpb.ServiceAccount) { a.Disabled = true })
		},
	}
	steps := []resource.TestStep{{Config: config}}
	for name, change := range changes {
		steps = append(steps, resource.TestStep{
			PreConfig: func() {
				if err := change(); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			},
			Config:            config,
			ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{isStatus("ready")},
		})
	}
	env.Test(t, resource.TestCase{Steps: steps})
}

func TestForeignAccountIsRefused(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	other := env.As(t, acctest.WithStack("another"))
	theirs := other.CLI(t)
	theirs.Write(t, "main.tf", other.Config(runtime()))
	theirs.MustRun(t, "apply", "-auto-approve")
	env.Test(t, resource.TestCase{
		Steps: []resource.TestStep{{
			Config: env.Config(runtime()),
			ExpectError: regexp.MustCompile(`(?s)already exists.*import \{\s+to = twelvefactor_workload_identity\.NAME\s+id = "` +
				regexp.QuoteMeta(accountID) + `"`),
		}},
		CheckDestroy: nil,
	})
	theirs.MustRun(t, "destroy", "-auto-approve")
}

func TestLostAnswerOfTheCreateIsSettledByReading(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	err := env.Fake.Inject(fakegcp.Fault{Method: "CreateServiceAccount", Occurrence: 1, When: fakegcp.After, Code: codes.Unavailable})
	if err != nil {
		t.Fatal(err)
	}
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{{
		Config: env.Config(runtime("roles/logging.logWriter")), ConfigStateChecks: []statecheck.StateCheck{isStatus("ready")},
	}}})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	const cluster = `cluster = "projects/acme-dev/locations/asia-northeast1/clusters/dev"`
	tests := map[string]struct {
		lines []string
		want  string
	}{
		"no cluster":               {[]string{`name = "shop"`}, `(?s)needs\s+a\s+cluster.*service_account`},
		"no namespace":             {[]string{`name = "shop"`, cluster}, `Missing\s+namespace`},
		"namespace alone":          {[]string{`name = "shop"`, `mode = "service_account"`, `namespace = "shop"`}, `Missing\s+cluster`},
		"account in direct mode":   {[]string{`name = "shop"`, cluster, `namespace = "shop"`, `service_account_id = "shop-app"`}, `(?s)service_account_id`},
		"owner":                    {[]string{`name = "shop"`, `mode = "service_account"`, grants("roles/owner")}, `(?s)roles/owner\s+covers`},
		"editor":                   {[]string{`name = "shop"`, `mode = "service_account"`, grants("roles/editor")}, `(?s)roles/editor\s+covers`},
		"not a role":               {[]string{`name = "shop"`, `mode = "service_account"`, grants("logging.logWriter")}, `(?s)is\s+not\s+a\s+role`},
		"grant without target":     {[]string{`name = "shop"`, `mode = "service_account"`, `grants = [{ role = "roles/viewer" }]`}, `One\s+target`},
		"grant with two targets":   {[]string{`name = "shop"`, `mode = "service_account"`, `grants = [{ role = "roles/viewer", project = "acme-dev", secret = "projects/acme-dev/secrets/s" }]`}, `One\s+target`},
		"account by its email":     {[]string{`name = "shop"`, `mode = "service_account"`, `grants = [{ role = "roles/viewer", service_account = "a@b.iam.gserviceaccount.com" }]`}, `(?s)serviceAccounts/EMAIL`},
		"condition without title":  {[]string{`name = "shop"`, `mode = "service_account"`, `grants = [{ role = "roles/run.viewer", project = "acme-dev", condition = { expression = "true" } }]`}, `Missing\s+title`},
		"condition that is empty":  {[]string{`name = "shop"`, `mode = "service_account"`, `grants = [{ role = "roles/run.viewer", project = "acme-dev", condition = { title = "t" } }]`}, `Missing\s+expression`},
		"title that is too long":   {[]string{`name = "shop"`, `mode = "service_account"`, `grants = [{ role = "roles/run.viewer", project = "acme-dev", condition = { title = "` + strings.Repeat("t", 101) + `", expression = "true" } }]`}, `between\s+1\s+and\s+100`},
		"condition on viewer":      {[]string{`name = "shop"`, `mode = "service_account"`, `grants = [{ role = "roles/viewer", project = "acme-dev", condition = { title = "t", expression = "true" } }]`}, `(?s)basic\s+role`},
		"any account":              {[]string{`name = "shop"`, `mode = "service_account"`, grants("roles/iam.serviceAccountUser")}, `(?s)service_account\s+in\s+place\s+of`},
		"another role allowed":     {[]string{`name = "shop"`, `mode = "service_account"`, `allow_roles = ["roles/editor"]`, grants("roles/owner")}, `(?s)allow_roles\s+=\s+\["roles/owner"\]`},
		"allowed for nothing":      {[]string{`name = "shop"`, `mode = "service_account"`, `allow_roles = ["roles/viewer"]`}, `(?s)allow_roles`},
		"too many conditions":      {[]string{`name = "shop"`, `mode = "service_account"`, `grants = [for i in range(21) : { role = "roles/run.viewer", project = "acme-dev", condition = { title = "t${i}", expression = "true" } }]`}, `Too\s+many\s+conditions`},
		"grant without role":       {[]string{`name = "shop"`, `mode = "service_account"`, `grants = [{ project = "acme-dev" }]`}, `role\s+must\s+be\s+set`},
		"null grant":               {[]string{`name = "shop"`, `mode = "service_account"`, `grants = [null]`}, `null\s+value`},
		"bad cluster":              {[]string{`name = "shop"`, `cluster = "dev"`, `namespace = "shop"`}, `(?s)clusters/CLUSTER`},
		"bad name":                 {[]string{`name = "Shop_1"`, `mode = "service_account"`}, `Invalid\s+name`},
		"bad service account id":   {[]string{`name = "shop"`, `mode = "service_account"`, `service_account_id = "x"`}, `(?s)service_account_id`},
		"mode that does not exist": {[]string{`name = "shop"`, `mode = "none"`}, `(?s)service_account`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env.Test(t, resource.TestCase{Steps: []resource.TestStep{{
				Config: env.Config(identity(test.lines...)), PlanOnly: true, ExpectError: regexp.MustCompile(test.want),
			}}})
		})
	}
}

func TestGrantMayBeUnknownWhilePlanning(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	const data = `
resource "terraform_data" "input" {
  input = { role = "roles/logging.logWriter", project = "acme-dev", secret = null }
}
`
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{{
		Config:            env.Config(data, identity(`name = "shop-runtime"`, `mode = "service_account"`, `grants = [terraform_data.input.output]`)),
		ConfigStateChecks: []statecheck.StateCheck{isStatus("ready"), at("grants", knownvalue.SetSizeExact(1))},
	}}})
}

func TestPlanNeedsNoMoreThanReading(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	config := env.Config(runtime("roles/logging.logWriter"))
	cli := env.CLI(t)
	cli.Write(t, "main.tf", config)
	cli.MustRun(t, "apply", "-auto-approve")
	reader := env.CLI(t, "GOOGLE_OAUTH_ACCESS_TOKEN="+acctest.ReadOnlyToken)
	reader.Write(t, "main.tf", config)
	reader.Write(t, "terraform.tfstate", cli.MustRun(t, "state", "pull").Stdout)
	reader.MustRun(t, "plan", "-detailed-exitcode")
	cli.MustRun(t, "destroy", "-auto-approve")
}
