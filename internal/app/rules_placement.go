package app

import (
	"fmt"
	"regexp"
	"strings"
)

func checkServiceName(a App) []Finding {
	return fromError("Invalid service name", CheckServiceName(a.Name), "name")
}

func checkOneRuntime(a App) []Finding {
	const choose = "Set exactly one: gke = { cluster = twelvefactor_cluster.dev.id } for an internal service, " +
		"cloud_run = { location = \"asia-northeast1\" } for a public one."
	switch {
	case a.GKE == nil && a.CloudRun == nil:
		return []Finding{{Path: []string{"gke"}, Summary: "No runtime chosen", Detail: "Neither gke nor cloud_run is set. " + choose}}
	case a.GKE != nil && a.CloudRun != nil:
		return []Finding{{
			Path: []string{"cloud_run"}, Summary: "Two runtimes chosen",
			Detail: "Both gke and cloud_run are set, but one release runs in one place. " + choose,
		}}
	}
	return nil
}

func checkImage(a App) []Finding {
	_, err := ParseImage(a.Image)
	return fromError("Image is not pinned", err, "image")
}

func checkNamespace(a App) []Finding {
	if a.GKE.Namespace == a.Name && CheckServiceName(a.Name) != nil {
		return nil // the default of a name that is refused already
	}
	return fromError("Invalid namespace", CheckNamespace(a.GKE.Namespace), "gke", "namespace")
}

func checkCapacity(a App) []Finding {
	return fromError("Unknown capacity", checkOneOf("capacity", string(a.GKE.Capacity), Capacities()), "gke", "capacity")
}

func checkIngress(a App) []Finding {
	return fromError("Unknown ingress", checkOneOf("ingress", a.CloudRun.Ingress, Ingresses()), "cloud_run", "ingress")
}

// invokerForm are the IAM members that a Cloud Run service can name.
// Source: IAM documentation, "Principal identifiers". Deleted members and allUsers are not for a user to write here.
var invokerForm = regexp.MustCompile(
	`^((user|group|serviceAccount):[^@\s:]+@[A-Za-z0-9.-]+|serviceAccount:[a-z0-9.:-]+\.svc\.id\.goog\[[a-z0-9-]+/[a-z0-9-]+\]|` +
		`domain:[A-Za-z0-9.-]+|allAuthenticatedUsers|principal(Set)?://iam\.googleapis\.com/[!-~]+)$`)

func checkInvokers(a App) []Finding {
	var all []Finding
	for _, member := range a.CloudRun.Invokers {
		detail := fmt.Sprintf("%s is not an IAM member that may call a service (IAM documentation, Principal identifiers); for example %q.",
			quote(member), "serviceAccount:shop-web@acme-dev.iam.gserviceaccount.com")
		if member == "allUsers" {
			detail = "allUsers lets everybody in: write cloud_run.public = true instead, so that it cannot be overlooked."
		} else if len(member) <= 1000 && invokerForm.MatchString(member) {
			continue
		}
		all = append(all, Finding{Path: []string{"cloud_run", "invokers"}, Summary: "Invalid invoker", Detail: detail})
	}
	if a.CloudRun.Public && len(a.CloudRun.Invokers) > 0 {
		all = append(all, Finding{
			Path: []string{"cloud_run", "invokers"}, Uses: [][]string{{"cloud_run", "public"}}, Summary: "Invokers of a public service",
			Detail: "cloud_run.public lets everybody in, so that cloud_run.invokers has no effect. Leave one of them out.",
		})
	}
	return append(all, checkInvokerIAM(*a.CloudRun)...)
}

// Label rules of the runtimes.
// Source: Cloud Run API, Service.labels and google.aip.dev labels; Kubernetes, "Labels and Selectors", syntax.
var (
	runLabelKey    = regexp.MustCompile(`^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$`)
	runLabelValue  = regexp.MustCompile(`^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$`)
	kubeLabelKey   = regexp.MustCompile(`^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`)
	kubeLabelValue = regexp.MustCompile(`^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$`)
)

const (
	// maxLabels leaves room for the three labels of the stamp among the 64 that an object on Google Cloud may have.
	maxLabels = 64 - 3
)

// ourLabels are kept for the provider itself.
var ourLabels = []string{"managed-by", "twelvefactor-", "twelvefactor.dev/", "app.kubernetes.io/"}

func checkLabels(a App) []Finding {
	key, value, example := runLabelKey, runLabelValue, "lower-case letters, digits, hyphens and underscores, at most 63, the key beginning with a letter"
	if a.Runtime() == GKERuntime {
		key, value, example = kubeLabelKey, kubeLabelValue, "letters, digits, hyphens, underscores and dots, at most 63, beginning and ending with a letter or digit"
	}
	var all []Finding
	for _, k := range sortedKeys(a.Labels) {
		var why string
		switch {
		case reservedLabel(k):
			why = "is kept for the provider's own marks"
		case !key.MatchString(k):
			why = "is not a valid key (" + example + ")"
		case !value.MatchString(a.Labels[k]):
			why = fmt.Sprintf("has the value %s, which is not valid (%s)", quote(a.Labels[k]), example)
		default:
			continue
		}
		all = append(all, Finding{
			Path: []string{"labels", k}, Summary: "Invalid label", Detail: fmt.Sprintf("Label %s %s; for example team = \"web\".", quote(k), why),
		})
	}
	if len(a.Labels) > maxLabels {
		all = append(all, Finding{
			Path: []string{"labels"}, Summary: "Too many labels",
			Detail: fmt.Sprintf("There are %d labels; an object may have 64, three of which the provider needs. Keep at most %d.", len(a.Labels), maxLabels),
		})
	}
	return all
}

func reservedLabel(key string) bool {
	for _, reserved := range ourLabels {
		if key == reserved || strings.HasSuffix(reserved, "-") && strings.HasPrefix(key, reserved) ||
			strings.HasSuffix(reserved, "/") && strings.HasPrefix(key, reserved) {
			return true
		}
	}
	return false
}
