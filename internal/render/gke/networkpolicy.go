package gke

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

// Addresses on the node that every pod needs.
// Sources: Google Cloud, "Control communication between Pods and Services using network policies" (Workload Identity:
// 169.254.169.252 on 987 and 988 since 1.21, with Dataplane V2 169.254.169.254 on 80 and 8080); "Set up NodeLocal DNSCache"
// (169.254.20.10, and the address of the DNS Service, which the cache answers at too); "Use Cloud DNS for GKE"
// (169.254.169.254 as the name server).
const (
	nodeLocalDNS   = "169.254.20.10/32"
	metadataServer = "169.254.169.254/32" // Cloud DNS answers there, too
	metadataDaemon = "169.254.169.252/32"
)

// namespaceName is the label that Kubernetes itself puts on every namespace.
const namespaceName = "kubernetes.io/metadata.name"

// networkPolicy denies what it does not list: the pods of the namespace among themselves, DNS, the metadata server that
// Workload Identity asks, and what is declared. Kubernetes always lets a node reach the pods on it, so probes pass.
func networkPolicy(in NamespaceInput) (*networkingv1.NetworkPolicy, error) {
	everyPod := networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{}}
	spec := networkingv1.NetworkPolicySpec{
		PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
		Ingress:     []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{everyPod}}},
		Egress: []networkingv1.NetworkPolicyEgressRule{
			{To: []networkingv1.NetworkPolicyPeer{everyPod}},
			{To: dnsServers(in.ServiceRanges), Ports: []networkingv1.NetworkPolicyPort{port(corev1.ProtocolUDP, 53), port(corev1.ProtocolTCP, 53)}},
			{To: ranges(metadataServer), Ports: []networkingv1.NetworkPolicyPort{port(corev1.ProtocolTCP, 80), port(corev1.ProtocolTCP, 8080)}},
			{To: ranges(metadataDaemon), Ports: []networkingv1.NetworkPolicyPort{port(corev1.ProtocolTCP, 987), port(corev1.ProtocolTCP, 988)}},
		},
	}
	network := app.NamespaceNetwork{}
	if in.Declared.Network != nil {
		network = *in.Declared.Network
	}
	for _, text := range slices.Sorted(slices.Values(network.IngressFrom)) {
		peer, ports, err := allowed(text)
		if err != nil {
			return nil, err
		}
		spec.Ingress = append(spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: peer, Ports: ports})
	}
	for _, text := range slices.Sorted(slices.Values(network.EgressTo)) {
		peer, ports, err := allowed(text)
		if err != nil {
			return nil, err
		}
		spec.Egress = append(spec.Egress, networkingv1.NetworkPolicyEgressRule{To: peer, Ports: ports})
	}
	return &networkingv1.NetworkPolicy{
		TypeMeta: metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"}, ObjectMeta: in.meta(), Spec: spec,
	}, nil
}

// dnsServers are kube-dns and the cache on the node, as pods and by address: which of these a policy sees depends on how
// the cluster forwards.
func dnsServers(serviceRanges []string) []networkingv1.NetworkPolicyPeer {
	pods := networkingv1.NetworkPolicyPeer{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{namespaceName: "kube-system"}},
		PodSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: "k8s-app", Operator: metav1.LabelSelectorOpIn, Values: []string{"kube-dns", "node-local-dns"}},
		}},
	}
	return append([]networkingv1.NetworkPolicyPeer{pods}, ranges(slices.Concat([]string{nodeLocalDNS, metadataServer}, serviceRanges)...)...)
}

func allowed(text string) ([]networkingv1.NetworkPolicyPeer, []networkingv1.NetworkPolicyPort, error) {
	peer, err := app.ParsePeer(text)
	if err != nil {
		return nil, nil, err
	}
	var ports []networkingv1.NetworkPolicyPort
	if peer.Port != 0 {
		ports = append(ports, port(corev1.ProtocolTCP, int32(peer.Port)))
	}
	if peer.CIDR != "" {
		return ranges(peer.CIDR), ports, nil
	}
	return []networkingv1.NetworkPolicyPeer{{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{namespaceName: peer.Namespace}},
	}}, ports, nil
}

func ranges(cidrs ...string) []networkingv1.NetworkPolicyPeer {
	var peers []networkingv1.NetworkPolicyPeer
	for _, cidr := range cidrs {
		peers = append(peers, networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: cidr}})
	}
	return peers
}

func port(protocol corev1.Protocol, number int32) networkingv1.NetworkPolicyPort {
	return networkingv1.NetworkPolicyPort{Protocol: &protocol, Port: new(intstr.FromInt32(number))}
}
