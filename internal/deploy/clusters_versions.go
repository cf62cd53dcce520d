package deploy

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// clusterVersionForm is a version as GKE has it, or the beginning of one: 1.33, 1.33.5, 1.33.5-gke.1162000.
var clusterVersionForm = regexp.MustCompile(`^(\d{1,3})\.(\d{1,3})(?:\.(\d{1,4})(?:-gke\.(\d{1,9}))?)?$`)

// CheckClusterVersion accepts 1.33, 1.33.5 and 1.33.5-gke.1162000.
func CheckClusterVersion(text string) error {
	if !clusterVersionForm.MatchString(text) {
		return fmt.Errorf("%s is not one; the forms are 1.33, 1.33.5 and 1.33.5-gke.1162000 (gcloud container get-server-config lists them)",
			names.Quote(text))
	}
	return nil
}

// clusterVersionParts gives the numbers of a version, fewer for the beginning of one; none for what is no version.
func clusterVersionParts(text string) []int {
	var parts []int
	found := clusterVersionForm.FindStringSubmatch(text)
	for _, digits := range found[min(1, len(found)):] {
		if n, err := strconv.Atoi(digits); err == nil {
			parts = append(parts, n)
		}
	}
	return parts
}

// ClusterVersionReached tells whether a version is at least the wanted one, as exact as that is written: 1.33.5-gke.7 has
// reached 1.33. A version that cannot be read has not.
func ClusterVersionReached(version, wanted string) bool {
	have, want := clusterVersionParts(version), clusterVersionParts(wanted)
	if len(have) < len(want) {
		return false
	}
	for i := range want {
		if order := cmp.Compare(have[i], want[i]); order != 0 {
			return order > 0
		}
	}
	return true
}
