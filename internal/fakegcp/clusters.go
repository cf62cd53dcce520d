package fakegcp

import (
	"context"
	"slices"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// clusterManager serves google.container.v1.ClusterManager for clusters and node pools.
type clusterManager struct {
	containerpb.UnimplementedClusterManagerServer
	s *Server
}

func (s *Server) registerClusters(r grpc.ServiceRegistrar) {
	s.clusters = newClusterState()
	containerpb.RegisterClusterManagerServer(r, &clusterManager{s: s})
}

// A cluster is stored with its node pools inside, in the order of their creation. What depends on the moment or on other
// fields is not stored: renderCluster fills it in.

// findCluster returns a copy of the cluster that a request is about.
func (s *Server) findCluster(request proto.Message) (containerName, *containerpb.Cluster, error) {
	n, err := s.containerNameOf(request)
	if err != nil {
		return n, nil, err
	}
	c, ok := lookup[*containerpb.Cluster](s.store, n.clusterName())
	if !ok {
		cluster := n
		cluster.pool = ""
		return n, nil, cluster.notFound()
	}
	return n, c, nil
}

// changeCluster applies change to the stored cluster if it still is there, gives it a new etag, and has its nodes follow.
func (s *Server) changeCluster(n containerName, change func(*containerpb.Cluster)) {
	update(s.store, n.clusterName(), func(c *containerpb.Cluster) {
		change(c)
		c.Etag = newClusterEtag()
	})
	s.syncNodes(n.clusterName())
}

// GetCluster is the cluster as it is now.
func (c *clusterManager) GetCluster(_ context.Context, r *containerpb.GetClusterRequest) (*containerpb.Cluster, error) {
	n, cluster, err := c.s.findCluster(r)
	if err != nil {
		return nil, err
	}
	return c.s.renderCluster(n, cluster), nil
}

// ListClusters lists a location's clusters ("-": of all locations) by name.
func (c *clusterManager) ListClusters(_ context.Context, r *containerpb.ListClustersRequest) (*containerpb.ListClustersResponse, error) {
	n, err := c.s.containerNameOf(r)
	if err != nil {
		return nil, err
	}
	answer := &containerpb.ListClustersResponse{}
	for _, cluster := range children[*containerpb.Cluster](c.s.store, n.parent()+"/clusters") {
		at := containerName{project: n.project, location: cluster.GetLocation(), cluster: cluster.GetName()}
		answer.Clusters = append(answer.Clusters, c.s.renderCluster(at, cluster))
	}
	return answer, nil
}

// DeleteCluster accepts the deletion: the cluster is there, STOPPING, until the operation is done.
func (c *clusterManager) DeleteCluster(_ context.Context, r *containerpb.DeleteClusterRequest) (*containerpb.Operation, error) {
	n, _, err := c.s.findCluster(r)
	if err != nil {
		return nil, err
	}
	if err := c.s.busy(n); err != nil {
		return nil, err
	}
	c.s.setStatus(n, containerpb.Cluster_STOPPING, containerpb.NodePool_STOPPING)
	return c.s.startChange(containerChange{
		name: n,
		kind: containerpb.Operation_DELETE_CLUSTER,
		finish: func(*containerDetail) error {
			c.s.removeCluster(n.clusterName())
			return nil
		},
		fail: func(cause error) {
			c.s.changeCluster(n, func(cluster *containerpb.Cluster) {
				cluster.Status, cluster.StatusMessage = containerpb.Cluster_ERROR, status.Convert(cause).Message()
			})
			c.s.removeWhileInError(n)
		},
	}), nil
}

// setStatus sets the status of a cluster and of its pools; a pool status 0 leaves the pools alone.
func (s *Server) setStatus(n containerName, cluster containerpb.Cluster_Status, pools containerpb.NodePool_Status) {
	s.changeCluster(n, func(c *containerpb.Cluster) {
		c.Status = cluster
		for _, pool := range c.GetNodePools() {
			if pools != containerpb.NodePool_STATUS_UNSPECIFIED {
				pool.Status = pools
			}
		}
	})
}

// settleStatus gives a cluster the status that its node pools leave it after an operation.
func settleStatus(c *containerpb.Cluster) {
	c.Status, c.StatusMessage, c.Conditions = containerpb.Cluster_RUNNING, "", nil
	for _, pool := range c.GetNodePools() {
		if pool.GetStatus() == containerpb.NodePool_RUNNING_WITH_ERROR || pool.GetStatus() == containerpb.NodePool_ERROR {
			c.Status = containerpb.Cluster_DEGRADED
			c.StatusMessage = pool.GetStatusMessage()
			c.Conditions = append(c.Conditions, pool.GetConditions()...)
		}
	}
}

// gkeVersion is a version that clusters can have, with the channel that it is the default of.
type gkeVersion struct {
	minor, full string
	channel     containerpb.ReleaseChannel_Channel
}

// gkeVersions are from the recorded sessions, except RAPID's and the oldest, which follow their form. The first is the newest.
// The oldest is the default of no channel.
var gkeVersions = []gkeVersion{
	{"1.36", "1.36.3-gke.1090000", containerpb.ReleaseChannel_RAPID},
	{"1.35", "1.35.6-gke.1250000", containerpb.ReleaseChannel_REGULAR},
	{"1.34", "1.34.9-gke.1065000", containerpb.ReleaseChannel_STABLE},
	{"1.33", "1.33.12-gke.1045000", containerpb.ReleaseChannel_UNSPECIFIED},
}

// versionOf is the default version of a channel.
func versionOf(channel containerpb.ReleaseChannel_Channel) gkeVersion {
	i := slices.IndexFunc(gkeVersions, func(v gkeVersion) bool { return v.channel == channel })
	if i < 0 || channel == containerpb.ReleaseChannel_UNSPECIFIED {
		i = slices.IndexFunc(gkeVersions, func(v gkeVersion) bool { return v.channel == containerpb.ReleaseChannel_REGULAR })
	}
	return gkeVersions[i]
}

// resolveVersion finds what an alias means: "" and "-" the channel's default, "latest", "1.X", "1.X.Y", a full version.
func resolveVersion(wanted string, channel containerpb.ReleaseChannel_Channel) (gkeVersion, error) {
	switch wanted {
	case "", "-":
		return versionOf(channel), nil
	case "latest":
		return gkeVersions[0], nil
	}
	for _, v := range gkeVersions {
		if v.matches(wanted) {
			return v, nil
		}
	}
	return gkeVersion{}, invalid("Master version %q is unsupported.", wanted)
}

// matches says whether a version or the beginning of one, up to a dot or hyphen, means this version.
func (v gkeVersion) matches(wanted string) bool {
	rest, ok := strings.CutPrefix(v.full, wanted)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '-')
}

// GetServerConfig lists what clusters can be made of.
func (c *clusterManager) GetServerConfig(_ context.Context, r *containerpb.GetServerConfigRequest) (*containerpb.ServerConfig, error) {
	if _, err := c.s.containerNameOf(r); err != nil {
		return nil, err
	}
	answer := &containerpb.ServerConfig{
		DefaultClusterVersion: versionOf(containerpb.ReleaseChannel_REGULAR).full,
		DefaultImageType:      "COS_CONTAINERD",
		ValidImageTypes:       []string{"COS_CONTAINERD", "UBUNTU_CONTAINERD", "WINDOWS_LTSC_CONTAINERD"},
	}
	for _, v := range gkeVersions {
		answer.ValidMasterVersions = append(answer.ValidMasterVersions, v.full)
		answer.ValidNodeVersions = append(answer.ValidNodeVersions, v.full)
		if v.channel != containerpb.ReleaseChannel_UNSPECIFIED {
			answer.Channels = append(answer.Channels, &containerpb.ServerConfig_ReleaseChannelConfig{
				Channel: v.channel, DefaultVersion: v.full, ValidVersions: []string{v.full},
			})
		}
	}
	return answer, nil
}
