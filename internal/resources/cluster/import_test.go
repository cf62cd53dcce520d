package cluster_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// byHand are clusters as they are found in projects, none of which this provider made, and the least that a
// configuration must say of their pools.
var byHand = map[string]struct {
	made *containerpb.Cluster
	// since is what was changed after the creation.
	since func(*containerpb.Cluster)
	pools []change
	// differs are the attributes that a plan of just that changes: what the provider always wants, and the configuration
	// cannot leave as it is.
	differs []string
	// incomplete tells that the configuration that the command writes lacks something that only a person can decide.
	incomplete string
}{
	"old": {
		made:  oldCluster(),
		pools: []change{pool("default-pool", `machine_type = "e2-medium", max_nodes = 3`)},
		// There is no Workload Identity, and the pool does not scale.
		differs:    []string{"workload_pool", "node_pools.default-pool.max_nodes", "node_pools.default-pool.min_nodes"},
		incomplete: `max_nodes must be set in node pool "default-pool"`,
	},
	"private": {made: privateCluster(), pools: []change{
		pool("general", `machine_type = "n2-standard-4", max_nodes_per_zone = 5`),
		pool("spot", `machine_type = "n2-standard-8", capacity = "spot", max_nodes = 9`),
	}},
	"tuned": {made: tunedCluster(), since: func(c *containerpb.Cluster) {
		c.ReleaseChannel = &containerpb.ReleaseChannel{}
		c.LegacyAbac = &containerpb.LegacyAbac{Enabled: true}
		c.MasterAuth.ClientCertificateConfig = &containerpb.ClientCertificateConfig{IssueClientCertificate: true}
		c.LoggingConfig = &containerpb.LoggingConfig{ComponentConfig: &containerpb.LoggingComponentConfig{}}
	}, pools: []change{
		pool("web", `machine_type = "e2-standard-4", max_nodes = 6`),
	}},
	"without addresses": {made: dnsOnlyCluster(), since: addAutoprovisionedPool, pools: []change{
		pool("web", `machine_type = "e2-standard-4", max_nodes = 6`),
	}},
}

// Whatever a cluster is like: after an import, a configuration that says only what it must plans an update at most,
// of what really has to change, and leaves the rest as it is. After that apply there is nothing to do.
func TestImportOfAClusterMadeByHand(t *testing.T) {
	t.Parallel()
	for name, c := range byHand {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acctest.Core(t, func(t *testing.T, env *acctest.Env) {
				makeByHand(t, env, c.made)
				if c.since != nil {
					if err := env.Fake.UpdateCluster(clusterID, c.since); err != nil {
						t.Fatal(err)
					}
				}
				cli := env.CLI(t)
				block := cluster(append([]change{pool("base", ""), pool("spot", ""), set("location", "")}, c.pools...)...)
				cli.Write(t, "main.tf", env.Config(block, importBlock))
				planned := plannedChange(t, cli)
				if got, want := planned.Actions, []string{"update"}; !slices.Equal(got, want) {
					t.Errorf("planned %v, want %v", got, want)
				}
				differs := append([]string{"drift", "status"}, c.differs...)
				slices.Sort(differs)
				if got := planned.differences(); !slices.Equal(got, differs) {
					t.Errorf("the plan changes %v, want %v", got, differs)
				}
				cli.MustRun(t, "apply", "-no-color", "-input=false", "plan.bin")
				if r := cli.Run(t, "plan", "-no-color", "-input=false", "-detailed-exitcode"); r.Code != 0 {
					t.Errorf("the plan after the apply is not empty:\n%s", r.Output())
				}
				if live := liveCluster(t, env); live.GetResourceLabels()["owner"] != "ann" {
					t.Errorf("the labels of others are %v", live.GetResourceLabels())
				}
				env.CheckEffects(t, "CreateNodePool", 0)
				env.CheckEffects(t, "DeleteNodePool", 0)
				env.CheckEffects(t, "CreateCluster", 1)
			})
		})
	}
}

