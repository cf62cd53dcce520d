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
	if !f.fits(name) {
		return nil, fmt.Errorf("%s is not the full name of a %s: the form is %s", Quote(name), f.noun, f)
	}
	segments := strings.Split(name, "/")
	values := make([]string, len(f.parts))
	for i, p := range f.parts {
		values[i] = segments[2*i+1]
		if err := p.check(values[i]); err != nil {
			return nil, fmt.Errorf("%s is not the full name of a %s (%s): %w", Quote(name), f.noun, f, err)
		}
	}
	return values, nil
}

// forms are the full names of one noun: two for what is global or regional. A name is read by the form that has its
// collections, so that an error speaks of the id that is wrong.
type forms []form

func (all forms) parse(name string) (map[string]string, error) {
	for _, f := range all {
		if !f.fits(name) {
			continue
		}
		values, err := f.parse(name)
		if err != nil {
			return nil, err
		}
		byCollection := map[string]string{}
		for i, p := range f.parts {
			byCollection[p.collection] = values[i]
		}
		return byCollection, nil
	}
	return nil, fmt.Errorf("%s is not the full name of a %s: the form is %s", Quote(name), all[0].noun, all)
}

// fits tells whether a name has the form's collections, whatever its ids.
func (f form) fits(name string) bool {
	segments := strings.Split(name, "/")
	if len(segments) != 2*len(f.parts) {
		return false
	}
	for i, p := range f.parts {
		if segments[2*i] != p.collection {
			return false
		}
	}
	return true
}

// String joins the forms; the second one is for regional objects.
func (all forms) String() string {
	var s []string
	for _, f := range all {
		s = append(s, f.String())
	}
	return strings.Join(s, ", of a regional one ")
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
	versionPart     = part{"versions", "NUMBER", checkVersion}
	clusterForm     = form{"GKE cluster", []part{projectPart, locationPart, clusterPart}}
	runServiceForm  = form{"Cloud Run service", []part{projectPart, locationPart, {"services", "SERVICE", CheckRunService}}}
	kubeServiceForm = form{"service on GKE", []part{
		projectPart, locationPart, clusterPart, namespacePart, {"services", "SERVICE", CheckRunService},
	}}
	kubeServiceAccountForm = form{"Kubernetes service account", []part{
		projectPart, locationPart, clusterPart, namespacePart, {"serviceAccounts", "NAME", CheckKubeServiceAccount},
	}}
	secretLocationPart = part{"locations", "LOCATION", CheckSecretLocation}
	secretIDForms      = forms{
		{"secret", []part{anyProjectPart, secretPart}},
		{"secret", []part{anyProjectPart, secretLocationPart, secretPart}},
	}
	secretVersionForms = forms{
		{"secret version", []part{anyProjectPart, secretPart, versionPart}},
		{"secret version", []part{anyProjectPart, secretLocationPart, secretPart, versionPart}},
	}
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
