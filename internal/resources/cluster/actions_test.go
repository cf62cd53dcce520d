package cluster_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// What a change of an attribute does.
const (
	free     = "free"     // nothing but the state
	inPlace  = "in place" // updates of the live cluster
	rolls    = "roll"     // a new node pool, and the old one goes
	replaced = "replace"  // another cluster
)

// action is one row: an attribute, its value before and after (nil: left out), and what the change is to do.
type action struct {
	attribute     string // as AttributePaths has it; node_pools.X is changed in the pool "base"
	before, after any
	want          string
	calls         []string
}

var (
	oneUpdate = []string{"UpdateCluster"}
	onePool   = []string{"UpdateNodePool"}
	oneRoll   = []string{"CreateNodePool", "SetNodePoolAutoscaling", "DeleteNodePool"}
)

// actions has every attribute that can be written. TestClusterActionsCoverEveryAttribute sees to that.
var actions = []action{
	{"name", "dev", "other", replaced, nil},
	{"project", nil, "acme-other", replaced, nil},
	{"location", "asia-northeast1", "europe-west1", replaced, nil},
	{"network", nil, "web", replaced, nil},
	{"subnetwork", nil, "web", replaced, nil},
	{"pods_range", nil, "10.200.0.0/14", replaced, nil},
	{"services_range", nil, "services", replaced, nil},
	{"dataplane_v2", nil, false, replaced, nil},
	{"labels", nil, map[string]string{"team": "shop"}, inPlace, []string{"SetLabels"}},
	{"deletion_protection", nil, true, free, nil},
	{"timeouts", nil, acctest.Attributes{"create": "90m"}, free, nil},
	{"release_channel", nil, "rapid", inPlace, oneUpdate},
	{"min_version", "1.35", "1.36", inPlace, oneUpdate}, // in the channel rapid
	{"private_nodes", nil, false, inPlace, []string{"UpdateCluster", "UpdateNodePool", "UpdateNodePool"}},
	{"dns_endpoint", nil, false, inPlace, oneUpdate},
	{"public_endpoint", nil, false, inPlace, oneUpdate},
	{"authorized_networks", map[string]string{"203.0.113.0/24": "office", "198.51.100.0/24": "home"},
		map[string]string{"203.0.113.0/24": "office"}, inPlace, oneUpdate},
	{"authorized_networks", map[string]string{"203.0.113.0/24": "office"}, map[string]string{}, inPlace, oneUpdate},
	{"authorized_networks", map[string]string{"203.0.113.0/24": "office"}, nil, inPlace, oneUpdate},
	{"gateway_api", nil, false, inPlace, oneUpdate},
	{"secret_manager_csi", nil, false, inPlace, oneUpdate},
	{"logging", nil, []string{"system_components"}, inPlace, oneUpdate},
	{"monitoring", []string{"system_components"}, []string{"system_components", "hpa"}, inPlace, oneUpdate},
	{"logging", nil, []string{}, inPlace, oneUpdate},
	{"monitoring", nil, []string{}, inPlace, oneUpdate},
	{"managed_prometheus", nil, false, inPlace, oneUpdate},
	{"binary_authorization", nil, "enforce", inPlace, oneUpdate},
	{"shielded_nodes", nil, false, inPlace, oneUpdate},
	{"security_posture", nil, "disabled", inPlace, oneUpdate},
	{"fleet_project", "acme-fleet", nil, inPlace, oneUpdate},
	{"maintenance.daily_start", nil, "03:00", inPlace, []string{"SetMaintenancePolicy"}},
	{"maintenance.window", nil, weekends, inPlace, []string{"SetMaintenancePolicy"}},
	{"maintenance.exclusions", nil, map[string]acctest.Attributes{"freeze": freeze}, inPlace, []string{"SetMaintenancePolicy"}},
	{"upgrade_after", nil, afterStaging, inPlace, []string{"SetMaintenancePolicy"}}, // TestClusterUpgradeRule has the rest
	{"node_pools", nil, nil, inPlace, []string{"CreateNodePool"}},                   // a pool more: see pools
	{"node_pools.machine_type", "e2-standard-2", "e2-standard-8", inPlace, onePool},
	{"node_pools.capacity", nil, "spot", rolls, oneRoll},
	{"node_pools.service_account", nil, "nodes@acme-other.iam.gserviceaccount.com", rolls, oneRoll},
	{"node_pools.metadata", nil, map[string]string{"serial-port-logging-enable": "true"}, rolls, oneRoll},
	{"node_pools.metadata", nil, map[string]string{"disable-legacy-endpoints": "true"}, free, nil}, // GKE sets it anyway
	{"node_pools.max_pods_per_node", nil, int64(64), rolls, oneRoll},
	{"node_pools.isolate", nil, false, free, nil}, // of on-demand nodes; see TestClusterIsolate
	{"node_pools.min_nodes", int64(1), int64(2), inPlace, []string{"SetNodePoolAutoscaling"}},
	{"node_pools.max_nodes", int64(3), int64(4), inPlace, []string{"SetNodePoolAutoscaling"}},
	{"node_pools.location_policy", nil, "any", inPlace, []string{"SetNodePoolAutoscaling"}},
	{"node_pools.zones", nil, []string{"asia-northeast1-a"}, inPlace, onePool},
	{"node_pools.disk_gb", nil, int64(200), inPlace, onePool},
	{"node_pools.disk_type", nil, "pd-ssd", inPlace, onePool},
	{"node_pools.labels", nil, map[string]string{"tier": "web"}, inPlace, onePool},
	{"node_pools.taints", nil, []acctest.Attributes{{"key": "team", "effect": "NoSchedule"}}, inPlace, onePool},
	{"node_pools.tags", nil, []string{"web"}, inPlace, onePool},
	{"node_pools.private_nodes", nil, false, inPlace, onePool},
	{"node_pools.upgrade", nil, acctest.Attributes{"max_unavailable": int64(1)}, inPlace, onePool},
	{"node_pools.upgrade.max_surge", nil, int64(2), inPlace, onePool},
	{"node_pools.upgrade.max_unavailable", nil, int64(2), inPlace, onePool},
	{"node_pools.upgrade.max_surge", int64(3), nil, inPlace, onePool}, // back to the default
	{"node_pools.upgrade.blue_green", nil, acctest.Attributes{"batch_percent": int64(20), "soak": "30m"}, inPlace, onePool},
}

