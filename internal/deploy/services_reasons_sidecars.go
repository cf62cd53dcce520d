package deploy

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
)

// serviceSidecarAttributes are the attributes of a sidecar that a pod's reason belongs to.
var serviceSidecarAttributes = map[string]string{
	"ErrImagePull": "image", "ImagePullBackOff": "image", "ErrImageNeverPull": "image", "InvalidImageName": "image",
	"RunContainerError": "command", serviceOutOfMemory: "memory", kube.Initializing: "startup", kube.NotReady: "readiness",
}

const serviceStartedFix = "The sidecar has to pass its startup check on its port before the process starts. Its log tells more: " +
	"kubectl logs -n NAMESPACE deployment/DEPLOYMENT -c CONTAINER"

// serviceSidecarError says of a pod's failure that a sidecar is at fault.
func serviceSidecarError(e *Error, process string, failed *kube.RolloutError) {
	e.Why = fmt.Sprintf("Sidecar %q of process %q does not come up (%s)%s. A release that served before goes on serving.",
		failed.Container, process, failed.Reason, serviceEnd(failed, failed.Container))
	e.Attribute = []string{"sidecars", failed.Container}
	if attribute := serviceSidecarAttributes[serviceReasonOf(failed)]; attribute != "" {
		e.Attribute = append(e.Attribute, attribute)
	}
	fill := strings.NewReplacer("NAMESPACE", failed.Namespace, "DEPLOYMENT", failed.Deployment, "CONTAINER", failed.Container).Replace
	switch serviceReasonOf(failed) {
	case "CrashLoopBackOff":
		e.Fix = fill("See why it ends: kubectl logs --previous -n NAMESPACE deployment/DEPLOYMENT -c CONTAINER")
	case kube.Initializing:
		e.Fix = fill(serviceStartedFix)
	case kube.NotReady:
		e.Fix = fill("The pod takes requests only while the sidecar passes its readiness check. Its log tells more: kubectl logs -n NAMESPACE " +
			"deployment/DEPLOYMENT -c CONTAINER")
	}
}

// serviceWaitError says of a pod's failure that its identity did not come.
func serviceWaitError(e *Error, process string, failed *kube.RolloutError) {
	e.Attribute = []string{"gke", "identity_wait"}
	e.Why = fmt.Sprintf("The pods of process %q wait for their identity, and GKE's metadata server does not give it to them (%s). A release that "+
		"served before goes on serving.", process, failed.Reason)
	e.Fix = "Check that the node pool has Workload Identity, that a network policy lets pods reach the metadata server, and that the account they " +
		"run as may be used. An app that needs no identity: gke.identity_wait = { enabled = false }."
	if serviceSidecarAttributes[failed.Reason] == "image" {
		e.Attribute = append(e.Attribute, "image")
		e.Why = fmt.Sprintf("The pods of process %q wait for their identity in a container whose image cannot be pulled (%s). A release that served "+
			"before goes on serving.", process, failed.Reason)
		e.Fix = "Name an image with sh, timeout and wget that the nodes can pull, such as a copy of busybox in Artifact Registry: gke.identity_wait = " +
			"{ image = \"REGION-docker.pkg.dev/PROJECT/REPOSITORY/busybox:1.37.0\" }. Or do without: gke.identity_wait = { enabled = false }."
	}
}

// Cloud Run names a container by its place in the template (of a secret), by its image, or by its name. Its texts about
// sidecars that do not start are not recorded; the name in quotes is how its other texts show one.
var (
	serviceContainerIndex = regexp.MustCompile(`containers\[(\d+)\]`)
	serviceContainerEnv   = regexp.MustCompile(`containers\[\d+\]\.env\[`)
)

// serviceRevisionSidecar finds the sidecar that a revision's failure is about. Where the text tells none, it stays as it is.
func serviceRevisionSidecar(e *Error, a app.App, message string) {
	a = app.WithDefaults(a)
	name := serviceFailedSidecar(a, message)
	if name == "" {
		return
	}
	e.Why = fmt.Sprintf("Sidecar %q does not come up, so Cloud Run does not serve the new revision. A revision that served before goes on serving.", name)
	attribute := []string{"sidecars", name}
	switch first := slices.Concat(e.Attribute, []string{""})[0]; {
	case first == "image", first == "secrets":
		attribute = append(attribute, first)
	case strings.Contains(message, "startup probe"):
		attribute = append(attribute, "startup")
		e.Fix = "The sidecar has to pass its startup check on its port. Its log tells more."
	default:
		e.Fix = "See in its log why it ends, or does not start."
	}
	e.Attribute = attribute
}

func serviceFailedSidecar(a app.App, message string) string {
	for _, name := range slices.Sorted(maps.Keys(a.Sidecars)) {
		image := a.Sidecars[name].Image
		if strings.Contains(message, "'"+name+"'") || image != a.Image && strings.Contains(message, "'"+image+"'") {
			return name
		}
	}
	if m := serviceContainerIndex.FindStringSubmatch(message); m != nil && serviceContainerEnv.MatchString(message) {
		index, err := strconv.Atoi(m[1])
		for _, process := range slices.Sorted(maps.Keys(a.Processes)) {
			// The process itself is container 0. Where sidecars differ between processes, web is what mostly fails first.
			if order := a.SidecarsOf(process); err == nil && index >= 1 && index <= len(order) && (process == app.Web || len(a.Processes) == 1) {
				return order[index-1]
			}
		}
	}
	return ""
}

var serviceInitIndex = regexp.MustCompile(`initContainers\[(\d+)\]`)

// serviceInitAttribute finds the attribute of a field of a pod's init containers, nil when it is not of one of them.
func serviceInitAttribute(a app.App, process, field string) []string {
	m := serviceInitIndex.FindStringSubmatch(field)
	if m == nil {
		return nil
	}
	index, err := strconv.Atoi(m[1])
	if wait := a.GKE.IdentityWait; wait == nil || !wait.Off {
		if index--; index < 0 {
			return []string{"gke", "identity_wait"}
		}
	}
	if order := a.SidecarsOf(process); err == nil && index < len(order) {
		return append([]string{"sidecars", order[index]}, serviceSidecarField(field)...)
	}
	return nil
}

// serviceContainerAttribute finds the attribute of a field of an instance's containers, nil when it is the process's own.
func serviceContainerAttribute(a app.App, process, message string) []string {
	m := serviceContainerIndex.FindStringSubmatch(message)
	if m == nil {
		return nil
	}
	index, err := strconv.Atoi(m[1])
	if order := a.SidecarsOf(process); err == nil && index >= 1 && index <= len(order) {
		return append([]string{"sidecars", order[index-1]}, serviceSidecarField(message)...)
	}
	return nil
}

// serviceSidecarField is the attribute of a sidecar that a field comes from, none when it is unclear.
func serviceSidecarField(field string) []string {
	for _, row := range [][2]string{
		{"].image", "image"}, {"ivenessProbe", "liveness"}, {"iveness_probe", "liveness"}, {"tartupProbe", "startup"}, {"tartup_probe", "startup"},
		{"eadinessProbe", "readiness"}, {"depends_on", "after"}, {"memory", "memory"}, {"cpu", "cpu"},
	} {
		if strings.Contains(field, row[0]) {
			return []string{row[1]}
		}
	}
	return nil
}
