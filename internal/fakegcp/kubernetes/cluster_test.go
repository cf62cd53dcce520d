package kubernetes

import (
	"context"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func intstrFrom(port int32) intstr.IntOrString { return intstr.FromInt32(port) }

func TestDeploymentBecomesAvailableOnSpotNodesThatTheAutoscalerAdds(t *testing.T) {
	s := newSession(t)
	s.deployment("ok:1", 3, onSpot)
	s.eventually(time.Minute, s.available(3))
	if len(s.warnings.texts) > 0 {
		t.Errorf("warnings in a restricted namespace: %v", s.warnings.texts)
	}
	for _, pod := range s.pods() {
		node, err := s.client.CoreV1().Nodes().Get(s.ctx, pod.Spec.NodeName, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			labelNodePool: "spot", labelSpot: "true", "team": "shop", "topology.kubernetes.io/region": "asia-northeast1",
			"kubernetes.io/hostname": node.Name, "node.kubernetes.io/instance-type": "e2-standard-4",
		}
		for key, value := range want {
			if node.Labels[key] != value {
				t.Errorf("node %s: label %s is %q, want %q", node.Name, key, node.Labels[key], value)
			}
		}
		if !slices.ContainsFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.MatchTaint(&spotTaint) }) {
			t.Errorf("node %s has taints %v, want the pool's", node.Name, node.Spec.Taints)
		}
	}
}

func TestPrivilegedPodIsRefusedInRestrictedNamespace(t *testing.T) {
	s := newSession(t)
	template := podTemplate("ok:1")
	yes := true
	template.Spec.Containers[0].SecurityContext.Privileged = &yes
	template.Spec.Containers[0].SecurityContext.AllowPrivilegeEscalation = nil
	_, err := s.client.CoreV1().Pods(s.namespace).Create(s.ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "rooty"}, Spec: template.Spec,
	}, metav1.CreateOptions{})
	if !apierrors.IsForbidden(err) {
		t.Errorf("got %v, want a refusal by Pod Security admission", err)
	}
}

func TestDumpListsWhatUsersMade(t *testing.T) {
	s := newSession(t)
	s.must(s.client.CoreV1().ConfigMaps(s.namespace).Create(s.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "mine"}}, metav1.CreateOptions{}))
	s.eventually(10*time.Second, func() error {
		_, err := s.client.CoreV1().ConfigMaps(s.namespace).Get(s.ctx, "kube-root-ca.crt", metav1.GetOptions{})
		return err
	})
	all, err := shared.Dump(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range all {
		if o.Namespace == s.namespace || o.Name == s.namespace || o.Namespace == "default" {
			got = append(got, o.String())
		}
	}
	if want := []string{"ConfigMap " + s.namespace + "/mine", "Namespace " + s.namespace}; !slices.Equal(got, want) {
		t.Errorf("dump has %v, want %v", got, want)
	}
}

func TestClosedClusterLeavesNothing(t *testing.T) {
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Options{Name: "short", Bin: bin})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	plane, err := c.ControlPlane(ctx)
	if err != nil {
		t.Fatal(err)
	}
	children := slices.Clone(plane.processes.running)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for _, child := range children {
		select {
		case <-child.ended:
		default:
			t.Errorf("%s still runs", child.name)
		}
	}
	if _, err := c.ControlPlane(ctx); err == nil {
		t.Error("a closed cluster gives a control plane")
	}
}
