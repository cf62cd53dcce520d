package gke

import (
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

const (
	// WaitContainer is the init container that waits for the pod's identity.
	WaitContainer = "twelvefactor-wait-for-identity"
	scratchVolume = "scratch-"
)

// initContainers are what starts before a process, one after the other: the wait for the identity, which sidecars use
// too, and the sidecars in their order.
func initContainers(in Input, p process) (containers []corev1.Container, volumes []corev1.Volume, err error) {
	if w := in.App.GKE.IdentityWait; !w.Off {
		containers = append(containers, waitForIdentity(*w))
	}
	for _, name := range in.App.SidecarsOf(p.name) {
		c, more, err := sidecar(in, name, in.App.Sidecars[name])
		if err != nil {
			return nil, nil, err
		}
		containers, volumes = append(containers, c), append(volumes, more...)
	}
	return containers, volumes, nil
}

// sidecar renders a native sidecar: an init container that runs on. What comes after it starts when its startup check
// passes, or at once if it has none, and it ends after the process.
// Source: Kubernetes, "Sidecar Containers" (since 1.29).
func sidecar(in Input, name string, s app.Sidecar) (corev1.Container, []corev1.Volume, error) {
	of := "sidecar " + name
	size, err := resources(of, s.CPU, s.Memory)
	if err != nil {
		return corev1.Container{}, nil, err
	}
	volumes, mounts, err := scratch(of, scratchVolume+name+"-", s.Scratch)
	if err != nil {
		return corev1.Container{}, nil, err
	}
	port := intstr.FromInt(s.Port)
	c := corev1.Container{
		Name:            name,
		Image:           s.Image,
		ImagePullPolicy: corev1.PullIfNotPresent,
		RestartPolicy:   new(corev1.ContainerRestartPolicyAlways),
		Command:         literal(s.Command),
		Args:            literal(s.Args),
		Env:             sidecarEnv(in, name, s),
		Resources:       size,
		StartupProbe:    probe(s.Startup, s.Port, port),
		LivenessProbe:   probe(s.Liveness, s.Port, port),
		ReadinessProbe:  probe(s.Readiness, s.Port, port),
		SecurityContext: restricted(),
		VolumeMounts:    mounts,
	}
	if s.Port != 0 {
		// Without a name: the Service finds the port of web by it, in whichever container.
		c.Ports = []corev1.ContainerPort{{ContainerPort: int32(s.Port), Protocol: corev1.ProtocolTCP}}
	}
	return c, volumes, nil
}

// sidecarEnv lists config and secrets, each by name. Values are written out, not kept in a ConfigMap: they belong to one
// container, and the release tells when they change.
func sidecarEnv(in Input, name string, s app.Sidecar) []corev1.EnvVar {
	var vars []corev1.EnvVar
	for _, env := range slices.Sorted(maps.Keys(s.Config)) {
		vars = append(vars, corev1.EnvVar{Name: env, Value: literal([]string{s.Config[env]})[0]})
	}
	return append(vars, secretEnv(in, name)...)
}

// identityURL is what client libraries ask; by address, because a name server may be late, too.
// Source: GKE documentation, "Troubleshoot authentication to Google Cloud from pods", an init container with the same request.
const identityURL = "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token"

// waitForIdentity asks for a token until there is one: GKE's metadata server does not answer a pod in its first seconds,
// and libraries that do not try again fail then (googleapis/google-cloud-go#14349). The token goes nowhere. What stands
// last in its log is the message that the pod shows. Each request is bounded by timeout, because not every busybox has -T
// (Debian's crashes with it) and GNU wget would try again by itself. A shell that is process 1 ignores the signal to end
// unless it has a trap, and runs that only while it waits.
func waitForIdentity(w app.IdentityWait) corev1.Container {
	size := corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("16Mi")}
	requests := maps.Clone(size)
	requests[corev1.ResourceCPU] = resource.MustParse("10m")
	script := fmt.Sprintf("trap 'kill $!; exit 143' TERM; "+
		"timeout %[1]d sh -c \"until timeout 3 wget -q -O /dev/null --header 'Metadata-Flavor: Google' %[2]s; do sleep 1; done\" & "+
		"wait $! || { echo 'no identity within %[1]d seconds: see the gke-metadata-server pod of this node in kube-system' >&2; exit 1; }",
		w.Timeout/time.Second, identityURL)
	return corev1.Container{
		Name:                     WaitContainer,
		Image:                    w.Image,
		ImagePullPolicy:          corev1.PullIfNotPresent,
		Command:                  literal([]string{"sh", "-c", script}),
		Resources:                corev1.ResourceRequirements{Requests: requests, Limits: size},
		SecurityContext:          restricted(),
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}
}
