package app

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxAnnotations bounds keys and values together: Kubernetes allows 256 KiB for all annotations of an object, and on
// Cloud Run the record, which repeats them, is one of these.
const maxAnnotations = 8 << 10

// ourAnnotations are what the provider itself, or the runtime, writes: prefixes of keys, up to the slash.
// Source: run.v2, Service.annotations; Kubernetes, "Well-Known Labels, Annotations and Taints".
var ourAnnotations = map[Runtime]map[string]string{
	GKERuntime: {
		"kubernetes.io/":                                  "Kubernetes keeps it for itself",
		"kubectl.kubernetes.io/":                          "kubectl writes it",
		"deployment.kubernetes.io/":                       "the Deployment controller writes it",
		"autoscaling.alpha.kubernetes.io/":                "the autoscaler writes it",
		"pod-security.kubernetes.io/":                     "admission writes it",
		"container.apparmor.security.beta.kubernetes.io/": "it would change the security context",
		"seccomp.security.alpha.kubernetes.io/":           "it would change the security context",
		"iam.gke.io/":                                     "identity is where the service account is chosen",
	},
	CloudRunRuntime: {
		"run.googleapis.com/":      "the API refuses it: what it set in v1 is an attribute of cloud_run",
		"cloud.googleapis.com/":    "the API refuses it",
		"serving.knative.dev/":     "the API refuses it",
		"autoscaling.knative.dev/": "the API refuses it: use scale",
		"client.knative.dev/":      "gcloud writes it",
	},
}

func checkAnnotations(a App) []Finding {
	var all []Finding
	size := 0
	for _, key := range sortedKeys(a.Annotations) {
		value := a.Annotations[key]
		size += len(key) + len(value)
		if why := refusedAnnotation(a.Runtime(), key, value); why != "" {
			all = append(all, Finding{
				Path: []string{"annotations", key}, Summary: "Invalid annotation",
				Detail: fmt.Sprintf("Annotation %s %s; for example \"prometheus.io/scrape\" = \"true\".", quote(key), why),
			})
		}
	}
	if size > maxAnnotations {
		all = append(all, Finding{
			Path: []string{"annotations"}, Summary: "Annotations are too large",
			Detail: fmt.Sprintf("Keys and values of annotations have %d KiB together; %d KiB fit. Keep large data in config.", kib(size), kib(maxAnnotations)),
		})
	}
	return all
}

func refusedAnnotation(on Runtime, key, value string) string {
	if strings.HasPrefix(key, "twelvefactor.dev/") {
		return "is kept for the provider's own marks"
	}
	for _, prefix := range sortedKeys(ourAnnotations[on]) {
		if strings.HasPrefix(key, prefix) || on == CloudRunRuntime && strings.Contains(key, strings.TrimSuffix(prefix, "/")) {
			return "is reserved: " + ourAnnotations[on][prefix]
		}
	}
	switch {
	case !kubeLabelKey.MatchString(key):
		return "is not a valid key (a name of letters, digits, hyphens, underscores and dots, at most 63, after an optional DNS name and a slash)"
	case !utf8.ValidString(value):
		return "has a value that is not valid UTF-8"
	}
	return ""
}
