package app

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	dashedForm  = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)
	rfc1123Form = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	envForm     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

const (
	maxServiceName = 49 // Cloud Run: less than 50. On GKE the same, so that an app can move
	maxProcessName = 40
	maxNamespace   = 63
	maxEnvName     = 253 // the longest key of a ConfigMap
)

// CheckServiceName refuses what one of the two runtimes would refuse as the name of an app: the rule is the stricter
// one, Cloud Run's, so that an app can move.
func CheckServiceName(name string) error {
	if len(name) <= maxServiceName && dashedForm.MatchString(name) {
		return nil
	}
	return fmt.Errorf("service name %s is not valid: it must have 1 to %d characters, lower-case letters, digits and hyphens only, "+
		"begin with a letter and not end with a hyphen (Cloud Run API, CreateServiceRequest.service_id; the same on GKE, so that "+
		"an app can move); for example %q", quote(name), maxServiceName, "shop")
}

// CheckProcessName refuses what cannot name a container and be part of an object's name on both runtimes.
func CheckProcessName(name string) error {
	if len(name) <= maxProcessName && dashedForm.MatchString(name) {
		return nil
	}
	return fmt.Errorf("process name %s is not valid: it must have 1 to %d characters, lower-case letters, digits and hyphens only, "+
		"begin with a letter and not end with a hyphen (Kubernetes container names); for example %q or %q",
		quote(name), maxProcessName, Web, "worker")
}

// CheckNamespace refuses what Kubernetes would refuse, and the namespaces that belong to Kubernetes itself.
func CheckNamespace(name string) error {
	switch {
	case len(name) > maxNamespace || !rfc1123Form.MatchString(name):
		return fmt.Errorf("namespace %s is not valid: it must have 1 to %d characters, lower-case letters, digits and hyphens only, "+
			"begin and end with a letter or digit (Kubernetes, RFC 1123 label); for example %q", quote(name), maxNamespace, "shop")
	case strings.HasPrefix(name, "kube-"):
		return fmt.Errorf("namespace %s is reserved: Kubernetes keeps the prefix kube- for its own namespaces "+
			"(Kubernetes documentation, Namespaces); for example %q", quote(name), "shop")
	}
	return nil
}

// reservedEnv are the names that a runtime sets itself. They are refused on both, so that an app can move.
// Source: Cloud Run container runtime contract, "Environment variables"; Cloud Run, "Configure environment variables",
// "Reserved names". KUBERNETES_SERVICE_* is how a pod finds its API server.
var reservedEnv = []struct {
	name   string
	prefix bool
	owner  string
}{
	{"PORT", false, "the provider sets it to the port of the process"},
	{"K_SERVICE", false, "Cloud Run sets it"},
	{"K_REVISION", false, "Cloud Run sets it"},
	{"K_CONFIGURATION", false, "Cloud Run sets it"},
	{"CLOUD_RUN_", true, "Cloud Run sets it"},
	{"X_GOOGLE_", true, "Cloud Run refuses it"},
	{"KUBERNETES_SERVICE_", true, "Kubernetes sets it"},
}

// CheckEnvName refuses names that are not portable names of environment variables and names that a runtime sets itself.
func CheckEnvName(name string) error {
	if len(name) > maxEnvName || !envForm.MatchString(name) {
		return fmt.Errorf("environment name %s is not valid: it must have 1 to %d letters, digits and underscores and not begin with "+
			"a digit (POSIX, Environment Variables; Kubernetes leaves out others without an error); for example %q",
			quote(name), maxEnvName, "LOG_LEVEL")
	}
	for _, r := range reservedEnv {
		if name == r.name || r.prefix && strings.HasPrefix(name, r.name) {
			hint := "choose another name, for example \"APP_" + name + "\""
			if name == "PORT" {
				hint = "set processes.web.port instead"
			}
			return fmt.Errorf("environment name %s is reserved: %s; %s", quote(name), r.owner, hint)
		}
	}
	return nil
}

// secretVersionForm has the project, the location of a regional secret, the secret and the version.
var secretVersionForm = regexp.MustCompile(
	`^projects/((?:[a-z0-9][a-z0-9.-]*:)?[a-z][-a-z0-9]{4,28}[a-z0-9]|[1-9][0-9]{0,18})(?:/locations/([a-z]{2}|[a-z]+(?:-[a-z]+)+[0-9]+))?` +
		`/secrets/([A-Za-z0-9_-]{1,255})/versions/([^/]+)$`)

var versionForm = regexp.MustCompile(`^[1-9][0-9]{0,18}$`)

// SecretVersion is a reference to one version of a secret. Location is empty for a global secret.
type SecretVersion struct{ Project, Location, Secret, Version string }

// ParseSecretVersion takes projects/PROJECT/secrets/SECRET/versions/NUMBER apart, for regional secrets with
// locations/LOCATION after the project. Aliases and "latest" are refused: what they mean moves without a release
// (factor V), and a process that is restarted would see another value than its siblings.
func ParseSecretVersion(ref string) (SecretVersion, error) {
	const example = `for example "projects/acme-dev/secrets/payments-api-key/versions/3", or the version_id of a twelvefactor_secret ` +
		`or twelvefactor_session_key`
	m := secretVersionForm.FindStringSubmatch(ref)
	if m == nil {
		return SecretVersion{}, fmt.Errorf("secret reference %s is not the full name of a secret version: the form is "+
			"projects/PROJECT/secrets/SECRET/versions/NUMBER, of a regional secret projects/PROJECT/locations/REGION/secrets/SECRET/versions/NUMBER; %s",
			quoteReference(ref), example)
	}
	if !versionForm.MatchString(m[4]) {
		return SecretVersion{}, fmt.Errorf("secret reference %s names the version %s: only a number is pinned to a release, an alias or latest "+
			"moves without one; %s", quoteReference(ref), quote(m[4]), example)
	}
	return SecretVersion{Project: m[1], Location: m[2], Secret: m[3], Version: m[4]}, nil
}

// quoteReference shows a refused reference only if it looks like a resource name: anything else may be the secret's
// value itself, put here by mistake.
func quoteReference(ref string) string {
	if strings.HasPrefix(ref, "projects/") {
		return quote(ref)
	}
	return fmt.Sprintf("of %d bytes (not shown: it may be a value)", len(ref))
}

// CheckSecretVersion is ParseSecretVersion for validators.
func CheckSecretVersion(ref string) error {
	_, err := ParseSecretVersion(ref)
	return err
}

// Capacities lists the accepted values of gke.capacity.
func Capacities() []string { return []string{string(OnDemand), string(Spot), string(Mixed)} }

// The ingress settings of an app on Cloud Run.
const (
	IngressAll                 = "all"
	IngressInternal            = "internal"
	IngressInternalAndBalancer = "internal_and_load_balancing"
)

// Ingresses lists the accepted values of cloud_run.ingress.
func Ingresses() []string {
	return []string{IngressAll, IngressInternal, IngressInternalAndBalancer}
}

func checkOneOf(noun, value string, accepted []string) error {
	if slices.Contains(accepted, value) {
		return nil
	}
	return fmt.Errorf("%s %s is not one of %s: set one of these, or leave it out for the default", noun, quote(value), strings.Join(accepted, ", "))
}
