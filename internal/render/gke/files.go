package gke

import (
	"encoding/json"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

const (
	configFilesVolume = "config-files"
	secretFilesVolume = "secret-files"
	// secretsDriver and secretsProvider are those of GKE's Secret Manager add-on.
	// Source: cloud.google.com/secret-manager/docs/secret-manager-managed-csi-component.
	secretsDriver   = "secrets-store-gke.csi.k8s.io"
	secretsProvider = "gke"
)

// filesMap holds the config files of one content, as immutable as the environment's: see configMap.
func filesMap(in Input) *corev1.ConfigMap {
	data := map[string]string{}
	for file, content := range in.App.ConfigFiles {
		data[names.FileKey(file)] = content.Shown()
	}
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: meta(in, filesMapName(in.App), labels(in)),
		Immutable:  new(true),
		Data:       data,
	}
}

func filesMapName(a app.App) string { return names.ConfigFiles(a.Name, app.FilesHash(a)) }

// FilesMapName names the ConfigMap of an app's config files; empty when the app has none.
func FilesMapName(a app.App) string {
	if len(a.ConfigFiles) == 0 {
		return ""
	}
	return filesMapName(a)
}

// FileHashes replaces the texts in the ConfigMap of config files by their hashes, so that one with texts and one that was
// rendered from a record can be compared, and no difference shows a file.
func FileHashes(object *unstructured.Unstructured) *unstructured.Unstructured {
	hashed := object.DeepCopy()
	data, _, _ := unstructured.NestedMap(hashed.Object, "data")
	for key, value := range data {
		text, _ := value.(string)
		data[key] = "sha256:" + app.ParseFileText(text).Hash()
	}
	if data != nil {
		hashed.Object["data"] = data
	}
	return hashed
}

// FileTexts gives an app the texts that a live ConfigMap of its config files holds, where they are what was recorded.
func FileTexts(a app.App, live *unstructured.Unstructured) app.App {
	data, _, _ := unstructured.NestedStringMap(live.Object, "data")
	a.ConfigFiles = maps.Clone(a.ConfigFiles)
	for file, content := range a.ConfigFiles {
		text, there := data[names.FileKey(file)]
		if found := app.NewFileText(text); there && found.Equal(content) {
			a.ConfigFiles[file] = found
		}
	}
	return a
}

// providerClass tells the Secret Manager add-on which versions to mount. It holds references only: the pods' own identity
// reads the values. Like the ConfigMaps it never changes, and other versions are another object.
func providerClass(in Input) *unstructured.Unstructured {
	type entry struct {
		ResourceName string `json:"resourceName"`
		Path         string `json:"path"`
	}
	var entries []entry
	for _, file := range slices.Sorted(maps.Keys(in.App.SecretFiles)) {
		entries = append(entries, entry{in.App.SecretFiles[file], names.FileKey(file)})
	}
	encoded, err := json.Marshal(entries) // the parameter is YAML, of which JSON is a part
	if err != nil {
		panic(err) // strings always encode
	}
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "secrets-store.csi.x-k8s.io/v1", "kind": "SecretProviderClass",
		"spec": map[string]any{"provider": secretsProvider, "parameters": map[string]any{"secrets": string(encoded)}},
	}}
	u.SetName(names.SecretFiles(in.App.Name, app.SecretFilesHash(in.App)))
	u.SetNamespace(in.App.GKE.Namespace)
	u.SetLabels(labels(in))
	return u
}

// files mounts each file at exactly its path. A mount of its directory would hide what the image has there; that a
// subPath does not follow changes of the volume is no loss, because these never change.
func files(in Input) (volumes []corev1.Volume, mounts []corev1.VolumeMount) {
	mount := func(volume, file string) {
		mounts = append(mounts, corev1.VolumeMount{Name: volume, MountPath: file, SubPath: names.FileKey(file), ReadOnly: true})
	}
	if len(in.App.ConfigFiles) > 0 {
		volumes = append(volumes, corev1.Volume{Name: configFilesVolume, VolumeSource: corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: filesMapName(in.App)}},
		}})
		for _, file := range slices.Sorted(maps.Keys(in.App.ConfigFiles)) {
			mount(configFilesVolume, file)
		}
	}
	if len(in.App.SecretFiles) > 0 {
		volumes = append(volumes, corev1.Volume{Name: secretFilesVolume, VolumeSource: corev1.VolumeSource{
			CSI: &corev1.CSIVolumeSource{Driver: secretsDriver, ReadOnly: new(true), VolumeAttributes: map[string]string{
				"secretProviderClass": names.SecretFiles(in.App.Name, app.SecretFilesHash(in.App)),
			}},
		}})
		for _, file := range slices.Sorted(maps.Keys(in.App.SecretFiles)) {
			mount(secretFilesVolume, file)
		}
	}
	return volumes, mounts
}