var (
	weekends = acctest.Attributes{"start": "2026-01-03T18:00:00Z", "end": "2026-01-04T18:00:00Z", "recurrence": "FREQ=WEEKLY;BYDAY=SA,SU"}
	freeze   = acctest.Attributes{"start": "2026-12-20T00:00:00Z", "end": "2027-01-05T00:00:00Z"}

	afterStaging = acctest.Attributes{"cluster": "projects/acme-dev/locations/asia-northeast1/clusters/staging", "soak": "168h"}
)

// insideRows are paths that the row of what is around them, or a test named here, covers.
var insideRows = map[string]string{
	"maintenance":                     "maintenance.daily_start",
	"maintenance.window.start":        "maintenance.window",
	"maintenance.window.end":          "maintenance.window",
	"maintenance.window.recurrence":   "maintenance.window",
	"maintenance.exclusions.start":    "maintenance.exclusions",
	"maintenance.exclusions.end":      "maintenance.exclusions",
	"maintenance.exclusions.scope":    "maintenance.exclusions",
	"upgrade_after.*":                 "TestClusterUpgradeRule",
	"node_pools.taints.key":           "node_pools.taints",
	"node_pools.taints.value":         "node_pools.taints",
	"node_pools.taints.effect":        "node_pools.taints",
	"node_pools.min_nodes_per_zone":   "TestClusterBoundsPerZone",
	"node_pools.max_nodes_per_zone":   "TestClusterBoundsPerZone",
	"node_pools.upgrade.blue_green.*": "node_pools.upgrade.blue_green",
	"timeouts.*":                      "timeouts",
}

func TestClusterActionsCoverEveryAttribute(t *testing.T) {
	t.Parallel()
	covered := map[string]bool{}
	for _, row := range actions {
		covered[row.attribute] = true
	}
	for _, path := range acctest.New(t).InProcess(t, "twelvefactor_cluster").AttributePaths() {
		within := path[:strings.LastIndex(path, ".")+1] + "*"
		if !covered[path] && insideRows[path] == "" && insideRows[within] == "" {
			t.Errorf("no row changes %s", path)
		}
	}
}

