package cluster_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	address   = "twelvefactor_cluster.dev"
	clusterID = "projects/acme-dev/locations/asia-northeast1/clusters/dev"
)

// declared is a valid cluster, of which a test changes what it is about.
type declared struct {
	arguments map[string]string
	pools     map[string]string
	// expressions are pools that are no literal objects.
	expressions map[string]string
}

// change is a difference from the valid cluster.
type change func(*declared)

// set replaces an argument; an empty value leaves it out.
func set(name, value string) change {
	return func(d *declared) { d.arguments[name] = value }
}

// pool adds or replaces a node pool; an empty body leaves it out.
func pool(key, body string) change { return func(d *declared) { d.pools[key] = body } }

// poolAs makes a node pool what an expression gives.
func poolAs(key, expression string) change {
	return func(d *declared) { d.pools[key], d.expressions[key] = "", expression }
}

// cluster is the block of the resource.
func cluster(changes ...change) string {
	d := declared{
		arguments:   map[string]string{"name": `"dev"`, "location": `"asia-northeast1"`},
		expressions: map[string]string{},
		pools: map[string]string{
			"base": `machine_type = "e2-standard-2", min_nodes = 1, max_nodes = 2`,
			"spot": `machine_type = "e2-standard-4", capacity = "spot", max_nodes = 10`,
		},
	}
	for _, c := range changes {
		c(&d)
	}
	var b strings.Builder
	b.WriteString("resource \"twelvefactor_cluster\" \"dev\" {\n")
	for _, name := range slices.Sorted(maps.Keys(d.arguments)) {
		if d.arguments[name] != "" {
			fmt.Fprintf(&b, "  %s = %s\n", name, d.arguments[name])
		}
	}
	b.WriteString("  node_pools = {\n")
	for _, key := range slices.Sorted(maps.Keys(d.pools)) {
		if d.pools[key] != "" {
			fmt.Fprintf(&b, "    %q = { %s }\n", key, d.pools[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(d.expressions)) {
		fmt.Fprintf(&b, "    %q = %s\n", key, d.expressions[key])
	}
	b.WriteString("  }\n}\n")
	return b.String()
}
