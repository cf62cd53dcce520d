package identity_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/iam/apiv1/iampb"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }

const (
	address   = "twelvefactor_workload_identity.shop"
	email     = "shop-runtime@acme-dev.iam.gserviceaccount.com"
	accountID = "projects/acme-dev/serviceAccounts/" + email
)

// identity is the block of a workload identity with the given lines.
func identity(lines ...string) string {
	return fmt.Sprintf("resource \"twelvefactor_workload_identity\" \"shop\" {\n  %s\n}\n", strings.Join(lines, "\n  "))
}

// runtime is the account of a service on Cloud Run, with grants of the given roles on the project.
func runtime(roles ...string) string {
	return identity(`name = "shop-runtime"`, `mode = "service_account"`, grants(roles...))
}

func grants(roles ...string) string {
	if len(roles) == 0 {
		return ""
	}
	var list []string
	for _, role := range roles {
		list = append(list, fmt.Sprintf("{ role = %q, project = %q }", role, acctest.Project))
	}
	return "grants = [" + strings.Join(list, ", ") + "]"
}

func at(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

// isStatus is the check that an identity is ready, or what else it is to be.
func isStatus(status string) statecheck.StateCheck {
	return at("status", knownvalue.StringExact(status))
}

// membersOf gives who has a role on the project, behind the API's back.
func membersOf(t *testing.T, env *acctest.Env, resource, role string) []string {
	t.Helper()
	var members []string
	err := env.Fake.UpdatePolicy(resource, func(p *iampb.Policy) {
		for _, b := range p.GetBindings() {
			if b.GetRole() == role {
				members = append(members, b.GetMembers()...)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return members
}

// dropMember takes a member out of a role behind the API's back.
func dropMember(t *testing.T, env *acctest.Env, resource, role, member string) {
	t.Helper()
	err := env.Fake.UpdatePolicy(resource, func(p *iampb.Policy) {
		for _, b := range p.GetBindings() {
			if b.GetRole() == role {
				b.Members = slices.DeleteFunc(b.Members, func(m string) bool { return m == member })
			}
		}
		p.Bindings = slices.DeleteFunc(p.Bindings, func(b *iampb.Binding) bool { return len(b.GetMembers()) == 0 })
	})
	if err != nil {
		t.Fatal(err)
	}
}
