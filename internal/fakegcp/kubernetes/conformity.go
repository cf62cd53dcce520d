package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// annotationDeclared holds what a node's pool declared last. Others put labels and taints on nodes too: only what was
// declared is changed and taken away.
const annotationDeclared = "fakegcp/declared"

// declaration is what a pool decides about its nodes while they live.
type declaration struct {
	Labels map[string]string `json:"labels"`
	Taints []corev1.Taint    `json:"taints"`
}

func (p NodePool) declaration(zone string) declaration {
	return declaration{Labels: p.labels(zone), Taints: p.Taints}
}

// annotation is the declaration as it is kept with the node.
func (d declaration) annotation() string {
	text, err := json.Marshal(d) // sorts the keys
	if err != nil {
		return "" // strings marshal
	}
	return string(text)
}

// conform brings the labels and taints of a node to what its pool declares now.
func (n *nodeController) conform(ctx context.Context, pool NodePool, node *corev1.Node) error {
	want := pool.declaration(node.Labels[corev1.LabelTopologyZone])
	if node.Annotations[annotationDeclared] == want.annotation() {
		return nil
	}
	var old declaration
	if err := json.Unmarshal([]byte(node.Annotations[annotationDeclared]), &old); err != nil {
		return fmt.Errorf("annotation %s of node %s: %w", annotationDeclared, node.Name, err)
	}
	changed := node.DeepCopy()
	maps.DeleteFunc(changed.Labels, func(key, _ string) bool { _, was := old.Labels[key]; return was })
	maps.Copy(changed.Labels, want.Labels)
	changed.Spec.Taints = slices.DeleteFunc(changed.Spec.Taints, func(t corev1.Taint) bool {
		return slices.ContainsFunc(slices.Concat(old.Taints, want.Taints), func(declared corev1.Taint) bool { return declared.MatchTaint(&t) })
	})
	changed.Spec.Taints = append(changed.Spec.Taints, want.Taints...)
	changed.Annotations[annotationDeclared] = want.annotation()
	if _, err := n.client.CoreV1().Nodes().Update(ctx, changed, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("labels and taints of node %s: %w", node.Name, err)
	}
	return nil
}
