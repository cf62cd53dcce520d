package acctest_test

import (
	"context"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// spotNodes selects nodes by GKE's own label and by the one that twelvefactor_cluster puts there.
const spotNodes = "cloud.google.com/gke-spot=true,twelvefactor.dev/pool=spot"

func TestSharedClusterIsARealKubernetes(t *testing.T) {
	t.Parallel()
	first, cluster := acctest.SharedCluster(t)
	second, again := acctest.SharedCluster(t)
	if first.Fake != second.Fake || cluster != again {
		t.Error("the second test got a cluster of its own")
	}
	if first.Name("shop") == second.Name("shop") {
		t.Error("both tests got the same names")
	}
	client := first.Kubernetes(t, cluster)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for found := 0; found == 0; {
		nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: spotNodes})
		if err != nil {
			t.Fatalf("no Spot nodes appeared: %v", err)
		}
		if found = len(nodes.Items); found == 0 {
			_ = first.Clock.Sleep(ctx, 100*time.Millisecond) // the list reports that the context has ended
		}
	}
	if err := first.CheckNothingLeft(); err != nil {
		t.Errorf("the shared cluster counts as left: %v", err)
	}
}
