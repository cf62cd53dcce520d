// Package acctest runs acceptance tests: a fake Google Cloud in the test's own process, the provider with a clock that
// the test turns forward, and OpenTofu or Terraform in between.
//
//	func TestSecret(t *testing.T) {
//		t.Parallel()
//		env := acctest.New(t)
//		env.Test(t, resource.TestCase{Steps: []resource.TestStep{{Config: env.Config(`resource …`)}}})
//	}
//
//	func TestMain(m *testing.M) { acctest.Main(m) }
//
// A test that has to hold on Terraform as well as on OpenTofu is wrapped in Core. A test that kills or interrupts the
// command uses CLI, which runs the provider as a process of its own. A test that needs Kubernetes uses SharedCluster.
//
// It is the only package besides tests that knows both the provider and the fake.
package acctest
