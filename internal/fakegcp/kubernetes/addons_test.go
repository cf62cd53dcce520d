package kubernetes

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const secretVersion = "projects/acme-dev/secrets/tls/versions/1"

// class makes a SecretProviderClass.
func (s *session) class(name, version string) {
	s.Helper()
	body := fmt.Sprintf(`{"apiVersion": "secrets-store.csi.x-k8s.io/v1", "kind": "SecretProviderClass", "metadata": {"name": %q}, "spec": {"provider": "gke",
		"parameters": {"secrets": "- resourceName: %s\n  path: key\n"}}}`, name, version)
	s.must(s.client.CoreV1().RESTClient().Post().AbsPath("/apis/secrets-store.csi.x-k8s.io/v1/namespaces/"+s.namespace+"/secretproviderclasses").
		SetHeader("Content-Type", "application/json").Body([]byte(body)).DoRaw(s.ctx))
}

// mounting is a pod with a volume of a SecretProviderClass.
func mounting(class string) func(*corev1.PodSpec) {
	return func(spec *corev1.PodSpec) {
		readOnly := true
		spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "secrets", VolumeSource: corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{
			Driver: SecretsDriver, ReadOnly: &readOnly, VolumeAttributes: map[string]string{"secretProviderClass": class},
		}}})
	}
}

// tells waits for an event about a mount that fails.
func (s *session) tells(text string) func() error {
	return func() error {
		events, err := s.client.CoreV1().Events(s.namespace).List(s.ctx, metav1.ListOptions{FieldSelector: "reason=FailedMount"})
		if err != nil {
			return err
		}
		for _, event := range events.Items {
			if strings.Contains(event.Message, text) {
				return nil
			}
		}
		return errNotYet
	}
}

// The add-on's kind and driver come when it is switched on, also later, and go with it. Pods wait for what they mount.
func TestSecretManagerAddOn(t *testing.T) {
	s := newSession(t)
	kind := "/apis/secrets-store.csi.x-k8s.io/v1/secretproviderclasses"
	known := func() error { return s.client.CoreV1().RESTClient().Get().AbsPath(kind).Do(s.ctx).Error() }
	if known() == nil {
		t.Error("the kind is there without the add-on")
	}
	s.deployment("shop:1", 1, mounting("shop"))
	s.eventually(20*time.Second, s.tells("driver name secrets-store-gke.csi.k8s.io not found"))
	s.eventually(5*time.Second, s.waits("ContainerCreating"))

	shared.SetSecretManager(true)
	defer shared.SetSecretManager(false)
	s.eventually(20*time.Second, known)
	s.must(s.client.StorageV1().CSIDrivers().Get(s.ctx, SecretsDriver, metav1.GetOptions{}))
	s.eventually(20*time.Second, s.tells(`SecretProviderClass.secrets-store.csi.x-k8s.io "shop" not found`))

	denied.Store(secretVersion, true)
	s.class("shop", secretVersion)
	s.eventually(20*time.Second, s.tells("code = PermissionDenied"))
	if err := s.available(0)(); err != nil {
		t.Error(err)
	}
	denied.Delete(secretVersion)
	s.eventually(20*time.Second, s.available(1))

	denied.Store(secretVersion, true) // what runs has its files
	defer denied.Delete(secretVersion)
	shared.ImagesChanged()
	if err := s.available(1)(); err != nil {
		t.Error(err)
	}
	shared.SetSecretManager(false)
	s.eventually(20*time.Second, func() error {
		if known() == nil {
			return errors.New("the kind is still there")
		}
		return nil
	})
}

// A ConfigMap in a volume is needed before the pod starts, one that is optional is not.
func TestPodWaitsForTheConfigMapsOfItsVolumes(t *testing.T) {
	s := newSession(t)
	of := func(name string, optional bool) corev1.Volume {
		return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: name}, Optional: &optional,
		}}}
	}
	s.deployment("shop:1", 1, func(spec *corev1.PodSpec) { spec.Volumes = append(spec.Volumes, of("files", false), of("more", true)) })
	s.eventually(20*time.Second, s.tells(`MountVolume.SetUp failed for volume "files" : configmap "files" not found`))
	s.must(s.client.CoreV1().ConfigMaps(s.namespace).Create(s.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "files"}}, metav1.CreateOptions{}))
	s.eventually(20*time.Second, s.available(1))
}
