package names

import (
	"fmt"
	"regexp"
	"strings"
)

// form is a full name: alternating collections and ids. The ids' own rules are checked too, because a parsed name
// becomes a path of a request.
type form struct {
	noun  string
	parts []part
}

type part struct {
	collection, placeholder string
	check                   func(string) error
}

func (f form) parse(name string) ([]string, error) {
	segments := strings.Split(name, "/")
	if len(segments) != 2*len(f.parts) {
		return nil, fmt.Errorf("%s is not the full name of a %s: the form is %s", Quote(name), f.noun, f)
	}
	values := make([]string, len(f.parts))
	for i, p := range f.parts {
		if segments[2*i] != p.collection {
			return nil, fmt.Errorf("%s is not the full name of a %s: the form is %s", Quote(name), f.noun, f)
		}
		values[i] = segments[2*i+1]
		if err := p.check(values[i]); err != nil {
			return nil, fmt.Errorf("%s is not the full name of a %s (%s): %w", Quote(name), f.noun, f, err)
		}
	}
	return values, nil
}

// String is the form with placeholders: projects/PROJECT/secrets/SECRET.
func (f form) String() string {
	var s []string
	for _, p := range f.parts {
		s = append(s, p.collection, p.placeholder)
	}
	return strings.Join(s, "/")
}

var (
	projectPart     = part{"projects", "PROJECT", CheckProject}
	anyProjectPart  = part{"projects", "PROJECT", checkProjectOrNumber}
	locationPart    = part{"locations", "LOCATION", CheckLocation}
	clusterPart     = part{"clusters", "CLUSTER", CheckCluster}
	namespacePart   = part{"namespaces", "NAMESPACE", CheckNamespace}
	secretPart      = part{"secrets", "SECRET", CheckSecret}
	clusterForm     = form{"GKE cluster", []part{projectPart, locationPart, clusterPart}}
	secretIDForm    = form{"secret", []part{anyProjectPart, secretPart}}
	runServiceForm  = form{"Cloud Run service", []part{projectPart, locationPart, {"services", "SERVICE", CheckRunService}}}
	kubeServiceForm = form{"service on GKE", []part{
		projectPart, locationPart, clusterPart, namespacePart, {"services", "SERVICE", CheckRunService},
	}}
	kubeServiceAccountForm = form{"Kubernetes service account", []part{
		projectPart, locationPart, clusterPart, namespacePart, {"serviceAccounts", "NAME", CheckKubeServiceAccount},
	}}
	secretVersionForm = form{"secret version", []part{
		anyProjectPart, secretPart, {"versions", "NUMBER", checkVersion},
	}}
	serviceAccountForm = form{"Google service account", []part{projectPart, {"serviceAccounts", "EMAIL", checkEmail}}}
)

func checkProjectOrNumber(project string) error {
	if numberForm.MatchString(project) {
		return nil
	}
	return projectRule.check(project)
}

func checkVersion(version string) error {
	if numberForm.MatchString(version) {
		return nil
	}
	return fmt.Errorf("version %s is not a version number; for example %q", Quote(version), "3")
}

var emailForm = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,62})@[a-z0-9][-a-z0-9.]{1,200}\.gserviceaccount\.com$`)

func checkEmail(email string) error {
	if emailForm.MatchString(email) {
		return nil
	}
	return fmt.Errorf("%s is not the email of a service account; for example %q", Quote(email), "shop-web@acme-dev.iam.gserviceaccount.com")
}
