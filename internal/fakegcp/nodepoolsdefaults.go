package fakegcp

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"
)

// poolDefaults is what GKE adds to a new node pool, as recorded.
//
//go:embed nodepoolsdefaults.json
var poolDefaults []byte

// bootstrapCertificateYears is how long a node's bootstrap certificate is valid, as recorded.
const bootstrapCertificateYears = 5

// newPool is the node pool that a request makes in a cluster: what was sent over what the service fills in.
func (s *Server) newPool(n containerName, c *containerpb.Cluster, sent *containerpb.NodePool) (*containerpb.NodePool, error) {
	n = n.of(sent.GetName())
	machineType := cmp.Or(sent.GetConfig().GetMachineType(), "e2-medium")
	version, err := nodeVersion(c, sent.GetVersion())
	if err != nil {
		return nil, err
	}
	pool := &containerpb.NodePool{}
	err = fromTemplate(poolDefaults, pool, map[string]string{
		"cluster":        n.cluster,
		"short":          c.GetId()[:shortID],
		"diskType":       defaultDisk(machineType),
		"pulls":          strconv.Itoa(parallelPulls(machineType)),
		"image":          strings.ReplaceAll(version, ".", ""),
		"provisioning":   provisioningModel(sent.GetConfig()),
		"certificateEnd": s.now().UTC().AddDate(bootstrapCertificateYears, 0, 0).Format(time.RFC3339),
	})
	if err != nil {
		return nil, err
	}
	overlay(pool.ProtoReflect(), proto.CloneOf(sent).ProtoReflect())
	if sent.GetUpgradeSettings() != nil {
		pool.UpgradeSettings = upgradeSettings(sent.GetUpgradeSettings())
	}
	pool.Version = version
	pool.Etag = randomUUID()
	pool.SelfLink = n.link(n.project)
	if len(pool.GetLocations()) == 0 {
		pool.Locations = c.GetLocations()
	}
	pool.NetworkConfig.Subnetwork = cmp.Or(sent.GetNetworkConfig().GetSubnetwork(), c.GetNetworkConfig().GetSubnetwork())
	pool.NetworkConfig.PodIpv4CidrBlock = cmp.Or(sent.GetNetworkConfig().GetPodIpv4CidrBlock(), c.GetIpAllocationPolicy().GetClusterIpv4CidrBlock())
	if private := c.GetNetworkConfig().DefaultEnablePrivateNodes; private != nil && pool.NetworkConfig.EnablePrivateNodes == nil {
		pool.NetworkConfig.EnablePrivateNodes = proto.Bool(*private)
	}
	pool.InstanceGroupUrls = instanceGroups(n, pool.GetLocations(), "")
	alignDisks(pool.GetConfig(), sent.GetConfig())
	return pool, nil
}

// upgradeSettings are what a pool has after settings were sent: all of them, not merged with those it had. A client that
// sends max_surge alone resets max_unavailable. The strategy is SURGE if none is sent.
func upgradeSettings(sent *containerpb.NodePool_UpgradeSettings) *containerpb.NodePool_UpgradeSettings {
	settings := proto.CloneOf(sent)
	if settings.Strategy == nil {
		settings.Strategy = containerpb.NodePoolUpdateStrategy_SURGE.Enum()
	}
	return settings
}

// defaultDisk is the boot disk's type for a machine family.
func defaultDisk(machineType string) string {
	if strings.HasPrefix(machineType, "n4-") {
		return "hyperdisk-balanced"
	}
	return "pd-balanced"
}

var machineCPUs = regexp.MustCompile(`-([0-9]+)$`)

// parallelPulls is how many images a node of a machine type pulls at a time: 2 recorded for two CPUs, 3 for four.
func parallelPulls(machineType string) int {
	match := machineCPUs.FindStringSubmatch(machineType)
	if match == nil {
		return 2
	}
	if cpus, err := strconv.Atoi(match[1]); err == nil && cpus < 4 {
		return 2
	}
	return 3
}

// provisioningModel is the value of the resource label that says how a pool's machines are paid for.
func provisioningModel(c *containerpb.NodeConfig) string {
	switch {
	case c.GetSpot():
		return "spot"
	case c.GetPreemptible():
		return "preemptible"
	default:
		return "on-demand"
	}
}

// Bounds of the parts of an instance group's name: recorded as gke-cluster-sample-f-nodepool-sample--46bcc89e-grp.
const (
	groupClusterPart = 16
	groupPoolPart    = 16
)

// instanceGroups are the URLs of a pool's managed instance groups, one for each zone; another set has another salt.
func instanceGroups(n containerName, zones []string, salt string) []string {
	var all []string
	for _, zone := range zones {
		sum := sha256.Sum256([]byte(n.String() + zone + salt))
		all = append(all, fmt.Sprintf("https://www.googleapis.com/compute/v1/projects/%s/zones/%s/instanceGroupManagers/gke-%s-%s-%s-grp",
			n.project, zone, n.cluster[:min(groupClusterPart, len(n.cluster))], n.pool[:min(groupPoolPart, len(n.pool))], hex.EncodeToString(sum[:4])))
	}
	return all
}

// alignDisks makes the two ways to describe the boot disk agree, the newer one first.
func alignDisks(c, sent *containerpb.NodeConfig) {
	boot := proto.CloneOf(sent.GetBootDisk())
	if boot == nil {
		boot = &containerpb.BootDisk{}
	}
	boot.DiskType = cmp.Or(boot.GetDiskType(), sent.GetDiskType(), c.GetDiskType())
	boot.SizeGb = cmp.Or(boot.GetSizeGb(), int64(sent.GetDiskSizeGb()), int64(c.GetDiskSizeGb()))
	c.BootDisk, c.DiskType, c.DiskSizeGb = boot, boot.GetDiskType(), int32(boot.GetSizeGb())
}
