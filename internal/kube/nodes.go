package kube

import (
	"context"
	"encoding/json"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// labelNodePool is the label by which GKE's nodes name their pool.
// Source: cloud.google.com/kubernetes-engine/docs/concepts/node-pools, "Deploy Pods to specific node pools".
const labelNodePool = "cloud.google.com/gke-nodepool"

// PoolNode is what a roll looks at in a node.
type PoolNode struct {
	Name string
	// Ready says that pods can be put on it: the kubelet says so, and nothing keeps them off but the pool's own taints.
	Ready bool
	// Cordoned says that this provider has closed the node to new pods.
	Cordoned bool

	unschedulable bool
	version       string
}

// PoolNodes lists the nodes of a GKE node pool.
func (c *Client) PoolNodes(ctx context.Context, pool string) ([]PoolNode, error) {
	live, err := c.List(ctx, Node, "", labelNodePool+"="+pool)
	if err != nil {
		return nil, err
	}
	nodes := make([]PoolNode, 0, len(live))
	for _, object := range live {
		nodes = append(nodes, nodeOf(&object))
	}
	return nodes, nil
}

// WaitNodes waits until enough says so of the nodes of a pool. Failures that pass are waited out until ctx ends.
func (c *Client) WaitNodes(ctx context.Context, pool string, enough func([]PoolNode) bool) error {
	return c.poll(ctx, "the nodes of node pool "+pool, func(ctx context.Context) (bool, error, error) {
		nodes, err := c.PoolNodes(ctx, pool)
		if IsTransient(err) {
			return false, err, nil
		}
		return err == nil && enough(nodes), nil, err
	})
}

// systemTaints are the keys by which Kubernetes, the cloud and the network say that a node cannot take pods now.
var systemTaints = []string{"node.kubernetes.io/", "node.cloudprovider.kubernetes.io/", "node.cilium.io/", "cloud.google.com/impending-node-termination"}

func nodeOf(live *unstructured.Unstructured) PoolNode {
	_, cordoned := live.GetAnnotations()[names.KubeCordoned]
	unschedulable, _, _ := unstructured.NestedBool(live.Object, "spec", "unschedulable")
	node := PoolNode{
		Name: live.GetName(), Ready: !unschedulable, Cordoned: cordoned,
		unschedulable: unschedulable, version: live.GetResourceVersion(),
	}
	ready := false
	for _, condition := range conditions(live.Object) {
		ready = ready || condition["type"] == "Ready" && condition["status"] == "True"
	}
	taints, _, _ := unstructured.NestedSlice(live.Object, "spec", "taints")
	for _, taint := range taints {
		entry, _ := taint.(map[string]any)
		key, _ := entry["key"].(string)
		for _, system := range systemTaints {
			ready = ready && !strings.HasPrefix(key, system)
		}
	}
	node.Ready = node.Ready && ready
	return node
}

// cordon closes the nodes that are open, and marks them. A node that somebody else has closed stays without the mark.
func (c *Client) cordon(ctx context.Context, nodes []PoolNode) (closed int, err error) {
	for _, node := range nodes {
		if node.unschedulable {
			continue
		}
		if err := c.patchNode(ctx, node, "true", true); err != nil {
			return closed, err
		}
		closed++
	}
	return closed, nil
}

// Uncordon opens the nodes of a pool that this provider has closed. Those that somebody else has closed stay so.
func (c *Client) Uncordon(ctx context.Context, pool string) error {
	return c.poll(ctx, "the nodes of node pool "+pool+" to be opened", func(ctx context.Context) (bool, error, error) {
		nodes, err := c.PoolNodes(ctx, pool)
		for _, node := range nodes {
			if node.Cordoned && err == nil {
				err = c.patchNode(ctx, node, nil, nil)
			}
		}
		if IsTransient(err) || apierrors.IsConflict(err) {
			return false, err, nil
		}
		return err == nil, nil, err
	})
}

// patchNode sets or removes the mark and the closure, unless the node has changed meanwhile: then it is a conflict.
func (c *Client) patchNode(ctx context.Context, node PoolNode, mark, closed any) error {
	body, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": node.version, "annotations": map[string]any{names.KubeCordoned: mark}},
		"spec":     map[string]any{"unschedulable": closed},
	})
	if err != nil {
		return err
	}
	err = c.retry(ctx, func(ctx context.Context) error {
		_, err := c.of(Ref{GVK: Node}).Patch(ctx, node.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: Manager})
		return err
	})
	if apierrors.IsNotFound(err) {
		return nil // a node that is gone needs nothing
	}
	return err
}
