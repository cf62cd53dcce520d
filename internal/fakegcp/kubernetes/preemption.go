package kubernetes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Preemption picks nodes among the Spot and preemptible ones; the zero value picks all.
type Preemption struct {
	// Pool is the node pool; empty is every pool.
	Pool string
	// Nodes are the nodes by name; none is every one.
	Nodes []string
	// Count is how many of them, the first by name; 0 is all.
	Count int
}

// pick is what a preemption is to take of the nodes.
func (p Preemption) pick(nodes []*corev1.Node) []*corev1.Node {
	var picked []*corev1.Node
	for _, node := range nodes {
		spot := node.Labels[labelSpot] != "" || node.Labels[labelPreemptible] != ""
		if spot && (p.Pool == "" || p.Pool == node.Labels[labelNodePool]) && (len(p.Nodes) == 0 || slices.Contains(p.Nodes, node.Name)) {
			picked = append(picked, node)
		}
	}
	slices.SortFunc(picked, func(a, b *corev1.Node) int { return cmp.Compare(a.Name, b.Name) })
	if p.Count > 0 && len(picked) > p.Count {
		picked = picked[:p.Count]
	}
	return picked
}

// missing is the error when not all is picked that was asked for.
func (p Preemption) missing(picked []*corev1.Node) error {
	var names []string
	for _, node := range picked {
		names = append(names, node.Name)
	}
	for _, name := range p.Nodes {
		if !slices.Contains(names, name) && p.Count == 0 {
			return fmt.Errorf("node %q is no Spot or preemptible node that runs", name)
		}
	}
	switch {
	case p.Count < 0:
		return fmt.Errorf("count %d: want a number of nodes, or 0 for all", p.Count)
	case len(picked) < p.Count:
		return fmt.Errorf("%d Spot and preemptible nodes run, not %d: %s", len(picked), p.Count, strings.Join(names, ", "))
	}
	return nil
}
