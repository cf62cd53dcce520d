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

// How Service and probes refer to the port of a process.
const (
	webPortName    = "http"
	healthPortName = "health" // of a worker, which takes no requests
)

func portName(process string) string {
	if process == app.Web {
		return webPortName
	}
	return healthPortName
}

func container(in Input, p process) (corev1.Container, error) {
	size, err := resources("process "+p.name, p.CPU, p.Memory)
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
		StartupProbe:    probe(p.Startup, p.Port, intstr.FromString(portName(p.name))),
		LivenessProbe:   probe(p.Liveness, p.Port, intstr.FromString(portName(p.name))),
		ReadinessProbe:  probe(p.Readiness, p.Port, intstr.FromString(portName(p.name))),
		SecurityContext: restricted(),
		Lifecycle:       lifecycle(p),
	}
	if len(in.App.Config) > 0 {
		// Values that come from a ConfigMap are taken as they are; in a list of env, $(NAME) would be expanded.
		c.EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: configMapName(in.App)},
		}}}
	}
	if p.Port != 0 {
		c.Ports = []corev1.ContainerPort{{Name: portName(p.name), ContainerPort: int32(p.Port), Protocol: corev1.ProtocolTCP}}
	}
	return c, nil
}

// restricted is what every container of a pod is held to: see podSpec.
func restricted() *corev1.SecurityContext {
	return &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false),
		Privileged:               new(false),
		ReadOnlyRootFilesystem:   new(true),
		RunAsNonRoot:             new(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}

// maxDrain is how long web goes on serving after its end was decided: until then load balancers and the other nodes
// have heard that requests go elsewhere.
const maxDrain = 5 * time.Second

// lifecycle delays the signal to end for web, because endpoints are withdrawn while the kubelet ends the pod, not before.
// The delay counts towards the termination grace period, which is all that a preempted Spot node leaves: so it is a third
// of that at most, and the process keeps the rest.
// Source: Kubernetes, "Pod Lifecycle", "Pod Termination"; k8s.io/api/core/v1, SleepAction (on since Kubernetes 1.30).
func lifecycle(p process) *corev1.Lifecycle {
	seconds := int64(min(maxDrain, p.ShutdownGrace/3) / time.Second)
	if p.name != app.Web || seconds == 0 {
		return nil
	}
	return &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: seconds}}}
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
	return append(vars, secretEnv(in, "")...)
}

// secretEnv lists the secrets of the processes, or of a sidecar, by name.
func secretEnv(in Input, sidecar string) []corev1.EnvVar {
	var vars []corev1.EnvVar
	for _, use := range app.SecretUses(in.App) {
		if use.Sidecar == sidecar {
			vars = append(vars, corev1.EnvVar{Name: use.Env, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
				LocalObjectReference: corev1.LocalObjectReference{Name: SecretName(in.App)}, Key: use.Key,
			}}})
		}
	}
	return vars
}

// resources asks for CPU without limiting it: a limit makes a process wait for its next period though the node is
// idle, while the request already guarantees its share. Memory cannot be taken back, so what is asked for is the limit:
// a node never has more promised than it has.
func resources(of, cpuQuantity, memoryQuantity string) (corev1.ResourceRequirements, error) {
	cpu, err := quantity(of, "cpu", cpuQuantity)
	if err != nil {
		return corev1.ResourceRequirements{}, err
	}
	memory, err := quantity(of, "memory", memoryQuantity)
	if err != nil {
		return corev1.ResourceRequirements{}, err
	}
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: cpu, corev1.ResourceMemory: memory},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: memory},
	}, nil
}

func quantity(of, attribute, value string) (resource.Quantity, error) {
	q, err := resource.ParseQuantity(value)
	if err != nil {
		return q, fmt.Errorf("rendering %s: %s %+.60q: %w", of, attribute, value, err)
	}
	return q, nil
}

// scratch makes the declared paths writable, by path; prefix begins the names of the volumes. What is written there is
// lost with the pod.
func scratch(of, prefix string, sizes map[string]string) (volumes []corev1.Volume, mounts []corev1.VolumeMount, err error) {
	for i, path := range slices.Sorted(maps.Keys(sizes)) {
		size, err := quantity(of, "scratch", sizes[path])
		if err != nil {
			return nil, nil, err
		}
		name := prefix + strconv.Itoa(i)
		volumes = append(volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
			EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &size},
		}})
		mounts = append(mounts, corev1.VolumeMount{Name: name, MountPath: path})
	}
	return volumes, mounts, nil
}

// probe asks the port under the name that it has in the container, or by number.
func probe(p *app.Probe, port int, named intstr.IntOrString) *corev1.Probe {
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
		out.GRPC = &corev1.GRPCAction{Port: int32(port), Service: new(p.GRPCService)} // the port by number: a name is not allowed here
	case p.Path != "":
		out.HTTPGet = &corev1.HTTPGetAction{Path: p.Path, Port: named}
	default:
		out.TCPSocket = &corev1.TCPSocketAction{Port: named}
	}
	return out
}