// The configuration that the command itself writes for an import can be used as it is: it plans the same update, and
// after the apply nothing.
func TestGeneratedConfigurationOfAnImport(t *testing.T) {
	t.Parallel()
	for name, c := range byHand {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acctest.Core(t, func(t *testing.T, env *acctest.Env) {
				makeByHand(t, env, c.made)
				if c.since != nil {
					if err := env.Fake.UpdateCluster(clusterID, c.since); err != nil {
						t.Fatal(err)
					}
				}
				cli := env.CLI(t)
				cli.Write(t, "main.tf", env.Config(importBlock))
				generated := cli.Run(t, "plan", "-no-color", "-input=false", "-generate-config-out=generated.tf")
				if c.incomplete != "" {
					if generated.Code == 0 || !wrapped(c.incomplete).MatchString(generated.Output()) {
						t.Errorf("the plan ended with %d and does not say %q:\n%s", generated.Code, c.incomplete, generated.Output())
					}
					return
				}
				if generated.Code != 0 {
					t.Fatalf("the configuration was not generated:\n%s", generated.Output())
				}
				planned := plannedChange(t, cli)
				if got := planned.differences(); len(planned.Actions) != 1 || planned.Actions[0] != "update" || !slices.Equal(got, []string{"drift", "status"}) {
					t.Errorf("%v of %v", planned.Actions, got)
				}
				cli.MustRun(t, "apply", "-no-color", "-input=false", "plan.bin")
				if r := cli.Run(t, "plan", "-no-color", "-input=false", "-detailed-exitcode"); r.Code != 0 {
					t.Errorf("the plan after the apply is not empty:\n%s", r.Output())
				}
			})
		})
	}
}

// A cluster that this provider made for another state, imported with its configuration, is not touched.
func TestImportOfAClusterOfOurs(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		cli := env.CLI(t)
		cli.Write(t, "main.tf", env.Config(cluster(set("labels", `{ team = "shop" }`))))
		cli.MustRun(t, "apply", "-no-color", "-input=false", "-auto-approve")
		other := env.CLI(t)
		other.Write(t, "main.tf", env.Config(cluster(set("labels", `{ team = "shop" }`)), importBlock))
		if planned := plannedChange(t, other); len(planned.differences()) > 0 {
			t.Errorf("the plan changes %v", planned.differences())
		}
		other.MustRun(t, "apply", "-no-color", "-input=false", "plan.bin")
		if r := other.Run(t, "plan", "-no-color", "-input=false", "-detailed-exitcode"); r.Code != 0 {
			t.Errorf("the plan after the import is not empty:\n%s", r.Output())
		}
	})
}

// The provider's region and project are defaults of new clusters: they do not move one that is imported.
func TestImportOfAClusterInAnotherPlace(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	if err := env.Fake.AddProject("acme-old", "210987654321"); err != nil {
		t.Fatal(err)
	}
	const elsewhere = "projects/acme-old/locations/us-west2-b"
	made := oldCluster()
	made.WorkloadIdentityConfig = &containerpb.WorkloadIdentityConfig{WorkloadPool: "acme-old.svc.id.goog"}
	makeByHandIn(t, env, elsewhere, made)
	cli := env.CLI(t)
	block := cluster(pool("base", ""), pool("spot", ""), pool("default-pool", `machine_type = "e2-medium", max_nodes = 3`), set("location", ""))
	cli.Write(t, "main.tf", env.Config(block, strings.Replace(importBlock, parent, elsewhere, 1)))
	planned := plannedChange(t, cli)
	if !slices.Equal(planned.Actions, []string{"update"}) || planned.After["location"] != "us-west2-b" || planned.After["project"] != "acme-old" {
		t.Errorf("planned %v in %v, %v", planned.Actions, planned.After["project"], planned.After["location"])
	}
	cli.MustRun(t, "apply", "-no-color", "-input=false", "plan.bin")
	if r := cli.Run(t, "plan", "-no-color", "-input=false", "-detailed-exitcode"); r.Code != 0 {
		t.Errorf("the plan after the apply is not empty:\n%s", r.Output())
	}
	// Written down, another place is another cluster.
	cli.Write(t, "main.tf", env.Config(strings.Replace(block, `"dev"`+" {\n", `"dev"`+" {\n  location = \"us-west2\"\n", 1)))
	if moved := plannedChange(t, cli); !slices.Contains(moved.Actions, "delete") {
		t.Errorf("a written location plans %v", moved.Actions)
	}
}

