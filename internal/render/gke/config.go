package gke

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// configMap holds the config of one content under a name made from that content. It is immutable and another config is
// another object, so that a pod of the old release that starts again during a rollout gets the old config, and a
// rollback finds what it needs.
func configMap(in Input) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: meta(in, configMapName(in.App), labels(in)),
		Immutable:  new(true),
		Data:       in.App.Config,
	}
}

func configMapName(a app.App) string { return names.ConfigMap(a.Name, app.ConfigHash(a)) }

// SecretName names the Kubernetes Secret of an app's secret versions; empty when the app has none.
func SecretName(a app.App) string {
	if len(app.SecretUses(a)) == 0 {
		return ""
	}
	return names.Secret(a.Name, app.SecretsHash(a))
}

// SecretObject makes the Kubernetes Secret from the values by the keys of app.SecretUses; nil when the app has no secrets. Like
// the ConfigMap it is immutable and named by its versions. The result holds the values: it goes to the API server and
// nowhere else, never into a log.
func SecretObject(in Input, values map[string]secret.Bytes) (*unstructured.Unstructured, error) {
	uses := app.SecretUses(in.App)
	if len(uses) == 0 {
		return nil, nil
	}
	in = in.filled()
	data := make(map[string][]byte, len(values))
	for _, use := range uses {
		value, ok := values[use.Key]
		if !ok {
			return nil, fmt.Errorf("rendering the Secret of %s: no value was read for %s (%s)", in.App.Name, use.Key, use.Version)
		}
		data[use.Key] = value.Reveal()
	}
	objects, err := toUnstructured([]any{&corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: meta(in, SecretName(in.App), labels(in)),
		Immutable:  new(true),
		Type:       corev1.SecretTypeOpaque,
		Data:       data,
	}})
	if err != nil {
		return nil, err
	}
	return objects[0], nil
}

func meta(in Input, name string, labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: in.App.GKE.Namespace, Labels: labels}
}
