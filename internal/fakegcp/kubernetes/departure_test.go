package kubernetes

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestPreemptionTakesAvailabilityAtOnceAndItComesBack(t *testing.T) {
	s := newSession(t)
	s.deployment("ok:1", 3, onSpot)
	s.eventually(time.Minute, s.available(3))
	old := map[string]bool{}
	for _, pod := range s.pods() {
		old[pod.Spec.NodeName] = true
	}
	begin := time.Now()
	if err := shared.Preempt(s.ctx, Preemption{Pool: "spot"}); err != nil {
		t.Fatal(err)
	}
	s.eventually(2*time.Second, s.available(0))
	t.Logf("no replica available after %s", time.Since(begin))
	s.eventually(30*time.Second, s.available(3))
	t.Logf("three replicas available after %s", time.Since(begin))
	for _, pod := range s.pods() {
		if old[pod.Spec.NodeName] && pod.DeletionTimestamp == nil {
			t.Errorf("pod %s is still on the preempted node %s", pod.Name, pod.Spec.NodeName)
		}
	}
	s.eventually(10*time.Second, func() error {
		for node := range old {
			if _, err := s.client.CoreV1().Nodes().Get(s.ctx, node, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				return fmt.Errorf("node %s is still there (%w)", node, cmp.Or(err, errNotYet))
			}
		}
		return nil
	})
}

func TestStockoutKeepsPreemptedNodesAway(t *testing.T) {
	s := newSession(t)
	s.deployment("ok:1", 1, onSpot)
	s.eventually(time.Minute, s.available(1))
	shared.SetStockout("", true)
	defer shared.SetStockout("", false)
	if err := shared.Preempt(s.ctx, Preemption{}); err != nil {
		t.Fatal(err)
	}
	s.eventually(10*time.Second, func() error {
		if n := shared.NodeCounts()["spot"]; n != 0 {
			return fmt.Errorf("%d Spot nodes", n)
		}
		return nil
	})
	s.eventually(10*time.Second, s.available(0))
	if n := shared.NodeCounts()["base"]; n != 1 {
		t.Errorf("%d on-demand nodes after the preemption, want 1", n)
	}
	shared.SetStockout("", false)
	s.eventually(30*time.Second, s.available(1))
}

func TestNodesFollowTheirPoolAndKeepWhatOthersPutThere(t *testing.T) {
	s := newSession(t)
	base := func() *corev1.Node {
		list, err := s.client.CoreV1().Nodes().List(s.ctx, metav1.ListOptions{LabelSelector: labelNodePool + "=base"})
		if err != nil || len(list.Items) != 1 {
			t.Fatalf("%d nodes (%v), want one", len(list.Items), err)
		}
		return &list.Items[0]
	}
	s.eventually(time.Minute, func() error {
		if shared.NodeCounts()["base"] != 1 {
			return errNotYet
		}
		node := base()
		node.Labels["mine"] = "yes"
		_, err := s.client.CoreV1().Nodes().Update(s.ctx, node, metav1.UpdateOptions{})
		return err
	})
	if zones := shared.NodeZones()["base"]; len(zones) != 1 || zones[base().Labels[corev1.LabelTopologyZone]] != 1 {
		t.Errorf("nodes of the pool by zone: %v, want one where the node says that it is", zones)
	}
	pool := basePool()
	pool.Labels = map[string]string{"team": "other"}
	shared.SetNodePools([]NodePool{pool, spotPool()})
	s.eventually(10*time.Second, func() error {
		if node := base(); node.Labels["team"] != "other" || node.Labels["mine"] != "yes" {
			return fmt.Errorf("labels %v", node.Labels)
		}
		return nil
	})
	shared.SetNodePools([]NodePool{basePool(), spotPool()})
	s.eventually(10*time.Second, func() error {
		if node := base(); node.Labels["team"] != "" || node.Labels["mine"] != "yes" {
			return fmt.Errorf("labels %v", node.Labels)
		}
		return nil
	})
}
