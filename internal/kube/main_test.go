package kube_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	corev1 "k8s.io/api/core/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp/kubernetes"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
)

// cluster is the one real Kubernetes of this package's tests: each test has a namespace of its own.
var cluster *kubernetes.Cluster

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	bin, err := programs()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	images := map[string]kubernetes.Behaviour{
		"missing:1": {Missing: true},
		"crash:1":   {Exits: true, ExitCode: 3},
		"deaf:1":    {NeverReady: true},
	}
	cluster, err = kubernetes.New(kubernetes.Options{
		Name: "dev", Bin: bin, Secret: mayRead, ReadOnlyToken: readOnly, Behaviour: func(image string) kubernetes.Behaviour { return images[image] },
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	pools := []kubernetes.NodePool{nodePool("base", 1)}
	for _, of := range drainTests {
		for _, pool := range []string{of + "-old", of + "-new"} {
			pools = append(pools, nodePool(pool, 2))
			last := &pools[len(pools)-1]
			last.Labels = map[string]string{"drain": of}
			last.Taints = []corev1.Taint{{Key: "drain", Value: of, Effect: corev1.TaintEffectNoSchedule}}
		}
	}
	cluster.SetNodePools(pools)
	cluster.SetSecretManager(true)
	code := m.Run()
	if err := cluster.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// readOnly is the token of somebody who may only look.
const readOnly = "reader"

func nodePool(name string, nodes int) kubernetes.NodePool {
	return kubernetes.NodePool{
		Name: name, Region: "asia-northeast1", Zones: []string{"asia-northeast1-a"}, MachineType: "e2-standard-4",
		Version: "1.36.3-gke.1", NodesPerZone: nodes,
	}
}

func programs() (string, error) {
	if bin := os.Getenv("TWELVEFACTOR_KUBERNETES_BIN"); bin != "" {
		return bin, nil
	}
	command := exec.Command("../../tools/build.sh", "kubernetes")
	command.Stderr = os.Stderr
	bin, err := command.Output()
	return strings.TrimSpace(string(bin)), err
}

// live gives a client of the real Kubernetes and a new restricted namespace.
func live(t *testing.T) (*kube.Client, string) {
	t.Helper()
	client := as(t, "admin")
	namespace := fmt.Sprintf("t%d", time.Now().UnixNano())
	obj := parse(t, `
apiVersion: v1
kind: Namespace
metadata:
  name: `+namespace+`
  labels: {pod-security.kubernetes.io/enforce: restricted, pod-security.kubernetes.io/warn: restricted}
`)
	if _, _, err := client.Apply(t.Context(), obj, kube.ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	return client, namespace
}

// as is a client of the real Kubernetes with a token.
func as(t *testing.T, token string) *kube.Client {
	t.Helper()
	return connect(t, kube.Config{
		Endpoint: cluster.Endpoint(), CACertificate: cluster.CACertificate(), PollInterval: 100 * time.Millisecond,
		Token: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token}),
	})
}
