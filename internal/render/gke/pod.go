package gke

import (
	corev1 "k8s.io/api/core/v1"
)

// nonRoot is the user and group that containers run as: "nonroot" of the distroless images, and no user of the node.
const nonRoot = 65532

// podSpec follows the Pod Security Standard "restricted". Beyond it: a fixed user, a read-only root filesystem, and no
// Kubernetes token, because Workload Identity asks the metadata server instead.
// Source: Kubernetes, "Pod Security Standards".
func podSpec(in Input, p process) (corev1.PodSpec, error) {
	c, err := container(in, p)
	if err != nil {
		return corev1.PodSpec{}, err
	}
	volumes, mounts, err := scratch("process "+p.name, scratchVolume, p.Scratch)
	if err != nil {
		return corev1.PodSpec{}, err
	}
	fileVolumes, fileMounts := files(in)
	volumes, c.VolumeMounts = append(volumes, fileVolumes...), append(mounts, fileMounts...)
	first, more, err := initContainers(in, p)
	if err != nil {
		return corev1.PodSpec{}, err
	}
	spec := corev1.PodSpec{
		ServiceAccountName:           ServiceAccount(in.App),
		AutomountServiceAccountToken: new(false),
		// Without this Kubernetes adds variables for every Service of the namespace, which are nobody's config.
		EnableServiceLinks:            new(false),
		TerminationGracePeriodSeconds: new(int64(p.ShutdownGrace.Seconds())),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot:   new(true),
			RunAsUser:      new(int64(nonRoot)),
			RunAsGroup:     new(int64(nonRoot)),
			FSGroup:        new(int64(nonRoot)),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		InitContainers:            first,
		Containers:                []corev1.Container{c},
		Volumes:                   append(volumes, more...),
		TopologySpreadConstraints: spread(in, p),
	}
	place(&spec, p, in.App.GKE.Capacity)
	return spec, nil
}
