package fakegcp

import (
	"regexp"
	"slices"
	"strconv"

	"cloud.google.com/go/container/apiv1/containerpb"
)

// maxNodeSkew is how many minor versions nodes can be behind their control plane.
// Source: https://cloud.google.com/kubernetes-engine/docs/how-to/upgrading-a-cluster.
const maxNodeSkew = 2

var versionForm = regexp.MustCompile(`^(\d+)\.(\d+)\.(\d+)-gke\.(\d+)$`)

// versionNumbers are the parts of a full version, for comparing; none for what is no full version.
func versionNumbers(full string) []int {
	match := versionForm.FindStringSubmatch(full)
	if match == nil {
		return nil
	}
	var numbers []int
	for _, part := range match[1:] {
		number, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		numbers = append(numbers, number)
	}
	return numbers
}

// minorOf is 35 for 1.35.6-gke.1250000, and 0 for what is no full version.
func minorOf(full string) int {
	if numbers := versionNumbers(full); len(numbers) > 1 {
		return numbers[1]
	}
	return 0
}

// checkMaster refuses a control plane's version that the cluster cannot go to: minor versions are not skipped and not
// taken back. The texts are not recorded.
func checkMaster(c *containerpb.Cluster, wanted string) error {
	from, to := minorOf(c.GetCurrentMasterVersion()), minorOf(wanted)
	switch {
	case to < from:
		return invalid("Master cannot be downgraded from %q to %q: the minor version of a control plane cannot go back.", c.GetCurrentMasterVersion(), wanted)
	case to > from+1:
		return invalid("Master cannot be upgraded to %q: cannot upgrade the master more than one minor version at a time.", wanted)
	}
	for _, pool := range c.GetNodePools() {
		if to-minorOf(pool.GetVersion()) > maxNodeSkew {
			return invalid("Master cannot be upgraded to %q: node pool %q has version %q, nodes can be at most %d minor versions behind.",
				wanted, pool.GetName(), pool.GetVersion(), maxNodeSkew)
		}
	}
	return nil
}

// checkNodeVersion refuses nodes that are newer than their control plane or too far behind it. The texts are not recorded.
func checkNodeVersion(c *containerpb.Cluster, wanted string) error {
	master := c.GetCurrentMasterVersion()
	switch {
	case slices.Compare(versionNumbers(wanted), versionNumbers(master)) > 0:
		return invalid("Node version %q must not be greater than the master version %q.", wanted, master)
	case minorOf(master)-minorOf(wanted) > maxNodeSkew:
		return invalid("Node version %q is too old for the master version %q: at most %d minor versions behind.", wanted, master, maxNodeSkew)
	}
	return nil
}

// nodeVersion is the full version of a pool's nodes: "" and "-" mean the control plane's.
func nodeVersion(c *containerpb.Cluster, wanted string) (string, error) {
	if wanted == "" || wanted == "-" {
		return c.GetCurrentMasterVersion(), nil
	}
	if wanted == c.GetCurrentMasterVersion() {
		return wanted, nil
	}
	version, err := resolveVersion(wanted, c.GetReleaseChannel().GetChannel())
	if err != nil {
		return "", err
	}
	return version.full, checkNodeVersion(c, version.full)
}
