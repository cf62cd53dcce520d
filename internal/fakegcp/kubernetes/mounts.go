package kubernetes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// PodIdentity is who a pod is to Google Cloud.
type PodIdentity struct {
	Namespace, ServiceAccount string
	// GoogleAccount is the email in the service account's annotation iam.gke.io/gcp-service-account, empty without.
	GoogleAccount string
}

// googleAccountAnnotation has the Google service account that a Kubernetes one impersonates.
const googleAccountAnnotation = "iam.gke.io/gcp-service-account"

// mountPod tells why a volume of a pod cannot be mounted, as kubelets say it in an event; "" when all can.
func (k *kubelet) mountPod(ctx context.Context, pod *corev1.Pod) string {
	if len(pod.Status.ContainerStatuses) > 0 && slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return hasRun(pod, c.Name) }) {
		return "" // mounted when it started
	}
	for _, volume := range pod.Spec.Volumes {
		if why := k.mount(ctx, pod, volume); why != "" {
			return fmt.Sprintf("MountVolume.SetUp failed for volume %q : %s", volume.Name, why)
		}
	}
	return ""
}

func (k *kubelet) mount(ctx context.Context, pod *corev1.Pod, volume corev1.Volume) string {
	var refs []configReference
	add := func(kind, name string, optional *bool) {
		if optional == nil || !*optional {
			refs = append(refs, configReference{kind: kind, name: name})
		}
	}
	switch source := volume.VolumeSource; {
	case source.ConfigMap != nil:
		add(configMapKind, source.ConfigMap.Name, source.ConfigMap.Optional)
	case source.Secret != nil:
		add(secretKind, source.Secret.SecretName, source.Secret.Optional)
	case source.Projected != nil:
		for _, p := range source.Projected.Sources {
			if p.ConfigMap != nil {
				add(configMapKind, p.ConfigMap.Name, p.ConfigMap.Optional)
			}
			if p.Secret != nil {
				add(secretKind, p.Secret.Name, p.Secret.Optional)
			}
		}
	case source.CSI != nil && source.CSI.Driver == SecretsDriver:
		return k.mountSecrets(ctx, pod, source.CSI.VolumeAttributes["secretProviderClass"])
	case source.CSI != nil:
		return driverMissing(source.CSI.Driver)
	}
	for _, ref := range refs {
		if err := k.find(ctx, pod.Namespace, ref); err != nil {
			return err.Error()
		}
	}
	return ""
}

func driverMissing(driver string) string {
	return fmt.Sprintf("kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name %s not found in the list of registered CSI drivers", driver)
}

// mountSecrets does what the driver of the Secret Manager add-on and Google's provider for it do. Sources of the texts:
// kubernetes-sigs/secrets-store-csi-driver, pkg/secrets-store/nodeserver.go;
// GoogleCloudPlatform/secrets-store-csi-driver-provider-gcp, server/server.go.
func (k *kubelet) mountSecrets(ctx context.Context, pod *corev1.Pod, class string) string {
	if !k.secretManager() {
		return driverMissing(SecretsDriver)
	}
	var found struct {
		Spec struct {
			Provider   string            `json:"provider"`
			Parameters map[string]string `json:"parameters"`
		} `json:"spec"`
	}
	encoded, err := k.client.CoreV1().RESTClient().Get().
		AbsPath("/apis/" + secretsGroup + "/v1/namespaces/" + pod.Namespace + "/secretproviderclasses/" + class).DoRaw(ctx)
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Sprintf("rpc error: code = Unknown desc = failed to get secretproviderclass %s/%s, error: SecretProviderClass.%s %q not found",
			pod.Namespace, class, secretsGroup, class)
	case err != nil:
		return "the API server does not answer"
	case json.Unmarshal(encoded, &found) != nil || found.Spec.Provider != "gke":
		return fmt.Sprintf("rpc error: code = Unknown desc = failed to mount secrets store objects for pod %s/%s, err: error connecting to provider %q: "+
			"provider not found: provider %q", pod.Namespace, pod.Name, found.Spec.Provider, found.Spec.Provider)
	}
	if why := k.fetchSecrets(ctx, pod, found.Spec.Parameters["secrets"]); why != "" {
		return fmt.Sprintf("rpc error: code = Unknown desc = failed to mount secrets store objects for pod %s/%s, err: rpc error: %s", pod.Namespace, pod.Name, why)
	}
	return ""
}

