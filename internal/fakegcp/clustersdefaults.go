package fakegcp

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"maps"
	"math"
	"slices"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"
)

// clusterDefaults is what GKE adds to a new cluster, as recorded from 1.35 clusters.
//
//go:embed clustersdefaults.json
var clusterDefaults []byte

// idBytes makes a cluster id of 64 hexadecimal digits; names in the project contain its beginning.
const (
	idBytes   = 32
	shortID   = 8
	dnsDigits = 36
)

// newCluster is the cluster that a create request makes: what was sent over what the service fills in.
func (s *Server) newCluster(n containerName, sent *containerpb.Cluster) (*containerpb.Cluster, error) {
	id := randomHex(idBytes)
	project, _ := s.projectOf("projects/" + n.project)
	c := &containerpb.Cluster{}
	err := fromTemplate(clusterDefaults, c, map[string]string{
		"cluster": n.cluster, "location": n.location, "number": project.Number, "dns": id[:dnsDigits], "short": id[:shortID],
	})
	if err != nil {
		return nil, err
	}
	if sent.GetAutopilot().GetEnabled() {
		autopilot := &containerpb.Cluster{}
		if err := fromTemplate(autopilotDefaults, autopilot, map[string]string{"pool": workloadPool(n.project)}); err != nil {
			return nil, err
		}
		overlay(c.ProtoReflect(), autopilot.ProtoReflect())
	}
	version, err := resolveVersion(sent.GetInitialClusterVersion(), sent.GetReleaseChannel().GetChannel())
	if err != nil {
		return nil, err
	}
	clearComponents(c, sent.GetLoggingConfig(), sent.GetMonitoringConfig())
	overlay(c.ProtoReflect(), proto.CloneOf(sent).ProtoReflect())
	c.Id = id
	c.Location, c.Zone = n.location, n.location
	if len(c.GetLocations()) == 0 {
		c.Locations = n.zones(c.GetAutopilot().GetEnabled())
	}
	c.SelfLink = n.link(n.project)
	c.CreateTime = s.now().UTC().Format("2006-01-02T15:04:05+00:00")
	c.InitialClusterVersion, c.CurrentMasterVersion = version.full, version.full
	if c.GetReleaseChannel().GetChannel() == containerpb.ReleaseChannel_UNSPECIFIED {
		c.ReleaseChannel = &containerpb.ReleaseChannel{Channel: cmp.Or(version.channel, containerpb.ReleaseChannel_REGULAR)}
	}
	nameNetworks(n, c)
	fillRanges(c, sent)
	c.MaintenancePolicy = stampMaintenance(c.GetMaintenancePolicy())
	dropEmpty(c)
	ageDefaults(c, version)
	labelCluster(c)
	return c, s.fillPools(n, c)
}

// nameNetworks writes networks short at the top and in full below.
func nameNetworks(n containerName, c *containerpb.Cluster) {
	network, subnetwork := shortNetwork(c.GetNetwork()), shortNetwork(c.GetSubnetwork())
	c.Network, c.Subnetwork = network, subnetwork
	c.NetworkConfig.Network = "projects/" + n.project + "/global/networks/" + network
	c.NetworkConfig.Subnetwork = "projects/" + n.project + "/regions/" + n.region() + "/subnetworks/" + subnetwork
}

// The ranges that the service takes when only a size is sent, and for what is not sent.
const (
	podRange     = "10.112.0.0"
	serviceRange = "34.118.224.0"
)

