package cluster

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"k8s.io/apimachinery/pkg/api/validate/content"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// maxNodeLabels is how many characters the labels of one pool may have together.
// Source: google.container.v1, NodeConfig.labels.
const maxNodeLabels = 1024

// form is what a string has to look like.
type form struct {
	pattern *regexp.Regexp
	example string
}

var (
	networkForm    = form{regexp.MustCompile(`^(.*projects/[^/]+/global/networks/)?[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`), "default"}
	subnetworkForm = form{regexp.MustCompile(`^(.*projects/[^/]+/regions/[^/]+/subnetworks/)?[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`), "web-asia-northeast1"}
	machineForm    = form{regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)+$`), "e2-standard-4"}
	emailForm      = form{regexp.MustCompile(`^[a-z0-9][-a-z0-9.]*@[a-z0-9][-a-z0-9.]*\.gserviceaccount\.com$`), "nodes@acme-dev.iam.gserviceaccount.com"}
)

func (f form) check(value string) error {
	if f.pattern.MatchString(value) {
		return nil
	}
	return fmt.Errorf("%s is not one; for example %q", names.Quote(value), f.example)
}

// checkNodeKey accepts the key of a node label or of a taint.
func checkNodeKey(key string) error {
	if problems := content.IsLabelKey(key); len(problems) > 0 {
		return fmt.Errorf("%s: %s", names.Quote(key), strings.Join(problems, "; "))
	}
	if deploy.ReservedNodeKey(key) {
		return fmt.Errorf("%s belongs to Kubernetes, GKE or this provider; use a key of your own, such as %q", names.Quote(key), "acme.example/team")
	}
	return nil
}

// checkNodeValue accepts the value of a node label or of a taint.
func checkNodeValue(value string) error {
	if problems := content.IsLabelValue(value); len(problems) > 0 {
		return fmt.Errorf("%s: %s", names.Quote(value), strings.Join(problems, "; "))
	}
	return nil
}

// checkPools asks for what a pool cannot do without, and holds the rules between its fields. What is not known yet is
// not judged.
func checkPools(ctx context.Context, m model, diags *diag.Diagnostics) {
	pools := m.pools(ctx, diags)
	for _, key := range slices.Sorted(maps.Keys(pools)) {
		at, pool := path.Root("node_pools").AtMapKey(key), pools[key]
		checkSet(pool.MachineType, at.AtName("machine_type"), fmt.Sprintf("node pool %q", key), `machine_type = "e2-standard-4"`, diags)
		checkSet(pool.MaxNodes, at.AtName("max_nodes"), fmt.Sprintf("node pool %q", key), "max_nodes = 3", diags)
		checkTaints(key, pool, at.AtName("taints"), diags)
		least, most := pool.MinNodes, pool.MaxNodes
		if !least.IsUnknown() && !most.IsUnknown() && !most.IsNull() && least.ValueInt32() > most.ValueInt32() {
			diags.AddAttributeError(at.AtName("min_nodes"), "min_nodes is above max_nodes", fmt.Sprintf(
				"Pool %q has min_nodes = %d and max_nodes = %d. Both are totals over all zones. Lower min_nodes, or raise max_nodes to at least %d.",
				key, least.ValueInt32(), most.ValueInt32(), least.ValueInt32()))
		}
		checkLabelBudget(key, pool, at, diags)
	}
}

func checkTaints(key string, pool poolModel, at path.Path, diags *diag.Diagnostics) {
	for i, element := range pool.Taints.Elements() {
		taint, ok := element.(types.Object)
		if !ok || taint.IsNull() || taint.IsUnknown() {
			continue
		}
		where := fmt.Sprintf("taint %d of node pool %q", i+1, key)
		checkSet(taint.Attributes()["key"], at.AtListIndex(i).AtName("key"), where, `key = "acme.example/team"`, diags)
		checkSet(taint.Attributes()["effect"], at.AtListIndex(i).AtName("effect"), where, `effect = "NoSchedule"`, diags)
	}
}

// checkSet asks for a value inside of an object that is known.
func checkSet(value attr.Value, at path.Path, where, example string, diags *diag.Diagnostics) {
	if value.IsNull() {
		name, _, _ := strings.Cut(example, " ")
		diags.AddAttributeError(at, "Missing "+name, fmt.Sprintf("%s must be set in %s, for example %s.", name, where, example))
	}
}

func checkLabelBudget(key string, pool poolModel, at path.Path, diags *diag.Diagnostics) {
	total := len(names.KubePool) + len(key) + len(names.KubeCapacity) + len(pool.Capacity.ValueString())
	for label, value := range pool.Labels.Elements() {
		total += len(label) + len(strings.Trim(value.String(), `"`))
	}
	if total > maxNodeLabels {
		diags.AddAttributeError(at.AtName("labels"), "Too many node labels", fmt.Sprintf(
			"The labels of pool %q have %d characters together with the provider's own; GKE takes %d. Remove or shorten some.",
			key, total, maxNodeLabels))
	}
}