func (k *kubelet) fetchSecrets(ctx context.Context, pod *corev1.Pod, parameter string) string {
	var secrets []struct {
		ResourceName string `json:"resourceName"`
		Path         string `json:"path"`
		FileName     string `json:"fileName"`
	}
	if err := yaml.Unmarshal([]byte(parameter), &secrets); err != nil || len(secrets) == 0 {
		return "code = InvalidArgument desc = failed to unmarshal secrets attribute"
	}
	who := PodIdentity{Namespace: pod.Namespace, ServiceAccount: pod.Spec.ServiceAccountName}
	account, err := k.client.CoreV1().ServiceAccounts(pod.Namespace).Get(ctx, who.ServiceAccount, metav1.GetOptions{})
	if err != nil {
		return "code = PermissionDenied desc = unable to obtain auth for mount: " + err.Error()
	}
	who.GoogleAccount = account.Annotations[googleAccountAnnotation]
	var refused []string
	for _, s := range secrets {
		if why := k.secret(who, s.ResourceName); why != "" {
			refused = append(refused, fmt.Sprintf("{%s %s %s}: rpc error: %s", s.ResourceName, s.FileName, s.Path, why))
		}
	}
	if len(refused) == 0 {
		return ""
	}
	return "code = Internal desc = " + strings.Join(refused, ",")
}

// tellFailedMount writes the event that kubelets write about a pod whose volumes cannot be mounted. One that is told again
// is counted.
func (k *kubelet) tellFailedMount(ctx context.Context, pod *corev1.Pod, message string) error {
	sum := sha256.Sum256([]byte(message))
	name, now := pod.Name+"."+hex.EncodeToString(sum[:8]), metav1.NewTime(time.Now())
	events := k.client.CoreV1().Events(pod.Namespace)
	before, err := events.Get(ctx, name, metav1.GetOptions{})
	if err == nil {
		before.Count++
		before.LastTimestamp = now
		_, err = events.Update(ctx, before, metav1.UpdateOptions{})
		return err
	}
	if !apierrors.IsNotFound(err) {
		return err
	}
	_, err = events.Create(ctx, &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: pod.Namespace},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID, ResourceVersion: pod.ResourceVersion,
		},
		Reason: "FailedMount", Message: message, Type: corev1.EventTypeWarning, Count: 1, FirstTimestamp: now, LastTimestamp: now,
		Source: corev1.EventSource{Component: "kubelet", Host: pod.Spec.NodeName},
	}, metav1.CreateOptions{})
	return err
}

// waitForVolumes is the play of a pod whose volumes are not mounted: no sandbox, no container.
func (p *play) waitForVolumes() {
	p.status.InitContainerStatuses, p.status.ContainerStatuses = nil, nil
	idle := func(c corev1.Container, reason string) scene {
		return cast{container: c, pod: p.pod, missingConfig: reason}.waiting(reason, "", never)
	}
	reason := "ContainerCreating"
	for _, c := range p.pod.Spec.InitContainers {
		reason, p.blocked = "PodInitializing", true
		p.status.InitContainerStatuses = append(p.status.InitContainerStatuses, idle(c, reason).status)
	}
	for _, c := range p.pod.Spec.Containers {
		s := idle(c, reason)
		p.scenes = append(p.scenes, s)
		p.status.ContainerStatuses = append(p.status.ContainerStatuses, s.status)
	}
	p.wake(configRetry)
}
