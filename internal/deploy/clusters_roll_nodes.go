package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

const (
	// clusterContact is how long the first answer of a cluster's Kubernetes may take, in poll intervals: long enough for a
	// control plane that is restarted, and then an endpoint that cannot be reached from here is left to GKE.
	clusterContact = 120
	// clusterNodesPatience is how long the nodes of a pool may take after GKE has reported them as made. They need a minute
	// or two.
	clusterNodesPatience = 5 * time.Minute
)

// clusterNodes is what a roll does with Kubernetes. Where Kubernetes cannot be reached or refuses us it does nothing, and
// a notice tells: GKE then drains the nodes of the pools that it deletes.
type clusterNodes struct {
	cloud   *Cloud
	cluster names.ClusterID
	client  *kube.Client
	// made is how many nodes the pools start with that this run made.
	made map[string]int32
	// notices holds the one notice that GKE drains, once that is decided.
	notices []Notice
}

func newClusterNodes(cloud *Cloud, cluster names.ClusterID) *clusterNodes {
	return &clusterNodes{cloud: cloud, cluster: cluster, made: map[string]int32{}}
}

// reach gives the client; nil when the work is left to GKE.
func (n *clusterNodes) reach(ctx context.Context) (*kube.Client, error) {
	if n.client != nil || len(n.notices) > 0 {
		return n.client, nil
	}
	var client *kube.Client
	var last error
	deadline := n.cloud.Clock.Now().Add(clusterContact * n.cloud.GCP.PollInterval())
	err := n.cloud.GCP.Poll(ctx, "the Kubernetes API of cluster "+n.cluster.Name, func(ctx context.Context) (bool, error) {
		if client, last = n.cloud.KubeNow(ctx, n.cluster); last == nil {
			_, last = client.PoolNodes(ctx, "none") // what is needed first: an answer, and the right to see nodes
		}
		return !kube.IsTransient(last) || n.cloud.Clock.Now().After(deadline), nil
	})
	if err != nil {
		return nil, err
	}
	var unusable *Error
	if kube.IsUnreachable(last) || apierrors.IsUnauthorized(last) || errors.As(last, &unusable) {
		n.leave(last)
		return nil, nil
	}
	if last != nil {
		return nil, n.refused(last)
	}
	n.client = client
	return client, nil
}

// refused leaves the work to GKE if Kubernetes does not let us do it; any other error stays one.
func (n *clusterNodes) refused(err error) error {
	if !apierrors.IsForbidden(err) {
		return err
	}
	n.leave(err)
	return nil
}

func (n *clusterNodes) leave(err error) {
	n.client = nil
	n.notices = []Notice{{
		Summary: fmt.Sprintf("GKE alone drained node pools of cluster %q", n.cluster.Name),
		Detail: "The Kubernetes API of the cluster could not be used to move the pods away before a pool was deleted. GKE drains the " +
			"nodes of a pool that it deletes and keeps to disruption budgets as well, but not without end: pods that are left after " +
			"its own time limit are ended. Nor was it seen that the nodes of a new pool were ready.\n\n" +
			"To have it done here, run the provider where the cluster's endpoint can be reached, as a caller with " +
			"container.nodes.list, container.nodes.update, container.pods.list and container.pods.evict " +
			"(roles/container.developer has them).\n\nOriginal error: " + gcp.Message(err),
	}}
}

// most is how many nodes the largest of these pools has.
func (n *clusterNodes) most(ctx context.Context, pools []*containerpb.NodePool) (int32, error) {
	most := int32(0)
	for _, pool := range pools {
		client, err := n.reach(ctx)
		if err != nil {
			return 0, err
		}
		count := pool.GetInitialNodeCount() * int32(max(len(pool.GetLocations()), 1))
		if client != nil {
			nodes, err := client.PoolNodes(ctx, pool.GetName())
			if err = n.refused(err); err != nil {
				return 0, err
			}
			count = int32(len(nodes))
		}
		most = max(most, count)
	}
	return most, nil
}

