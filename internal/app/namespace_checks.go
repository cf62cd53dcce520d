package app

import (
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
)

// quantityForm covers the quantities of Kubernetes that people write.
var quantityForm = regexp.MustCompile(`^([0-9]{1,15}(?:\.[0-9]{1,9})?)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$`)

var quantityUnits = map[string]*big.Rat{
	"m": big.NewRat(1, 1000), "": big.NewRat(1, 1), "k": big.NewRat(1e3, 1), "M": big.NewRat(1e6, 1), "G": big.NewRat(1e9, 1),
	"T": big.NewRat(1e12, 1), "P": big.NewRat(1e15, 1), "E": big.NewRat(1e18, 1), "Ki": big.NewRat(1<<10, 1), "Mi": big.NewRat(1<<20, 1),
	"Gi": big.NewRat(1<<30, 1), "Ti": big.NewRat(1<<40, 1), "Pi": big.NewRat(1<<50, 1), "Ei": big.NewRat(1<<60, 1),
}

func parseQuantity(text string) (*big.Rat, error) {
	m := quantityForm.FindStringSubmatch(text)
	if m == nil {
		return nil, fmt.Errorf("%s is not a quantity; for example \"500m\" or \"2\" of CPU, \"512Mi\" or \"20Gi\" of memory, \"50\" of things", quote(text))
	}
	n, _ := new(big.Rat).SetString(m[1]) // digits, by quantityForm
	return n.Mul(n, quantityUnits[m[2]]), nil
}

// quotaResources are what a ResourceQuota bounds by these names; resourceNames are measured, the others are counted.
// Source: Kubernetes, pkg/apis/core/helper, IsStandardQuotaResourceName.
var (
	quotaMeasured = []string{
		"cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.storage", "requests.ephemeral-storage",
		"limits.cpu", "limits.memory", "limits.ephemeral-storage",
	}
	quotaCounted = []string{
		"pods", "services", "services.loadbalancers", "services.nodeports", "replicationcontrollers", "resourcequotas", "secrets",
		"configmaps", "persistentvolumeclaims",
	}
	// quotaOther are count/RESOURCE.GROUP, requests.VENDOR/RESOURCE and CLASS.storageclass.storage.k8s.io/REQUEST.
	quotaOther = regexp.MustCompile(`^(count|requests\.[a-z0-9.-]+|[a-z0-9.-]+\.storageclass\.storage\.k8s\.io)/[a-zA-Z0-9][-a-zA-Z0-9_.]*$`)
	wholeForm  = regexp.MustCompile(`^[0-9]{1,9}$`)
)

// CheckQuota refuses an entry of a quota that Kubernetes would refuse.
func CheckQuota(resource, quantity string) error {
	counted := slices.Contains(quotaCounted, resource) || strings.HasPrefix(resource, "count/")
	switch {
	case !counted && !slices.Contains(quotaMeasured, resource) && !quotaOther.MatchString(resource):
		return fmt.Errorf("%s is nothing that a ResourceQuota bounds: one of %s, or count/RESOURCE.GROUP such as \"count/jobs.batch\"",
			quote(resource), strings.Join(slices.Concat(quotaMeasured, quotaCounted), ", "))
	case counted && !wholeForm.MatchString(quantity):
		return fmt.Errorf("%s of %s is not a whole number; for example \"50\"", quote(quantity), resource)
	}
	_, err := parseQuantity(quantity)
	return err
}

// LimitResources are what the limits of a namespace are about.
func LimitResources() []string { return []string{"cpu", "memory", "ephemeral-storage"} }

// CheckLimit refuses an entry of the limits that Kubernetes would refuse.
func CheckLimit(resource, quantity string) error {
	if !slices.Contains(LimitResources(), resource) {
		return fmt.Errorf("%s is nothing that containers are limited in: one of %s", quote(resource), strings.Join(LimitResources(), ", "))
	}
	_, err := parseQuantity(quantity)
	return err
}

