package kubernetes

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestPreemptionPicksNodes(t *testing.T) {
	var nodes []*corev1.Node
	for _, n := range []struct{ name, pool, mark string }{
		{"b", "spot", labelSpot}, {"a", "spot", labelSpot}, {"c", "old", labelPreemptible}, {"d", "base", ""},
	} {
		labels := map[string]string{labelNodePool: n.pool}
		if n.mark != "" {
			labels[n.mark] = "true"
		}
		nodes = append(nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n.name, Labels: labels}})
	}
	for _, test := range []struct {
		name     string
		p        Preemption
		want     string
		complain string
	}{
		{"all", Preemption{}, "a b c", ""},
		{"a pool", Preemption{Pool: "spot"}, "a b", ""},
		{"by name", Preemption{Nodes: []string{"b", "c"}}, "b c", ""},
		{"by name in a pool", Preemption{Pool: "old", Nodes: []string{"c"}}, "c", ""},
		{"a number", Preemption{Count: 2}, "a b", ""},
		{"a number of a pool", Preemption{Pool: "spot", Count: 1}, "a", ""},
		{"an on-demand node", Preemption{Nodes: []string{"a", "d"}}, "a", `"d"`},
		{"too many", Preemption{Pool: "spot", Count: 3}, "a b", "not 3"},
		{"a negative number", Preemption{Count: -1}, "a b c", "count -1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			picked := test.p.pick(nodes)
			var names []string
			for _, n := range picked {
				names = append(names, n.Name)
			}
			if got := strings.Join(names, " "); got != test.want {
				t.Errorf("picked %q, want %q", got, test.want)
			}
			err := test.p.missing(picked)
			if (err != nil) != (test.complain != "") || err != nil && !strings.Contains(err.Error(), test.complain) {
				t.Errorf("error %v, want one with %q", err, test.complain)
			}
		})
	}
}
