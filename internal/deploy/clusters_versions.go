package deploy

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// clusterVersionForm is a version as GKE has it, or the beginning of one: 1.33, 1.33.5, 1.33.5-gke.1162000.
var clusterVersionForm = regexp.MustCompile(`^\d{1,3}\.\d{1,3}(\.\d{1,4}(-gke\.\d{1,9})?)?$`)

// CheckClusterVersion accepts 1.33, 1.33.5 and 1.33.5-gke.1162000.
func CheckClusterVersion(text string) error {
	if !clusterVersionForm.MatchString(text) {
		return fmt.Errorf("%s is not one; the forms are 1.33, 1.33.5 and 1.33.5-gke.1162000 (gcloud container get-server-config lists them)",
			names.Quote(text))
	}
	return nil
}

// ClusterVersionReached tells whether a version is at least the wanted one, as exact as that is written: 1.33.5-gke.7 has
// reached 1.33. A version that cannot be read has not.
func ClusterVersionReached(live, wanted string) bool {
	have, err := parseGKEVersion(live)
	if err != nil {
		return false
	}
	parse := version.ParseGeneric // compares numbers only
	if strings.Contains(wanted, "-") {
		parse = version.ParseSemantic
	}
	want, err := parse(wanted)
	return err == nil && have.AtLeast(want)
}