// CheckNamespaceLabel refuses a label of a namespace that Kubernetes would refuse, or that is kept for the provider and
// Kubernetes.
func CheckNamespaceLabel(key, value string) error {
	if err := checkNamespaceKey(key); err != nil {
		return err
	}
	if !kubeLabelValue.MatchString(value) {
		return fmt.Errorf("the value %s of %s is not valid: letters, digits, hyphens, underscores and dots, at most 63, beginning and ending with a "+
			"letter or digit; for example \"team-a\"", quote(value), quote(key))
	}
	return nil
}

// CheckNamespaceAnnotation does the same for an annotation, whose value may be any text.
func CheckNamespaceAnnotation(key, _ string) error { return checkNamespaceKey(key) }

func checkNamespaceKey(key string) error {
	switch {
	case strings.HasPrefix(key, "pod-security.kubernetes.io/"):
		return fmt.Errorf("%s is set by pod_security", quote(key))
	case reservedLabel(key) || key == "kubernetes.io/metadata.name":
		return fmt.Errorf("%s belongs to the provider or to Kubernetes. Choose another key", quote(key))
	case !kubeLabelKey.MatchString(key):
		return fmt.Errorf("the key %s is not valid: letters, digits, hyphens, underscores and dots, at most 63, beginning and ending with a letter or "+
			"digit, behind a domain and a slash if you like; for example \"cost-center\" or \"acme.example/team\"", quote(key))
	}
	return nil
}

// NamespaceFinding is what does not fit together in a namespace. Path has attribute names and map keys.
type NamespaceFinding struct {
	Path            []string
	Summary, Detail string
}

// CheckNamespaceFit looks at what its parts mean for each other. Parts that are not known are left out of n.
func CheckNamespaceFit(n Namespace) []NamespaceFinding {
	var found []NamespaceFinding
	limits := NamespaceLimits{}
	if n.Limits != nil {
		limits = *n.Limits
	}
	_, asked := n.Quota["limits.cpu"]
	_, byDefault := limits.DefaultLimit["cpu"]
	_, most := limits.Max["cpu"] // Kubernetes takes the maximum for the default
	if asked && !byDefault && !most {
		found = append(found, NamespaceFinding{
			Path: []string{"quota", "limits.cpu"}, Summary: "Quota that no service of this provider can keep to",
			Detail: "With a quota on limits.cpu Kubernetes refuses every pod that has no CPU limit, and the pods of a twelvefactor_service have none: a " +
				"limit would throttle them while the node is idle. Bound what is asked for, quota = { \"requests.cpu\" = \"10\" }, or give every " +
				"container a CPU limit that does not say one: limits = { default_limit = { cpu = \"2\" } }.",
		})
	}
	return append(found, limits.order()...)
}

// order is min <= default_request <= default_limit <= max, of what is there.
func (l NamespaceLimits) order() []NamespaceFinding {
	var found []NamespaceFinding
	steps := []struct {
		name   string
		values map[string]string
	}{{"min", l.Min}, {"default_request", l.DefaultRequest}, {"default_limit", l.DefaultLimit}, {"max", l.Max}}
	for i, lower := range steps {
		for _, upper := range steps[i+1:] {
			for _, resource := range slices.Sorted(maps.Keys(lower.values)) {
				least, errLeast := parseQuantity(lower.values[resource])
				most, errMost := parseQuantity(upper.values[resource])
				if errLeast == nil && errMost == nil && least.Cmp(most) > 0 {
					found = append(found, NamespaceFinding{
						Path: []string{"limits", lower.name, resource}, Summary: "Limits that exclude each other",
						Detail: fmt.Sprintf("%s.%s is %s, which is more than %s.%s, %s. Lower the one or raise the other.",
							lower.name, resource, lower.values[resource], upper.name, resource, upper.values[resource]),
					})
				}
			}
		}
	}
	return found
}

// CheckOwnNamespace refuses what cannot be a namespace, and those that belong to Kubernetes and GKE.
func CheckOwnNamespace(name string) error {
	if name == "default" || strings.HasPrefix(name, "kube-") || strings.HasPrefix(name, "gke-managed-") {
		return fmt.Errorf("namespace %s belongs to Kubernetes or GKE; for example %q", quote(name), "shop")
	}
	return CheckNamespace(name)
}