// fillRanges completes ranges that are sent as a size only ("/20"), and writes each under all of its names, deprecated ones
// included.
func fillRanges(c, sent *containerpb.Cluster) {
	ip, asked := c.GetIpAllocationPolicy(), sent.GetIpAllocationPolicy()
	pods := cmp.Or(asked.GetClusterIpv4CidrBlock(), asked.GetClusterIpv4Cidr(), sent.GetClusterIpv4Cidr(), ip.GetClusterIpv4CidrBlock())
	services := cmp.Or(asked.GetServicesIpv4CidrBlock(), asked.GetServicesIpv4Cidr(), ip.GetServicesIpv4CidrBlock())
	if strings.HasPrefix(pods, "/") {
		pods = podRange + pods
	}
	if strings.HasPrefix(services, "/") {
		services = serviceRange + services
	}
	ip.ClusterIpv4CidrBlock, ip.ClusterIpv4Cidr, c.ClusterIpv4Cidr = pods, pods, pods
	ip.ServicesIpv4CidrBlock, ip.ServicesIpv4Cidr, c.ServicesIpv4Cidr = services, services, services
}

// dropEmpty removes what a request can hold and an answer does not.
func dropEmpty(c *containerpb.Cluster) {
	if isEmpty(c.GetNetworkPolicy()) {
		c.NetworkPolicy = nil
	}
	if ip := c.GetControlPlaneEndpointsConfig().GetIpEndpointsConfig(); ip != nil && !ip.GetGlobalAccess() {
		ip.GlobalAccess = nil
	}
}

// ageDefaults takes away what clusters before 1.35 do not have: recorded, and the reason to hard-code no default.
func ageDefaults(c *containerpb.Cluster, v gkeVersion) {
	if v.minor >= "1.35" {
		return
	}
	c.AddonsConfig.NodeReadinessConfig = nil
	c.AnonymousAuthenticationConfig.Mode = containerpb.AnonymousAuthenticationConfig_ENABLED
	c.NodeCreationConfig = nil
}

// labelCluster computes what goes with the labels.
func labelCluster(c *containerpb.Cluster) {
	h := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(c.GetResourceLabels())) {
		h.Write([]byte(key + "=" + c.GetResourceLabels()[key] + "\n"))
	}
	c.LabelFingerprint = base64.URLEncoding.EncodeToString(h.Sum(nil)[:8])
}

// newClusterEtag is 8 random bytes in base64.
func newClusterEtag() string { return base64.URLEncoding.EncodeToString(randomBytes(8)) }

// defaultPool is the name of the pool that a cluster gets when none is sent.
const defaultPool = "default-pool"

// fillPools makes the default pool if no pool was sent, and fills in the pools.
func (s *Server) fillPools(n containerName, c *containerpb.Cluster) error {
	if c.GetAutopilot().GetEnabled() {
		pools, err := autopilotPools(c)
		if err != nil {
			return err
		}
		c.NodePools = pools
	}
	if len(c.GetNodePools()) == 0 {
		c.NodePools = []*containerpb.NodePool{{Name: defaultPool, Config: c.GetNodeConfig(), InitialNodeCount: c.GetInitialNodeCount()}}
	}
	c.NodeConfig = nil
	for i, sent := range c.GetNodePools() {
		pool, err := s.newPool(n, c, sent)
		if err != nil {
			return err
		}
		c.NodePools[i] = pool
	}
	return nil
}

// clustersPodNodes is how many nodes the pod range has room for, /24 each of a /14.
const clustersPodNodes = 1 << 10

// renderCluster completes a stored cluster for an answer.
func (s *Server) renderCluster(n containerName, c *containerpb.Cluster) *containerpb.Cluster {
	nodes := s.nodeCounts(n.clusterName())
	for _, pool := range c.GetNodePools() {
		c.CurrentNodeCount += int32(nodes[pool.GetName()])
		c.InstanceGroupUrls = append(c.InstanceGroupUrls, pool.GetInstanceGroupUrls()...)
		c.CurrentNodeVersion = cmp.Or(c.GetCurrentNodeVersion(), pool.GetVersion())
		if pool.GetName() == defaultPool {
			c.NodeConfig = pool.GetConfig()
		}
	}
	used := math.Round(float64(c.GetCurrentNodeCount())*1000/clustersPodNodes) / 1000
	c.IpAllocationPolicy.DefaultPodIpv4RangeUtilization = used
	for _, pool := range c.GetNodePools() {
		pool.NetworkConfig.PodIpv4RangeUtilization = used
	}
	return c
}
