package secret_test

import (
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// TestSecret_leastPrivilege goes through a whole life, with an answer that is lost on the way.
func TestSecret_leastPrivilege(t *testing.T) {
	t.Parallel()
	canaries := acctest.NewCanaries()
	numbered := func(version, accessor string) acctest.Attributes {
		return acctest.Attributes{
			"name": "payments", "value_wo": canaries.Text(t, "value "+version), "value_wo_version": version, "accessors": []string{accessor},
		}
	}
	var versions []acctest.Attributes
	for _, version := range []string{"1", "2", "3", "4", "5"} {
		versions = append(versions, numbered(version, "user:alice@example.com"))
	}
	last := numbered("6", "user:bob@example.com")
	acctest.CheckLeastPrivilege(t, noun, func(l *acctest.Life) string {
		var steps []func() string
		for _, config := range versions {
			steps = append(steps, func() string { return l.Apply(config) }, l.Refresh)
		}
		return acctest.Steps(append(steps,
			func() string {
				must(l.Env.Fake.Inject(fakegcp.Fault{Method: "AddSecretVersion", Occurrence: 1, When: fakegcp.After, Code: codes.Unavailable}))
				return l.Apply(last)
			},
			l.Refresh,
			func() string { return l.Import(id) },
			l.Destroy,
		)...)
	}, func() *acctest.Canaries { return canaries }, "secretmanager.versions.disable")
}