// declaredCluster is a configuration with a value put at an attribute's path.
func declaredCluster(attribute string, value any) acctest.Attributes {
	config := acctest.Attributes{"name": "dev", "location": "asia-northeast1"}
	if attribute == "min_version" {
		config["release_channel"] = "rapid" // the fake's newest minor version is nowhere else
	}
	pools := map[string]acctest.Attributes{
		"base": {"machine_type": "e2-standard-2", "min_nodes": int64(1), "max_nodes": int64(3)},
		"spot": {"machine_type": "e2-standard-4", "capacity": "spot", "max_nodes": int64(10)},
	}
	at := config
	if rest, inPool := strings.CutPrefix(attribute, "node_pools."); inPool {
		at, attribute = pools["base"], rest
	}
	for outer, inner, nested := strings.Cut(attribute, "."); nested; outer, inner, nested = strings.Cut(inner, ".") {
		object := acctest.Attributes{}
		at[outer], at, attribute = object, object, inner
	}
	if value != nil {
		at[attribute] = value
	}
	config["node_pools"] = pools
	return config
}

func TestClusterActions(t *testing.T) {
	t.Parallel()
	for _, row := range actions {
		t.Run(row.attribute, func(t *testing.T) {
			t.Parallel()
			env := acctest.New(t)
			provider := env.InProcess(t, "twelvefactor_cluster")
			before := declaredCluster(row.attribute, row.before)
			after := declaredCluster(row.attribute, row.after)
			if row.before == nil && strings.Contains(strings.TrimPrefix(row.attribute, "node_pools."), ".") {
				before = declaredCluster("", nil)
			}
			if row.attribute == "node_pools" {
				pools, _ := after["node_pools"].(map[string]acctest.Attributes)
				pools["batch"] = acctest.Attributes{"machine_type": "e2-standard-2", "max_nodes": int64(3)}
			}
			state := settled(t, env, provider, before)
			plan, diagnostics := provider.Plan(t, state, after)
			if plan == nil {
				t.Fatal(acctest.DiagnosticsText(diagnostics))
			}
			if plan.Replaces != (row.want == replaced) || plan.Empty() {
				t.Fatalf("replaces: %t, empty: %t; want %s", plan.Replaces, plan.Empty(), row.want)
			}
			if row.want == replaced {
				return
			}
			changes(t, env, provider, state, after, row.calls)
		})
	}
}

