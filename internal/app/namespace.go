package app

import (
	"encoding/json"
	"fmt"
	"maps"
)

// The Pod Security Standards, as a namespace enforces them.
const (
	Restricted = "restricted"
	Baseline   = "baseline"
	Privileged = "privileged"
)

// PodSecurities lists the Pod Security Standards, the strictest first.
func PodSecurities() []string { return []string{Restricted, Baseline, Privileged} }

// CheckPodSecurity checks pod_security.
func CheckPodSecurity(value string) error { return checkOneOf("standard", value, PodSecurities()) }

// Namespace is what is declared of a namespace, besides its name and cluster. In its JSON, which is canonical, a map that
// is empty is another one than a map that is missing: an import has to tell them apart.
type Namespace struct {
	// Labels are the declared ones, DefaultLabels those of the provider under them.
	Labels        map[string]string `json:"labels,omitzero"`
	DefaultLabels map[string]string `json:"default_labels,omitzero"`
	Annotations   map[string]string `json:"annotations,omitzero"`
	PodSecurity   string            `json:"pod_security"` // the standard that is enforced
	// DefaultDeny forbids all traffic but what every pod needs and what Network lists.
	DefaultDeny bool              `json:"default_deny"`
	Network     *NamespaceNetwork `json:"network,omitzero"`
	Quota       map[string]string `json:"quota,omitzero"` // name in a ResourceQuota's hard to quantity
	Limits      *NamespaceLimits  `json:"limits,omitzero"`
	// ForceDestroy lets the namespace be deleted with whatever is in it.
	ForceDestroy bool `json:"force_destroy,omitzero"`
}

// NamespaceNetwork lists what is allowed though everything is denied: see ParsePeer.
type NamespaceNetwork struct {
	IngressFrom []string `json:"ingress_from,omitzero"`
	EgressTo    []string `json:"egress_to,omitzero"`
}

// NamespaceLimits are what a container gets that does not say itself, and what it may say: cpu, memory or
// ephemeral-storage to quantity.
type NamespaceLimits struct {
	DefaultRequest map[string]string `json:"default_request,omitzero"`
	DefaultLimit   map[string]string `json:"default_limit,omitzero"`
	Min            map[string]string `json:"min,omitzero"`
	Max            map[string]string `json:"max,omitzero"`
}

// EffectiveLabels are the labels that the namespace and the objects in it get, without those of Pod Security and the stamp.
func (n Namespace) EffectiveLabels() map[string]string {
	all := map[string]string{}
	maps.Copy(all, n.DefaultLabels)
	maps.Copy(all, n.Labels)
	return all
}

// EncodeNamespace gives the canonical JSON.
func EncodeNamespace(n Namespace) ([]byte, error) { return encode(n) }

// DecodeNamespace reads what EncodeNamespace wrote. Fields of a newer version are ignored: the next apply writes them
// again.
func DecodeNamespace(encoded []byte) (Namespace, error) {
	if len(encoded) > maxEncoded {
		return Namespace{}, fmt.Errorf("decoding the recorded namespace: %w", errTooLong)
	}
	var n Namespace
	if err := json.Unmarshal(encoded, &n); err != nil {
		return Namespace{}, fmt.Errorf("decoding the recorded namespace: %w", err)
	}
	return n, nil
}
