package fakegcp

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp/kubernetes"
)

// kubeconfigToken is the bearer token in Kubeconfig. Any token will do.
const kubeconfigToken = "fakegcp"

// findLive finds the cluster that a control method means: by full name, by its last part, or the only one when name is
// empty.
func (s *Server) findLive(name string) (string, *kubernetes.Cluster, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	var found []string
	for _, full := range slices.Sorted(maps.Keys(s.clusters.live)) {
		if name == "" || full == s.identified(name) || lastSegment(full) == name {
			found = append(found, full)
		}
	}
	switch len(found) {
	case 0:
		return "", nil, fmt.Errorf("there is no cluster %q that runs; there are: %s", name, strings.Join(slices.Sorted(maps.Keys(s.clusters.live)), ", "))
	case 1:
		return found[0], s.clusters.live[found[0]], nil
	}
	return "", nil, fmt.Errorf("cluster %q is ambiguous, name one of %s", name, strings.Join(found, ", "))
}

// UpdateCluster changes a cluster, with its node pools, behind its clients' backs; the nodes follow.
func (s *Server) UpdateCluster(name string, change func(*containerpb.Cluster)) error {
	err := changeBehindBack(s, name, func(c *containerpb.Cluster) {
		change(c)
		labelCluster(c)
		c.Etag = newClusterEtag()
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.syncNodes(name)
	return nil
}

// Preempt takes the Spot and preemptible nodes of a node pool (of all pools when it is empty) away, and returns when none of
// their pods is ready. The pool makes new ones a moment later, unless there is a stockout.
func (s *Server) Preempt(cluster, pool string) error {
	return s.PreemptNodes(cluster, Preemption{Pool: pool})
}

// Preemption picks Spot and preemptible nodes; the zero value picks all.
type Preemption = kubernetes.Preemption

// PreemptNodes is Preempt for some of the nodes. The error names a pool or a node that there is not, or that there are fewer
// nodes than Count.
func (s *Server) PreemptNodes(cluster string, p Preemption) error {
	full, live, err := s.findLive(cluster)
	if err != nil {
		return err
	}
	if p.Pool != "" {
		s.mu.Lock()
		c, _ := lookup[*containerpb.Cluster](s.store, full)
		s.mu.Unlock()
		if poolOf(c, p.Pool) == nil {
			return fmt.Errorf("cluster %s has no node pool %q", full, p.Pool)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), controlTimeout)
	defer cancel()
	return live.Preempt(ctx, p)
}

// SetStockout makes a zone (every zone when it is empty) run out of machines, or have some again: then pools that lack nodes
// get them, and their status stays RUNNING_WITH_ERROR until an operation on them ends well.
func (s *Server) SetStockout(zone string, out bool) error {
	if zone != "" && (!locationForm.MatchString(zone) || strings.Count(zone, "-") != 2) {
		return fmt.Errorf("zone %q: want a zone such as asia-northeast1-a, or nothing for every zone", zone)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	zones := []string{zone}
	if zone == "" && !out { // those that were set one by one end too
		zones = slices.AppendSeq(zones, maps.Keys(s.clusters.stockout))
	}
	for _, z := range zones {
		s.clusters.stockout[z] = out
	}
	for _, name := range slices.Sorted(maps.Keys(s.clusters.live)) {
		for _, z := range zones {
			s.clusters.live[name].SetStockout(z, out)
		}
		if !out {
			s.endStockout(parseClusterName(name))
		}
	}
	return nil
}

// endStockout gives pools the nodes that a stockout has kept from them: instance groups never cease to ask. What the pools
// say of the stockout stays until an operation on them ends well (k8s-config-connector#321: for days). The caller holds the
// lock.
func (s *Server) endStockout(n containerName) {
	c, ok := lookup[*containerpb.Cluster](s.store, n.clusterName())
	if !ok {
		return
	}
	for _, pool := range c.GetNodePools() {
		if pool.GetStatus() == containerpb.NodePool_RUNNING_WITH_ERROR {
			s.makeNodes(n, pool)
		}
	}
	s.syncNodes(n.clusterName())
}

// Kubeconfig is a kubeconfig file for the cluster, with all rights.
func (s *Server) Kubeconfig(cluster string) ([]byte, error) {
	_, live, err := s.findLive(cluster)
	if err != nil {
		return nil, err
	}
	return live.Kubeconfig(kubeconfigToken)
}

// KubernetesObjects lists what clients have made in the cluster and Kubernetes has not made itself. A cluster that nobody
// has connected to has nothing.
func (s *Server) KubernetesObjects(ctx context.Context, cluster string) ([]kubernetes.Object, error) {
	_, live, err := s.findLive(cluster)
	if err != nil {
		return nil, err
	}
	return live.Dump(ctx)
}

// NodeCounts is the number of nodes of a cluster by node pool.
func (s *Server) NodeCounts(cluster string) (map[string]int, error) {
	full, _, err := s.findLive(cluster)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nodeCounts(full), nil
}
