package kubernetes

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Labels that GKE puts on nodes.
const (
	labelNodePool    = "cloud.google.com/gke-nodepool"
	labelSpot        = "cloud.google.com/gke-spot"
	labelPreemptible = "cloud.google.com/gke-preemptible"
)

// annotationPreempted keeps kwok (stages.yaml) from making a node ready again.
const annotationPreempted = "fakegcp/preempted"

// annotationDrained marks a node that leaves in order, so that it goes on doing so after a restart.
const annotationDrained = "fakegcp/drained"

// taintTermination is what GKE puts on a node that is about to be taken away.
var taintTermination = corev1.Taint{Key: "cloud.google.com/impending-node-termination", Effect: corev1.TaintEffectNoSchedule}

// labels are the labels of a pool's nodes in a zone, without the host name.
func (p NodePool) labels(zone string) map[string]string {
	family, _, _ := strings.Cut(p.MachineType, "-")
	all := map[string]string{
		labelNodePool:                                  p.Name,
		"cloud.google.com/gke-boot-disk":               "pd-balanced",
		"cloud.google.com/gke-container-runtime":       "containerd",
		"cloud.google.com/gke-max-pods-per-node":       fmt.Sprint(podsPerNode),
		"cloud.google.com/gke-os-distribution":         "cos",
		"cloud.google.com/gke-provisioning":            "standard",
		"cloud.google.com/machine-family":              family,
		corev1.LabelArchStable:                         "amd64",
		corev1.LabelOSStable:                           "linux",
		corev1.LabelInstanceType:                       p.MachineType,
		corev1.LabelInstanceTypeStable:                 p.MachineType,
		corev1.LabelTopologyRegion:                     p.Region,
		corev1.LabelTopologyZone:                       zone,
		corev1.LabelFailureDomainBetaRegion:            p.Region,
		corev1.LabelFailureDomainBetaZone:              zone,
		"topology.gke.io/zone":                         zone,
		"cloud.google.com/gke-cpu-scaling-level":       fmt.Sprint(machineOf(p.MachineType).milliCPU / 1000),
		"cloud.google.com/gke-memory-gb-scaling-level": fmt.Sprint(machineOf(p.MachineType).memoryMiB >> 10),
	}
	switch {
	case p.Spot:
		all[labelSpot] = "true"
		all["cloud.google.com/gke-provisioning"] = "spot"
	case p.Preemptible:
		all[labelPreemptible] = "true"
		all["cloud.google.com/gke-provisioning"] = "preemptible"
	}
	if p.MetadataServer {
		all["iam.gke.io/gke-metadata-server-enabled"] = "true"
	}
	maps.Copy(all, p.Labels)
	return all
}

// node is a new node of a pool, not ready yet.
func (p NodePool) node(name, zone, address string) *corev1.Node {
	labels := p.labels(zone)
	labels[corev1.LabelHostname] = name
	size := machineOf(p.MachineType)
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:        name,
			Labels:      labels,
			Annotations: map[string]string{annotationDeclared: p.declaration(zone).annotation()},
		},
		Spec: corev1.NodeSpec{Taints: p.Taints},
		Status: corev1.NodeStatus{
			Capacity:    size.capacity(),
			Allocatable: size.allocatable(),
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: address},
				{Type: corev1.NodeHostName, Address: name},
			},
			NodeInfo: corev1.NodeSystemInfo{
				Architecture:            "amd64",
				OperatingSystem:         "linux",
				OSImage:                 "Container-Optimized OS from Google",
				ContainerRuntimeVersion: "containerd://2.1.5",
				KubeletVersion:          "v" + p.Version,
			},
		},
	}
}

// Bounds of the parts of an instance's name, so that it stays a host name. Seen in recorded names of instance groups:
// gke-cluster-sample-f-nodepool-sample--46bcc89e-grp.
const (
	clusterPart = 18
	poolPart    = 16
)

// instancePrefix is what the names of a pool's nodes have in common.
func instancePrefix(cluster, pool string) string {
	sum := sha256.Sum256([]byte(cluster + "/" + pool))
	return fmt.Sprintf("gke-%s-%s-%s-", cut(cluster, clusterPart), cut(pool, poolPart), hex.EncodeToString(sum[:4]))
}

func cut(s string, to int) string { return s[:min(len(s), to)] }

func nodeAddress(node *corev1.Node) string {
	for _, a := range node.Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			return a.Address
		}
	}
	return ""
}

func isPreempted(node *corev1.Node) bool { return node.Annotations[annotationPreempted] != "" }
