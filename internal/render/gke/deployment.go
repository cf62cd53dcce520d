package gke

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

const (
	// revisionHistory is how many releases a Deployment can be rolled back to; their ConfigMaps and Secrets are kept.
	revisionHistory = 5
	// progressDeadline is in seconds. It covers a node that the cluster has to add first (usually two to four minutes).
	progressDeadline = 600
	// settled is how many seconds a pod that nothing checks has to run before it counts. Without it a container is ready
	// as soon as it is started, and one that crashes a moment later would have replaced the pods before.
	settled = 10
)

func deployment(in Input, p process) (*appsv1.Deployment, error) {
	pod, err := podSpec(in, p)
	if err != nil {
		return nil, err
	}
	l := processLabels(in, p)
	l[names.KubeRelease] = app.ReleaseID(in.App)
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: annotated(in, meta(in, names.Deployment(in.App.Name, p.name), l)),
		Spec: appsv1.DeploymentSpec{
			Replicas:                replicas(p),
			Selector:                &metav1.LabelSelector{MatchLabels: selector(in, p)},
			RevisionHistoryLimit:    new(int32(revisionHistory)),
			ProgressDeadlineSeconds: new(int32(progressDeadline)),
			MinReadySeconds:         minReady(in, p),
			Strategy:                rollingUpdate(),
			Template: corev1.PodTemplateSpec{
				ObjectMeta: annotated(in, metav1.ObjectMeta{Labels: podLabels(in, p)}),
				Spec:       pod,
			},
		},
	}, nil
}

// replicas belongs to the autoscaler where there is one: declaring it here would scale back at every apply.
func replicas(p process) *int32 {
	if p.autoscaled() {
		return nil
	}
	return new(int32(p.Scale.Min))
}

// rollingUpdate never takes a serving pod away before its successor is ready. A quarter, rounded up, is at least one.
func rollingUpdate() appsv1.DeploymentStrategy {
	return appsv1.DeploymentStrategy{
		Type: appsv1.RollingUpdateDeploymentStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDeployment{
			MaxUnavailable: new(intstr.FromInt32(0)),
			MaxSurge:       new(intstr.FromString("25%")),
		},
	}
}

// minReady is for pods in which a container, a sidecar too, has no readiness check.
func minReady(in Input, p process) int32 {
	if p.Readiness == nil {
		return settled
	}
	for _, name := range in.App.SidecarsOf(p.name) {
		if in.App.Sidecars[name].Readiness == nil {
			return settled
		}
	}
	return 0
}
