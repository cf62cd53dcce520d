package kubernetes

import (
	"fmt"
	"net"
	"path/filepath"
)

// Programs are the file names that a directory of binaries must hold.
var Programs = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"}

// serviceRange is where Services get their addresses from; GKE's range for clusters that do not choose one.
const serviceRange = "34.118.224.0/20"

// files are the paths inside a control plane's directory.
type files struct{ dir string }

func (f files) in(name string) string   { return filepath.Join(f.dir, name) }
func (f files) authority() string       { return f.in("ca.crt") }
func (f files) certificate() string     { return f.in("apiserver.crt") }
func (f files) certificateKey() string  { return f.in("apiserver.key") }
func (f files) serviceAccount() string  { return f.in("service-account.key") }
func (f files) tokens() string          { return f.in("tokens.csv") }
func (f files) admin() string           { return f.in("admin.kubeconfig") }
func (f files) schedulerConfig() string { return f.in("scheduler.yaml") }
func (f files) stages() string          { return f.in("stages.yaml") }

// ports are free ports on the loopback address.
type ports struct{ etcd, etcdPeer, apiserver int }

// freePorts asks the system for ports and gives them back, so another process may take one before the child listens:
// the caller then tries again with others.
func freePorts() (ports, error) {
	var found [3]int
	for i := range found {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return ports{}, fmt.Errorf("find a free port on 127.0.0.1: %w", err)
		}
		defer func() { _ = l.Close() }() // all stay open until the last is found, so that they differ
		if address, ok := l.Addr().(*net.TCPAddr); ok {
			found[i] = address.Port
		}
	}
	return ports{found[0], found[1], found[2]}, nil
}

func local(port int) string { return fmt.Sprintf("http://127.0.0.1:%d", port) }

func etcdFlags(f files, p ports) []string {
	peer := local(p.etcdPeer)
	return []string{
		"--data-dir=" + f.in("etcd"),
		"--listen-client-urls=" + local(p.etcd),
		"--advertise-client-urls=" + local(p.etcd),
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=default=" + peer,
		"--unsafe-no-fsync",
		"--log-level=warn",
	}
}

func apiserverFlags(f files, p ports) []string {
	return []string{
		"--etcd-servers=" + local(p.etcd),
		fmt.Sprintf("--secure-port=%d", p.apiserver),
		"--bind-address=127.0.0.1",
		"--tls-cert-file=" + f.certificate(),
		"--tls-private-key-file=" + f.certificateKey(),
		"--cert-dir=" + f.in("certificates"),
		"--token-auth-file=" + f.tokens(),
		"--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + f.serviceAccount(),
		"--service-account-signing-key-file=" + f.serviceAccount(),
		"--service-cluster-ip-range=" + serviceRange,
		"--allow-privileged=true",
	}
}

func controllerManagerFlags(f files) []string {
	return []string{
		"--kubeconfig=" + f.admin(),
		"--root-ca-file=" + f.authority(),
		"--service-account-private-key-file=" + f.serviceAccount(),
		"--use-service-account-credentials=false",
		"--controllers=*,-nodeipam,-cloud-node-lifecycle",
		"--leader-elect=false",
		"--secure-port=0",
		// The defaults (20, 30; 15s) make a test wait for a controller that has nothing else to do.
		"--kube-api-qps=200",
		"--kube-api-burst=400",
		"--horizontal-pod-autoscaler-sync-period=3s",
	}
}

func schedulerFlags(f files) []string {
	return []string{"--config=" + f.schedulerConfig(), "--secure-port=0"}
}

// schedulerConfig tries a pod again soon after it did not fit: with the default back-off of up to ten seconds a pod would
// wait longer for the scheduler than for its new node.
func schedulerConfig(f files) string {
	return fmt.Sprintf(`apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection: {kubeconfig: %q, qps: 200, burst: 400}
leaderElection: {leaderElect: false}
podInitialBackoffSeconds: 1
podMaxBackoffSeconds: 1
`, f.admin())
}

func kwokFlags(f files) []string {
	return []string{"--kubeconfig=" + f.admin(), "--config=" + f.stages(), "--manage-all-nodes"}
}
