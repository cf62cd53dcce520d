package fakegcp

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"

	"cloud.google.com/go/container/apiv1/containerpb"
)

// Unattended is a kind of operation that GKE starts by itself.
type Unattended string

// The kinds of unattended operations, by the type of the operation that they are.
const (
	// UnattendedUpgradeMaster upgrades the control plane as FetchClusterUpgradeInfo says, as far as maintenance exclusions
	// let it.
	UnattendedUpgradeMaster Unattended = "UPGRADE_MASTER"
	// UnattendedUpgradeNodes upgrades a node pool to the control plane's version, unless a maintenance exclusion forbids it.
	UnattendedUpgradeNodes Unattended = "UPGRADE_NODES"
	// UnattendedRepair repairs the cluster, UnattendedResize gives the control plane another machine: nothing is seen of them
	// but the operation.
	UnattendedRepair Unattended = "REPAIR_CLUSTER"
	UnattendedResize Unattended = "RESIZE_CLUSTER"
)

// StartUnattended starts an operation as GKE does without being asked, and returns its name (operation-…). Until it is done,
// clients' changes of the cluster are refused (pulumi-google-native#434). The cluster is named in full, by its last part, or
// not at all if it is the only one; the pool is for UnattendedUpgradeNodes only.
func (s *Server) StartUnattended(kind Unattended, cluster, pool string) (string, error) {
	full, _, err := s.findLive(cluster)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := parseClusterName(full)
	if err := s.busy(n); err != nil {
		return "", err
	}
	c, ok := lookup[*containerpb.Cluster](s.store, full)
	if !ok {
		return "", n.notFound()
	}
	if (pool != "") != (kind == UnattendedUpgradeNodes) {
		return "", fmt.Errorf("unattended %s: node pool %q: %s names a pool, the others do not", kind, pool, UnattendedUpgradeNodes)
	}
	var op *containerpb.Operation
	switch kind {
	case UnattendedUpgradeMaster:
		op, err = s.upgradeMasterUnattended(n, c)
	case UnattendedUpgradeNodes:
		op, err = s.upgradeNodesUnattended(n.of(pool), c)
	case UnattendedRepair, UnattendedResize:
		number := containerpb.Operation_Type(containerpb.Operation_Type_value[string(kind)])
		op = s.startClusterChange(n, number, nil, func(*containerpb.Cluster) error { return nil })
	default:
		err = fmt.Errorf("unattended operation %q: want %s, %s, %s or %s", kind,
			UnattendedUpgradeMaster, UnattendedUpgradeNodes, UnattendedRepair, UnattendedResize)
	}
	return op.GetName(), err
}

func (s *Server) upgradeMasterUnattended(n containerName, c *containerpb.Cluster) (*containerpb.Operation, error) {
	current := c.GetCurrentMasterVersion()
	minor, patch := nextVersions(current, versionOf(c.GetReleaseChannel().GetChannel()).full)
	if minor == "" && patch == "" {
		return nil, fmt.Errorf("cluster %s has version %s: its channel has no newer one", n.clusterName(), current)
	}
	scope, excluded := activeExclusion(c.GetMaintenancePolicy(), s.now())
	switch {
	case excluded && scope == containerpb.MaintenanceExclusionOptions_NO_UPGRADES:
		minor, patch = "", ""
	case excluded:
		minor = ""
	}
	target := cmp.Or(minor, patch)
	if target == "" {
		return nil, fmt.Errorf("cluster %s has version %s: a maintenance exclusion of scope %s keeps GKE from upgrading it", n.clusterName(), current, scope)
	}
	if err := checkMaster(c, target); err != nil {
		return nil, err
	}
	upgrade := upgradeOf(current, target, containerpb.UpgradeDetails_AUTOMATIC)
	return s.startClusterChange(n, containerpb.Operation_UPGRADE_MASTER, upgrade, func(c *containerpb.Cluster) error {
		c.CurrentMasterVersion = target
		return nil
	}), nil
}

func (s *Server) upgradeNodesUnattended(n containerName, c *containerpb.Cluster) (*containerpb.Operation, error) {
	pool := poolOf(c, n.pool)
	if pool == nil {
		return nil, n.notFound()
	}
	target := c.GetCurrentMasterVersion()
	if pool.GetVersion() == target {
		return nil, errors.New("node pool " + n.String() + " has the control plane's version already")
	}
	scope, excluded := activeExclusion(c.GetMaintenancePolicy(), s.now())
	onlyMinors := scope == containerpb.MaintenanceExclusionOptions_NO_MINOR_UPGRADES
	if excluded && (!onlyMinors || minorOf(target) != minorOf(pool.GetVersion())) {
		return nil, fmt.Errorf("node pool %s has version %s: a maintenance exclusion of scope %s keeps GKE from upgrading it", n, pool.GetVersion(), scope)
	}
	return s.startPoolChange(n, poolChange{
		kind:     containerpb.Operation_UPGRADE_NODES,
		progress: upgradeProgress(s.nodeCounts(n.clusterName())[n.pool]),
		green:    target,
		upgrade:  upgradeOf(pool.GetVersion(), target, containerpb.UpgradeDetails_AUTOMATIC),
		apply: func(pool *containerpb.NodePool) error {
			pool.Version = target
			return nil
		},
		after: func() { s.lingerSurge(n, pool.GetUpgradeSettings().GetMaxSurge()) },
	}), nil
}

func (s *Server) controlUnattended(r *http.Request) (any, error) {
	in, err := controlInput[struct {
		Kind    Unattended `json:"kind"`
		Cluster string     `json:"cluster"`
		Pool    string     `json:"pool"`
	}](r)
	if err != nil {
		return nil, err
	}
	name, err := s.StartUnattended(in.Kind, in.Cluster, in.Pool)
	if err != nil {
		return nil, err
	}
	return map[string]string{"operation": name}, nil
}
