package gke

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

// portName is how Service and probes refer to the port of web.
const portName = "http"

func container(in Input, p process) (corev1.Container, error) {
	size, err := resources(p)
	if err != nil {
		return corev1.Container{}, err
	}
	c := corev1.Container{
		Name:            p.name,
		Image:           image(in),
		ImagePullPolicy: corev1.PullIfNotPresent, // tags are pinned, so what is on the node is right
		Command:         literal(p.Command),
		Args:            literal(p.Args),
		Env:             env(in, p),
		Resources:       size,
		StartupProbe:    probe(p.Startup, p.Port),
		LivenessProbe:   probe(p.Liveness, p.Port),
		ReadinessProbe:  probe(p.Readiness, p.Port),
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false),
			Privileged:               new(false),
			ReadOnlyRootFilesystem:   new(true),
			RunAsNonRoot:             new(true),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
	}
	if len(in.App.Config) > 0 {
		// Values that come from a ConfigMap are taken as they are; in a list of env, $(NAME) would be expanded.
		c.EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: configMapName(in.App)},
		}}}
	}
	if p.Port != 0 {
		c.Ports = []corev1.ContainerPort{{Name: portName, ContainerPort: int32(p.Port), Protocol: corev1.ProtocolTCP}}
	}
	return c, nil
}

// image is nobody's here where another tool deploys images: the field then belongs to that tool.
func image(in Input) string {
	if in.App.ImageIsExternal() {
		return ""
	}
	return in.App.Image
}

// literal keeps Kubernetes from expanding $(NAME) in commands: Cloud Run does not, and both mean the same here.
// Source: k8s.io/api/core/v1, Container.Command: "$$(VAR_NAME)" produces "$(VAR_NAME)"; in fact every "$$" becomes "$".
func literal(words []string) []string {
	var escaped []string
	for _, w := range words {
		escaped = append(escaped, strings.ReplaceAll(w, "$", "$$"))
	}
	return escaped
}

// env lists PORT, which both runtimes set, and the secrets by name.
func env(in Input, p process) []corev1.EnvVar {
	var vars []corev1.EnvVar
	if p.Port != 0 {
		vars = append(vars, corev1.EnvVar{Name: "PORT", Value: strconv.Itoa(p.Port)})
	}
	for _, name := range slices.Sorted(maps.Keys(in.App.Secrets)) {
		vars = append(vars, corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: SecretName(in.App)}, Key: name,
		}}})
	}
	return vars
}

// resources asks for CPU without limiting it: a limit makes a process wait for its next period though the node is
// idle, while the request already guarantees its share. Memory cannot be taken back, so what is asked for is the limit:
// a node never has more promised than it has.
func resources(p process) (corev1.ResourceRequirements, error) {
	cpu, err := quantity(p, "cpu", p.CPU)
	if err != nil {
		return corev1.ResourceRequirements{}, err
	}
	memory, err := quantity(p, "memory", p.Memory)
	if err != nil {
		return corev1.ResourceRequirements{}, err
	}
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: cpu, corev1.ResourceMemory: memory},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: memory},
	}, nil
}

func quantity(p process, attribute, value string) (resource.Quantity, error) {
	q, err := resource.ParseQuantity(value)
	if err != nil {
		return q, fmt.Errorf("rendering process %s: %s %+.60q: %w", p.name, attribute, value, err)
	}
	return q, nil
}

// scratch makes the declared paths writable, by path. What is written there is lost with the pod.
func scratch(p process) (volumes []corev1.Volume, mounts []corev1.VolumeMount, err error) {
	for i, path := range slices.Sorted(maps.Keys(p.Scratch)) {
		size, err := quantity(p, "scratch", p.Scratch[path])
		if err != nil {
			return nil, nil, err
		}
		name := "scratch-" + strconv.Itoa(i)
		volumes = append(volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
			EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &size},
		}})
		mounts = append(mounts, corev1.VolumeMount{Name: name, MountPath: path})
	}
	return volumes, mounts, nil
}

func probe(p *app.Probe, port int) *corev1.Probe {
	if p == nil {
		return nil
	}
	out := &corev1.Probe{
		PeriodSeconds:    int32(p.Period / time.Second),
		TimeoutSeconds:   int32(p.Timeout / time.Second),
		FailureThreshold: int32(p.FailureThreshold),
	}
	switch {
	case p.GRPC:
		out.GRPC = &corev1.GRPCAction{Port: int32(port), Service: new("")} // the port by number: a name is not allowed here
	case p.Path != "":
		out.HTTPGet = &corev1.HTTPGetAction{Path: p.Path, Port: intstr.FromString(portName)}
	default:
		out.TCPSocket = &corev1.TCPSocketAction{Port: intstr.FromString(portName)}
	}
	return out
}
