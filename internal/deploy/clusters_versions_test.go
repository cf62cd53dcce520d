package deploy

import "testing"

func TestClusterVersionReached(t *testing.T) {
	t.Parallel()
	const live = "1.33.5-gke.1162000"
	for wanted, want := range map[string]bool{
		"1.33": true, "1.32": true, "1.34": false, "1.9": true, "2.0": false,
		"1.33.5": true, "1.33.4": true, "1.33.6": false, "1.33.10": false,
		"1.33.5-gke.1162000": true, "1.33.5-gke.1161999": true, "1.33.5-gke.1162001": false, "1.33.5-gke.99": true,
		"latest": false,
	} {
		if got := ClusterVersionReached(live, wanted); got != want {
			t.Errorf("%s has reached %s: %t", live, wanted, got)
		}
	}
	if ClusterVersionReached("a version that is newer than this", "1.33") {
		t.Error("what cannot be read has reached 1.33")
	}
}
