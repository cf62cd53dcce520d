package kubernetes

import corev1 "k8s.io/api/core/v1"

// configReference is a Secret or ConfigMap that a container cannot start without.
type configReference struct {
	kind string // as kubelets write it: secret, configmap
	name string
	key  string // empty: any
}

const (
	secretKind    = "secret"
	configMapKind = "configmap"
)

// configReferences lists what the environment of a container needs, in the order of the specification.
func configReferences(c corev1.Container) []configReference {
	var all []configReference
	add := func(kind, name, key string, optional *bool) {
		if optional == nil || !*optional {
			all = append(all, configReference{kind, name, key})
		}
	}
	for _, from := range c.EnvFrom {
		if from.SecretRef != nil {
			add(secretKind, from.SecretRef.Name, "", from.SecretRef.Optional)
		}
		if from.ConfigMapRef != nil {
			add(configMapKind, from.ConfigMapRef.Name, "", from.ConfigMapRef.Optional)
		}
	}
	for _, env := range c.Env {
		if env.ValueFrom == nil {
			continue
		}
		if ref := env.ValueFrom.SecretKeyRef; ref != nil {
			add(secretKind, ref.Name, ref.Key, ref.Optional)
		}
		if ref := env.ValueFrom.ConfigMapKeyRef; ref != nil {
			add(configMapKind, ref.Name, ref.Key, ref.Optional)
		}
	}
	return all
}
