package gke

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// ServicePort is where other apps of the cluster reach web, whatever port it listens on.
const ServicePort = 80

func service(in Input, web app.Process) *corev1.Service {
	p := process{app.Web, web}
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: annotated(in, meta(in, names.KubeServiceName(in.App.Name), processLabels(in, p))),
		Spec: corev1.ServiceSpec{
			Type:     corev1.ServiceTypeClusterIP,
			Selector: selector(in, p),
			Ports: []corev1.ServicePort{{
				Name: webPortName, Port: ServicePort, TargetPort: intstr.FromString(webPortName), Protocol: corev1.ProtocolTCP,
			}},
			SessionAffinity: sessionAffinity(in),
		},
	}
}

// sessionAffinity is said either way, so that a change by hand shows.
func sessionAffinity(in Input) corev1.ServiceAffinity {
	if in.App.GKE.SessionAffinity {
		return corev1.ServiceAffinityClientIP
	}
	return corev1.ServiceAffinityNone
}

func serviceAccount(in Input) *corev1.ServiceAccount {
	m := meta(in, ServiceAccount(in.App), labels(in))
	m.Annotations = in.KSAAnnotations
	return &corev1.ServiceAccount{
		TypeMeta:                     metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
		ObjectMeta:                   m,
		AutomountServiceAccountToken: new(false),
	}
}

func autoscaler(in Input, p process) *autoscalingv2.HorizontalPodAutoscaler {
	name := names.Deployment(in.App.Name, p.name)
	return &autoscalingv2.HorizontalPodAutoscaler{
		TypeMeta:   metav1.TypeMeta{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler"},
		ObjectMeta: meta(in, name, processLabels(in, p)),
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: name},
			MinReplicas:    new(int32(p.Scale.Min)),
			MaxReplicas:    int32(p.Scale.Max),
			Metrics: []autoscalingv2.MetricSpec{{
				Type: autoscalingv2.ResourceMetricSourceType,
				Resource: &autoscalingv2.ResourceMetricSource{
					Name: corev1.ResourceCPU,
					Target: autoscalingv2.MetricTarget{
						Type: autoscalingv2.UtilizationMetricType, AverageUtilization: new(int32(p.Scale.CPUPercent)),
					},
				},
			}},
		},
	}
}

// disruptionBudget lets a drain take one pod at a time. A process that may be a single pod has none: its budget would
// hold up every drain of its node. Pods that are not ready may always be taken, or a crashing release would hold up
// drains too.
func disruptionBudget(in Input, p process) *policyv1.PodDisruptionBudget {
	return &policyv1.PodDisruptionBudget{
		TypeMeta:   metav1.TypeMeta{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"},
		ObjectMeta: meta(in, names.Deployment(in.App.Name, p.name), processLabels(in, p)),
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable:             new(intstr.FromInt32(1)),
			Selector:                   &metav1.LabelSelector{MatchLabels: selector(in, p)},
			UnhealthyPodEvictionPolicy: new(policyv1.AlwaysAllow),
		},
	}
}