// settled applies a configuration and finds nothing left to do.
func settled(t *testing.T, env *acctest.Env, provider *acctest.InProcess, config acctest.Attributes) *acctest.State {
	t.Helper()
	plan, diagnostics := provider.Plan(t, nil, config)
	if plan == nil {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	state, diagnostics := provider.Apply(t, plan)
	if text := acctest.DiagnosticsText(diagnostics); text != "" {
		t.Fatal(text)
	}
	created := mutatingSince(env, 0)
	if want := []string{"CreateCluster"}; !slices.Equal(slices.DeleteFunc(created, func(m string) bool { return m == "SetLabels" }), want) {
		t.Errorf("creating it took %q, want one CreateCluster", created)
	}
	return checkSettled(t, provider, state, config)
}

// checkSettled refreshes, and expects a plan without changes before and after.
func checkSettled(t *testing.T, provider *acctest.InProcess, state *acctest.State, config acctest.Attributes) *acctest.State {
	t.Helper()
	for range 2 {
		plan, diagnostics := provider.Plan(t, state, config)
		if plan == nil {
			t.Fatal(acctest.DiagnosticsText(diagnostics))
		}
		if !plan.Empty() {
			for _, name := range slices.Sorted(maps.Keys(acctest.Differences(t, state, plan))) {
				t.Errorf("the next plan changes %s: %s", name, acctest.Differences(t, state, plan)[name])
			}
		}
		state, diagnostics = provider.Read(t, state)
		if state == nil {
			t.Fatalf("the cluster is gone: %s", acctest.DiagnosticsText(diagnostics))
		}
	}
	return state
}

// mutatingSince lists the methods of the calls that changed something.
func mutatingSince(env *acctest.Env, since int) []string {
	var methods []string
	for _, call := range env.Fake.Journal()[since:] {
		if call.Mutating && call.Code == codes.OK.String() {
			methods = append(methods, call.Method[strings.LastIndex(call.Method, "/")+1:])
		}
	}
	return methods
}

// A Spot pool is isolated by its taint, and opened by one update.
func TestClusterIsolate(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_cluster")
	closed, open := declaredCluster("", nil), declaredCluster("", nil)
	pools, _ := open["node_pools"].(map[string]acctest.Attributes)
	pools["spot"]["isolate"] = false
	state := settled(t, env, provider, closed)
	taints := func() (keys []string) {
		for _, pool := range liveCluster(t, env).GetNodePools() {
			for _, taint := range pool.GetConfig().GetTaints() {
				keys = append(keys, pool.GetName()+" "+taint.GetKey())
			}
		}
		return keys
	}
	if diff := cmp.Diff([]string{"spot cloud.google.com/gke-spot"}, taints()); diff != "" {
		t.Errorf("taints (-want +got):\n%s", diff)
	}
	state = changes(t, env, provider, state, open, []string{"UpdateNodePool"})
	if left := taints(); len(left) > 0 {
		t.Errorf("taints are left: %q", left)
	}
	changes(t, env, provider, state, closed, []string{"UpdateNodePool"})
}

func TestClusterBoundsPerZone(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_cluster")
	total, perZone := declaredCluster("", nil), declaredCluster("", nil)
	pools, _ := perZone["node_pools"].(map[string]acctest.Attributes)
	pools["base"] = acctest.Attributes{"machine_type": "e2-standard-2", "min_nodes_per_zone": int64(1), "max_nodes_per_zone": int64(2)}
	state := settled(t, env, provider, total)
	state = changes(t, env, provider, state, perZone, []string{"SetNodePoolAutoscaling"})
	for _, pool := range liveCluster(t, env).GetNodePools() {
		scaling := pool.GetAutoscaling()
		if pool.GetName() == "base" && (scaling.GetMinNodeCount() != 1 || scaling.GetMaxNodeCount() != 2 || scaling.GetTotalMaxNodeCount() != 0) {
			t.Errorf("autoscaling is %s", scaling)
		}
	}
	changes(t, env, provider, state, total, []string{"SetNodePoolAutoscaling"})
}

// Three pools and every setting cost one operation, and changes to one pool one for each group of fields.
func TestClusterCallsAreFew(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_cluster")
	config := declaredCluster("", nil)
	pools, _ := config["node_pools"].(map[string]acctest.Attributes)
	pools["batch"] = acctest.Attributes{"machine_type": "e2-standard-2", "capacity": "preemptible", "max_nodes": int64(3)}
	config["maintenance"] = acctest.Attributes{"window": weekends, "exclusions": map[string]acctest.Attributes{"freeze": freeze}}
	config["authorized_networks"] = map[string]string{"203.0.113.0/24": "office"}
	config["fleet_project"], config["binary_authorization"] = "acme-fleet", "enforce"
	state := settled(t, env, provider, config)

	pools["base"]["labels"] = map[string]string{"tier": "web"}
	pools["base"]["taints"] = []acctest.Attributes{{"key": "team", "effect": "NoExecute"}}
	state = changes(t, env, provider, state, config, []string{"UpdateNodePool"})
	config["dns_endpoint"], config["public_endpoint"], config["authorized_networks"] = false, false, nil
	changes(t, env, provider, state, config, []string{"UpdateCluster"})
}

// changes applies another configuration in place, with exactly these calls, and finds nothing left to do.
func changes(
	t *testing.T, env *acctest.Env, provider *acctest.InProcess, state *acctest.State, config acctest.Attributes, calls []string,
) *acctest.State {
	t.Helper()
	plan, diagnostics := provider.Plan(t, state, config)
	if plan == nil {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	if plan.Replaces {
		t.Fatal("the plan replaces the cluster")
	}
	since := len(env.Fake.Journal())
	state, diagnostics = provider.Apply(t, plan)
	if text := acctest.DiagnosticsText(diagnostics); strings.Contains(text, "ERROR") {
		t.Fatal(text)
	}
	if diff := cmp.Diff(calls, mutatingSince(env, since)); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	return checkSettled(t, provider, state, config)
}