// reopen opens the nodes of a pool that a roll has closed.
func (n *clusterNodes) reopen(ctx context.Context, key string, pool *containerpb.NodePool) error {
	client, err := n.reach(ctx)
	if err != nil || client == nil {
		return err
	}
	if err := n.refused(client.Uncordon(ctx, pool.GetName())); err != nil {
		return &Error{
			Summary:   fmt.Sprintf("Nodes of node pool %q were not opened to pods again", pool.GetName()),
			Why:       "An earlier run had closed them, to replace the pool, and it is the declared one again.",
			Fix:       "Run apply again when the cause is gone: it goes on from there.",
			Attribute: []string{"node_pools", key},
			Err:       err,
		}
	}
	return nil
}

// await waits until a pool can take the pods of the one that it replaces. A pool that this run has made is to have all the
// nodes that it starts with. Of any other the autoscaler may have taken idle nodes away meanwhile.
func (n *clusterNodes) await(ctx context.Context, key string, pool *containerpb.NodePool) error {
	if err := n.reopen(ctx, key, pool); err != nil {
		return err
	}
	client, err := n.reach(ctx)
	if err != nil || client == nil {
		return err
	}
	least := min(pool.GetAutoscaling().GetTotalMinNodeCount()+pool.GetAutoscaling().GetMinNodeCount(), 1)
	wanted := max(n.made[pool.GetName()], least, min(pool.GetInitialNodeCount(), 1))
	ready, deadline := int32(0), n.cloud.Clock.Now().Add(clusterNodesPatience)
	err = client.WaitNodes(ctx, pool.GetName(), func(nodes []kube.PoolNode) bool {
		ready = 0
		for _, node := range nodes {
			if node.Ready {
				ready++
			}
		}
		return ready >= wanted || n.cloud.Clock.Now().After(deadline)
	})
	if apierrors.IsForbidden(err) {
		return n.refused(err)
	}
	if err == nil && ready >= least {
		return nil
	}
	return &Error{
		Summary: fmt.Sprintf("New node pool %q has no node that is ready", pool.GetName()),
		Why: fmt.Sprintf("It replaces the pool of node_pools[%q], which goes on serving: its nodes were not closed, and none of its pods "+
			"was moved.", key),
		Fix: fmt.Sprintf("See why its nodes do not come up (kubectl get nodes -l cloud.google.com/gke-nodepool=%s), correct node_pools[%q] or "+
			"take the change back, and run apply again: it goes on from there.", pool.GetName(), key),
		Attribute: []string{"node_pools", key},
		Err:       err,
	}
}

// drain moves the pods of a pool away; rolled tells that another pool of the key takes them.
func (n *clusterNodes) drain(ctx context.Context, key string, pool *containerpb.NodePool, rolled bool) error {
	client, err := n.reach(ctx)
	if err != nil || client == nil {
		return err
	}
	err = n.refused(client.Drain(ctx, pool.GetName()))
	if err == nil {
		return nil
	}
	return &Error{
		Summary:   fmt.Sprintf("Node pool %q was not drained", pool.GetName()),
		Why:       "It was not deleted: the pods that are left go on running, on nodes that take no new ones.",
		Fix:       clusterDrainFix(key, rolled, err),
		Attribute: []string{"node_pools", key},
		Err:       err,
	}
}

// clusterDrainFix is what to do about a drain that did not end.
func clusterDrainFix(key string, rolled bool, err error) string {
	var left *kube.DrainError
	var refused *kube.BudgetsError
	const goesOn = "Then run apply again: it goes on with the pods that are left."
	switch {
	case errors.As(err, &refused):
		return "Leave one disruption budget for these pods, and delete the others. " + goesOn
	case errors.As(err, &left) && len(left.Waiting) > 0 && !rolled:
		return "Give the pods that wait a node in the pools that stay: raise max_nodes of one, or let them tolerate its taints and select its " +
			"labels. " + goesOn + fmt.Sprintf(" To keep this pool, put node_pools[%q] back: its nodes are opened again.", key)
	case errors.As(err, &left) && len(left.Waiting) > 0:
		return fmt.Sprintf("Give the pods that wait a node: raise max_nodes of node_pools[%q], or let them tolerate its taints and select "+
			"its labels. %s To take the change back, restore the configuration: the old nodes are opened again.", key, goesOn)
	default:
		return "Where a disruption budget holds a pod, let it allow a disruption: more replicas, or a lower minAvailable. Where pods " +
			"just take their time, raise timeouts.update. " + goesOn
	}
}
