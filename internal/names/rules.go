package names

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxQuoted is how many bytes of a refused value an error shows.
const maxQuoted = 60

// Quote shows a value in an error: control and invisible characters escaped, long values cut with their length told.
func Quote(value string) string {
	if len(value) <= maxQuoted {
		return fmt.Sprintf("%+q", value)
	}
	cut := maxQuoted
	for cut > 0 && !utf8.RuneStart(value[cut]) {
		cut--
	}
	return fmt.Sprintf("%+q… (%d bytes)", value[:cut], len(value))
}

// rule is what an API demands of one kind of name.
type rule struct {
	noun     string // "cluster name"
	min, max int    // length in bytes
	pattern  *regexp.Regexp
	says     string // the pattern in words
	source   string // where the rule is written down
	example  string
}

func (r rule) check(name string) error {
	if len(name) >= r.min && len(name) <= r.max && r.pattern.MatchString(name) {
		return nil
	}
	return fmt.Errorf("%s %s is not valid: it must have %d to %d characters, %s (%s); for example %q",
		r.noun, Quote(name), r.min, r.max, r.says, r.source, r.example)
}

var (
	// dashed is the form of most names on Google Cloud.
	dashed = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)
	// projectForm also allows the prefix of projects made under a domain ("example.com:web").
	projectForm = regexp.MustCompile(`^(?:[a-z0-9][a-z0-9.-]*:)?[a-z][-a-z0-9]{4,28}[a-z0-9]$`)
	// locationForm covers regions ("europe-west12") and zones ("us-central1-a", "us-central1-ai1a").
	locationForm = regexp.MustCompile(`^[a-z]+(-[a-z]+)+[0-9]+(-[a-z0-9]+)?$`)
	// secretLocationForm covers regions and multi-regions ("eu", "us"), which are what regional secrets are kept in.
	secretLocationForm = regexp.MustCompile(`^([a-z]{2}|[a-z]+(-[a-z]+)+[0-9]+)$`)
	secretForm         = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	numberForm         = regexp.MustCompile(`^[1-9][0-9]{0,18}$`)
	rfc1123            = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
)

const dashedSays = "lower-case letters, digits and hyphens only, begin with a letter and not end with a hyphen"

var (
	clusterRule  = rule{"cluster name", 1, 40, dashed, dashedSays, "GKE API, Cluster.name", "dev"}
	nodePoolRule = rule{"node pool name", 1, 40, dashed, dashedSays, "GKE API, NodePool.name", "spot"}
	secretRule   = rule{
		"secret name", 1, 255, secretForm, "letters, digits, hyphens and underscores only",
		"Secret Manager API, CreateSecretRequest.secret_id", "payments-api-key",
	}
	serviceAccountRule = rule{
		"service account id", 6, 30, dashed, dashedSays, "IAM API, CreateServiceAccountRequest.account_id", "shop-web",
	}
	runServiceRule = rule{"Cloud Run name", 1, 49, dashed, dashedSays, "Cloud Run API, CreateServiceRequest.service_id", "public-api"}
	projectRule    = rule{
		"project id", 6, 93, projectForm, "lower-case letters, digits and hyphens only, begin with a letter and not end with a hyphen",
		"Resource Manager API, Project.project_id", "acme-dev",
	}
	locationRule = rule{
		"location", 5, 40, locationForm, "the form of a region or of a zone",
		"cloud.google.com/compute/docs/regions-zones", "asia-northeast1",
	}
	secretLocationRule = rule{
		"location of a secret", 2, 40, secretLocationForm, "the form of a region or of a multi-region",
		"cloud.google.com/secret-manager/docs/locations", "europe-west3",
	}
	namespaceRule = rule{
		"namespace", 1, 63, rfc1123, "lower-case letters, digits and hyphens only, begin and end with a letter or digit",
		"Kubernetes, RFC 1123 label", "shop",
	}
	kubeServiceAccountRule = rule{
		"Kubernetes service account", 1, 63, rfc1123, "lower-case letters, digits and hyphens only, begin and end with a letter or digit",
		"Kubernetes, RFC 1123 label", "shop",
	}
)

// CheckCluster refuses what GKE would refuse as the name of a cluster.
func CheckCluster(name string) error { return clusterRule.check(name) }

// CheckNodePool refuses what GKE would refuse as the name of a node pool.
func CheckNodePool(name string) error { return nodePoolRule.check(name) }

// maxPoolKey leaves room for the hyphen and the generation in NodePool.
const maxPoolKey = 40 - 1 - suffixLen

// CheckPoolKey refuses a key of node_pools that no node pool could be named after.
func CheckPoolKey(key string) error {
	r := nodePoolRule
	r.noun, r.max = "node pool key", maxPoolKey
	r.source += ", less the generation that the provider appends"
	return r.check(key)
}

// CheckSecret refuses what Secret Manager would refuse as the name of a secret.
func CheckSecret(name string) error { return secretRule.check(name) }

// CheckServiceAccountID refuses what IAM would refuse as the id of a Google service account.
func CheckServiceAccountID(id string) error { return serviceAccountRule.check(id) }

// CheckRunService refuses what Cloud Run would refuse as the name of a service or of a worker pool.
func CheckRunService(name string) error { return runServiceRule.check(name) }

// CheckProject refuses what cannot be a project id; project numbers are refused too, with the reason.
func CheckProject(id string) error {
	if numberForm.MatchString(id) {
		return fmt.Errorf("project %s is a project number: give the project id, because names and Workload Identity pools "+
			"are made from it; for example %q", Quote(id), projectRule.example)
	}
	return projectRule.check(id)
}

// CheckLocation refuses what is neither a region nor a zone.
func CheckLocation(location string) error { return locationRule.check(location) }

// CheckSecretLocation refuses what no regional secret can be in, zones among it: the location becomes part of a host name,
// so nothing but letters, digits and hyphens gets through.
func CheckSecretLocation(location string) error {
	if IsZone(location) {
		return fmt.Errorf("location of a secret %s is a zone, and Secret Manager keeps regional secrets in regions (%s); for example %q",
			Quote(location), secretLocationRule.source, location[:strings.LastIndexByte(location, '-')])
	}
	return secretLocationRule.check(location)
}

// CheckNamespace refuses what Kubernetes would refuse as the name of a namespace.
func CheckNamespace(name string) error { return namespaceRule.check(name) }

// CheckKubeServiceAccount refuses what Kubernetes, or a Workload Identity member, would refuse as a service account.
func CheckKubeServiceAccount(name string) error { return kubeServiceAccountRule.check(name) }

// IsZone tells a zone ("us-central1-a") from a region ("us-central1").
func IsZone(location string) bool {
	last := location[strings.LastIndexByte(location, '-')+1:]
	return CheckLocation(location) == nil && !regionEnd.MatchString(last)
}

// regionEnd is the last part of a region's name ("central1"); a zone's is "a" or, in an AI zone, "ai1a".
var regionEnd = regexp.MustCompile(`^[a-z]+[0-9]+$`)
