// Package kubernetes runs the Kubernetes control plane behind one fake GKE cluster.
//
// etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok are the real programs, started as children of
// this process when the first connection to the cluster's endpoint arrives. There are no machines: kwok keeps the Node
// objects alive, and what kubelets do to pods this package plays (kubelet.go): a pod's fate is a property of its image,
// told by Options.Behaviour. What GKE adds around Kubernetes is here too: nodes of node pools with GKE's labels and
// taints, an autoscaler, preemption, a TLS endpoint with the cluster's own certificate authority.
//
// Limits: containers run no code, so probes pass unless the image is never ready, exec, attach and port-forward fail, and
// logs are a few made-up lines. Services have no network. There is no metrics server: an HPA holds its minimum. Nodes are
// added when pods need them and never removed for being idle.
package kubernetes
