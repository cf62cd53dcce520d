package identity_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// A project that was purged answers as one that the caller may not see. The plan of everything else goes on, and a destroy
// leaves no more than the entry in the state, with the command that ends it.
func TestGrantOnAPurgedProject(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	if err := env.Fake.AddProject("other-dev", "210987654321"); err != nil {
		t.Fatal(err)
	}
	cli := env.CLI(t)
	cli.Write(t, "main.tf", env.Config(identity(`name = "shop-runtime"`, `mode = "service_account"`,
		`grants = [{ role = "roles/logging.logWriter", project = "acme-dev" }, { role = "roles/cloudsql.client", project = "other-dev" }]`)))
	cli.MustRun(t, "apply", "-auto-approve")
	err := env.Fake.Inject(fakegcp.Fault{
		Method: "Projects/", Resource: "projects/other-dev", Code: codes.PermissionDenied, Message: "The caller does not have permission",
	})
	if err != nil {
		t.Fatal(err)
	}
	plan := cli.MustRun(t, "plan", "-detailed-exitcode", "-no-color")
	if said := plan.Output(); strings.Count(said, "The policy of project projects/other-dev could not be read") != 1 {
		t.Errorf("the plan says:\n%s", said)
	}
	destroy := cli.Run(t, "destroy", "-auto-approve", "-no-color")
	said := strings.Join(strings.Fields(strings.ReplaceAll(destroy.Output(), "│", "")), " ")
	if destroy.Code == 0 || !strings.Contains(said, "terraform state rm twelvefactor_workload_identity.NAME") {
		t.Errorf("the destroy ended with %d and says:\n%s", destroy.Code, said)
	}
	cli.MustRun(t, "state", "rm", address)
	cli.MustRun(t, "destroy", "-auto-approve")
	left, err := env.Fake.Remaining()
	if err != nil || len(left) != 1 || !strings.Contains(left[0], "other-dev") {
		t.Errorf("left %v, error %v", left, err)
	}
}