// In Autopilot GKE makes the nodes: there are no pools to declare.
func TestImportOfAnAutopilotClusterIsRefused(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	makeByHand(t, env, &containerpb.Cluster{
		Name: "dev", Autopilot: &containerpb.Autopilot{Enabled: true},
		ReleaseChannel: &containerpb.ReleaseChannel{Channel: containerpb.ReleaseChannel_REGULAR},
	})
	cli := env.CLI(t)
	cli.Write(t, "main.tf", env.Config(cluster(), importBlock))
	r := cli.Run(t, "plan", "-no-color", "-input=false")
	for _, want := range []string{`Cluster "dev" is an Autopilot cluster`, "data source twelvefactor_cluster"} {
		if r.Code == 0 || !wrapped(want).MatchString(r.Output()) {
			t.Errorf("%q is missing in:\n%s", want, r.Output())
		}
	}
	cli.Write(t, "main.tf", env.Config(`data "twelvefactor_cluster" "it" { name = "dev" }`, `output "status" { value = data.twelvefactor_cluster.it.status }`))
	cli.MustRun(t, "apply", "-no-color", "-input=false", "-auto-approve")
	if status := cli.MustRun(t, "output", "-raw", "status").Stdout; status != "ready" {
		t.Errorf("the data source says that it is %q", status)
	}
}

const importBlock = "import {\n  to = " + address + "\n  id = \"" + clusterID + "\"\n}\n"

// planned is what a plan does with the cluster.
type planned struct {
	Actions      []string       `json:"actions"`
	Before       map[string]any `json:"before"`
	After        map[string]any `json:"after"`
	AfterUnknown map[string]any `json:"after_unknown"`
}

func plannedChange(t *testing.T, cli *acctest.CLI) planned {
	t.Helper()
	cli.MustRun(t, "plan", "-no-color", "-input=false", "-out=plan.bin")
	var plan struct {
		ResourceChanges []struct {
			Address string  `json:"address"`
			Change  planned `json:"change"`
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal([]byte(cli.MustRun(t, "show", "-json", "plan.bin").Stdout), &plan); err != nil {
		t.Fatal(err)
	}
	for _, c := range plan.ResourceChanges {
		if c.Address == address {
			return c.Change
		}
	}
	t.Fatalf("the plan does not have %s", address)
	return planned{}
}

// differences are the attributes that change or are left open, by path, in order. Lists and sets are looked at as one.
func (p planned) differences() []string {
	var paths []string
	var walk func(path string, before, after, unknown any)
	walk = func(path string, before, after, unknown any) {
		b, isObject := before.(map[string]any)
		a, stays := after.(map[string]any)
		u, _ := unknown.(map[string]any)
		if !isObject || !stays {
			if open, _ := unknown.(bool); open || fmt.Sprint(before) != fmt.Sprint(after) {
				paths = append(paths, strings.TrimPrefix(path, "."))
			}
			return
		}
		keys := maps.Clone(b)
		maps.Copy(keys, a)
		maps.Copy(keys, u)
		for key := range keys {
			walk(path+"."+key, b[key], a[key], u[key])
		}
	}
	walk("", any(p.Before), any(p.After), any(p.AfterUnknown))
	slices.Sort(paths)
	return paths
}
