package fakegcp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp/kubernetes"
)

// clusterState is what the GKE nouns keep beside the store, guarded by the server's lock.
type clusterState struct {
	live     map[string]*kubernetes.Cluster           // by the cluster's full name
	sizes    map[string]int                           // nodes per zone that SetNodePoolSize has set, by the pool's full name
	made     map[string]map[string]int                // nodes that a pool has in a zone, by the pool's full name
	surge    map[string]int                           // nodes that an upgrade has not taken away yet, by the pool's full name
	stockout map[string]bool                          // by zone; "" is every zone
	quotas   map[quotaKey]float64                     // in CPUs
	upgrades map[string][]*containerpb.UpgradeDetails // of control planes and node pools, by full name
	identity map[string]bool                          // projects that have an identity pool: it stays when the cluster goes
	closing  *sync.WaitGroup                          // clusters that are ending in the background
}

func newClusterState() clusterState {
	return clusterState{
		live: map[string]*kubernetes.Cluster{}, sizes: map[string]int{}, surge: map[string]int{},
		made:   map[string]map[string]int{},
		quotas: map[quotaKey]float64{}, upgrades: map[string][]*containerpb.UpgradeDetails{},
		stockout: map[string]bool{}, identity: map[string]bool{}, closing: &sync.WaitGroup{},
	}
}

// openCluster gives a cluster its Kubernetes endpoint and writes it into the cluster. The caller holds the lock.
func (s *Server) openCluster(n containerName) error {
	live, err := kubernetes.New(kubernetes.Options{
		Name:      n.cluster,
		Bin:       s.options.KubernetesBin,
		Build:     s.options.KubernetesBuild,
		Dir:       s.clusterDir(n),
		Behaviour: s.kubernetesBehaviour,
		Secret: func(pod kubernetes.PodIdentity, version string) string {
			return s.podSecretRefusal(n.project, pod, version)
		},
		ReadOnlyToken: s.options.ReadOnlyToken,
		Through:       s.throughKubernetes(n.clusterName()),
		Log:           s.options.Log,
	})
	if err != nil {
		return err
	}
	s.clusters.live[n.clusterName()] = live
	for zone, out := range s.clusters.stockout {
		live.SetStockout(zone, out)
	}
	s.changeCluster(n, func(c *containerpb.Cluster) {
		c.Endpoint = live.Endpoint()
		c.MasterAuth.ClusterCaCertificate = live.CACertificate()
		endpoints := c.GetControlPlaneEndpointsConfig().GetIpEndpointsConfig()
		endpoints.PublicEndpoint, endpoints.PrivateEndpoint = c.GetEndpoint(), privateEndpoint
		c.PrivateClusterConfig = &containerpb.PrivateClusterConfig{PublicEndpoint: c.GetEndpoint(), PrivateEndpoint: privateEndpoint}
		if c.GetWorkloadIdentityConfig().GetWorkloadPool() != "" {
			s.clusters.identity[n.project] = true
		}
	})
	return nil
}

// privateEndpoint stands for the address inside the network, which nobody can reach here.
const privateEndpoint = "10.128.0.2"

// kubernetesBehaviour is what the containers of an image do. Kubernetes' players call it without the lock.
func (s *Server) kubernetesBehaviour(image string) kubernetes.Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.images[image]
	switch b {
	case ImageMissing:
		return kubernetes.Behaviour{Missing: true}
	case ImageCrashes:
		return kubernetes.Behaviour{Exits: true, ExitCode: 1}
	case ImageNeverReady:
		return kubernetes.Behaviour{NeverReady: true}
	case ImageSlow:
		return kubernetes.Behaviour{Slow: true}
	}
	code, exits := b.ExitCode()
	return kubernetes.Behaviour{Exits: exits, ExitCode: int32(code)}
}

// imagesChanged tells running clusters that the image table changed. The caller holds the lock.
func (s *Server) imagesChanged() {
	for _, live := range s.clusters.live {
		live.ImagesChanged()
	}
}

// syncNodes has a cluster's nodes follow its node pools. The caller holds the lock.
func (s *Server) syncNodes(name string) {
	live, ok := s.clusters.live[name]
	if !ok {
		return
	}
	if c, ok := lookup[*containerpb.Cluster](s.store, name); ok {
		live.SetNodePools(s.kubernetesPools(parseClusterName(name), c))
		live.SetSecretManager(c.GetSecretManagerConfig().GetEnabled())
	}
}

// nodeCounts is the number of nodes by pool. The caller holds the lock.
func (s *Server) nodeCounts(name string) map[string]int {
	live, ok := s.clusters.live[name]
	if !ok {
		return nil
	}
	counts := live.NodeCounts()
	for pool := range counts {
		counts[pool] += s.clusters.surge[name+"/nodePools/"+pool]
	}
	return counts
}

// lingerSurge has the surplus nodes of an upgrade counted for a while after it: so it was in every recorded upgrade.
func (s *Server) lingerSurge(n containerName, nodes int32) {
	s.clusters.surge[n.String()] = int(nodes)
	s.schedule(s.now().Add(s.options.OperationTime), func() { delete(s.clusters.surge, n.String()) })
}

// hasIdentityPool says whether the project has (or had) a cluster with Workload Identity. The caller holds the lock.
func (s *Server) hasIdentityPool(project string) bool { return s.clusters.identity[project] }

// removeCluster takes a cluster or a node pool away behind its clients' backs; false when the name is none. The caller
// holds the lock; the processes of a cluster end in the background.
func (s *Server) removeCluster(name string) bool {
	n := parseClusterName(name)
	c, ok := lookup[*containerpb.Cluster](s.store, n.clusterName())
	if !ok || n.cluster == "" {
		return false
	}
	if n.pool != "" {
		found := poolOf(c, n.pool) != nil
		s.removePool(n)
		return found
	}
	s.store.drop(name)
	maps.DeleteFunc(s.clusters.sizes, func(pool string, _ int) bool { return strings.HasPrefix(pool, name+"/") })
	maps.DeleteFunc(s.clusters.made, func(pool string, _ map[string]int) bool { return strings.HasPrefix(pool, name+"/") })
	maps.DeleteFunc(s.clusters.upgrades, func(of string, _ []*containerpb.UpgradeDetails) bool {
		return of == name || strings.HasPrefix(of, name+"/")
	})
	if live, ok := s.clusters.live[name]; ok {
		delete(s.clusters.live, name)
		s.clusters.closing.Go(func() {
			if err := live.Remove(); err != nil {
				s.options.Log.Warn("a cluster did not end cleanly", "cluster", name, "error", err)
			}
		})
	}
	return true
}

// parseClusterName splits a full name with the project's id; the zero name when it is none.
func parseClusterName(name string) containerName {
	match := containerNameForm.FindStringSubmatch(name)
	if match == nil {
		return containerName{}
	}
	return containerName{match[1], match[2], match[3], match[4]}
}

// stopClusters ends the control planes, those included that were ending already.
func (s *Server) stopClusters(ctx context.Context) error {
	s.mu.Lock()
	live := slices.Collect(maps.Values(s.clusters.live))
	clear(s.clusters.live)
	closing := s.clusters.closing
	s.mu.Unlock()

	failures := make(chan error, len(live))
	for _, cluster := range live {
		closing.Go(func() { failures <- cluster.Close() })
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		closing.Wait()
	}()
	select {
	case <-ctx.Done():
		return fmt.Errorf("control planes have not ended: %w", context.Cause(ctx))
	case <-ended:
	}
	close(failures)
	var errs []error
	for err := range failures {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// controlTimeout bounds what a control method asks of a cluster.
const controlTimeout = 30 * time.Second
