package deploy

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
)

const (
	serviceImageFix = "Check that the image exists under exactly this name, and that who pulls it may: roles/artifactregistry.reader for the " +
		"nodes' service account on GKE, for Cloud Run's service agent on Cloud Run."
	serviceReadyFix = "The process has to listen on the port in the environment variable PORT and pass its readiness check. Its log tells more."
)

// serviceReasons says which attribute a pod's reason belongs to, and what to do. PROCESS, NAMESPACE and DEPLOYMENT are
// replaced.
var serviceReasons = map[string]struct {
	attribute []string
	fix       string
}{
	"ErrImagePull":             {[]string{"image"}, serviceImageFix},
	"ImagePullBackOff":         {[]string{"image"}, serviceImageFix},
	"InvalidImageName":         {[]string{"image"}, "Correct the image reference."},
	"CrashLoopBackOff":         {[]string{"processes", "PROCESS"}, "See why it ends: kubectl logs --previous -n NAMESPACE deployment/DEPLOYMENT"},
	"RunContainerError":        {[]string{"processes", "PROCESS", "command"}, "Check that the command exists in the image and may be executed by user 65532."},
	"CreateContainerError":     {[]string{"processes", "PROCESS"}, "See the pod's events: kubectl describe -n NAMESPACE pod -l twelvefactor.dev/process=PROCESS"},
	"FailedCreate":             {[]string{"processes", "PROCESS"}, "Admission or a quota of the namespace refuses the pods: change what it names."},
	"Unschedulable":            {[]string{"gke", "capacity"}, "No node takes the pod: raise max_nodes of a fitting node pool, or ask for less cpu and memory."},
	kube.Initializing:          {[]string{"processes", "PROCESS"}, "See the pod's events: kubectl describe -n NAMESPACE pod -l twelvefactor.dev/process=PROCESS"},
	"NotReady":                 {[]string{"processes", "PROCESS", "readiness"}, serviceReadyFix},
	"ProgressDeadlineExceeded": {[]string{"processes", "PROCESS", "readiness"}, serviceReadyFix},
}

func serviceRolloutError(a app.App, failed *kube.RolloutError, err error) error {
	process := serviceProcessOf(a, failed.Deployment)
	fill := strings.NewReplacer("PROCESS", process, "NAMESPACE", failed.Namespace, "DEPLOYMENT", failed.Deployment).Replace
	known := serviceReasons[failed.Reason]
	var attribute []string
	for _, step := range known.attribute {
		attribute = append(attribute, fill(step))
	}
	e := &Error{
		Summary: fmt.Sprintf("Service %q did not become ready", a.Name),
		Why: fmt.Sprintf("Process %q does not come up (%s). A release that served before goes on serving.",
			process, failed.Reason),
		Fix: fill(known.fix), Attribute: attribute, Err: err,
	}
	switch _, sidecar := a.Sidecars[failed.Container]; {
	case sidecar:
		serviceSidecarError(e, process, failed)
	case failed.Container == gke.WaitContainer:
		serviceWaitError(e, process, failed)
	}
	return e
}

// serviceProcessOf finds the process that a Deployment runs.
func serviceProcessOf(a app.App, deployment string) string {
	for _, process := range slices.Sorted(maps.Keys(a.Processes)) {
		if names.Deployment(a.Name, process) == deployment {
			return process
		}
	}
	return deployment
}

// serviceSecretDenied is what Cloud Run answers while a revision may not read its secret, which is also the case for
// some minutes after the grant. Seen with codes 7, 9 and 13.
var serviceSecretDenied = regexp.MustCompile(`(?i)permission denied on secret`)

// serviceAccountUnknown is what Cloud Run answers about a service account that was made a moment ago.
var serviceAccountUnknown = regexp.MustCompile(`(?i)service account \S+ does not exist|iam\.serviceaccounts\.actas`)

// serviceRevisionReasons finds the attribute that a revision's failure belongs to by Cloud Run's text.
var serviceRevisionReasons = []struct {
	text      *regexp.Regexp
	attribute []string
	fix       string
}{
	{serviceSecretDenied, []string{"secrets"}, "The grant has not become effective in time, or was taken away meanwhile. Apply again."},
	{regexp.MustCompile(`(?i)image '?\S+'? not found|CONTAINER_MISSING`), []string{"image"}, serviceImageFix},
	{regexp.MustCompile(`(?i)failed to start and listen on the port`), []string{"processes", app.Web, "port"}, serviceReadyFix},
	{regexp.MustCompile(`(?i)startup probe`), []string{"processes", app.Web, "startup"}, serviceReadyFix},
	{regexp.MustCompile(`(?i)in (?:DISABLED|DESTROYED) state`), []string{"secrets"}, secretGoneFix},
	{
		regexp.MustCompile(`(?i)\bvpc\b|subnet|network interface`), []string{"cloud_run", "vpc"},
		"Check that network and subnetwork exist in the service's region, have free addresses, and may be used by Cloud Run's service agent " +
			"(roles/compute.networkUser, in the project of a shared network too).",
	},
	{regexp.MustCompile(`(?i)secret`), []string{"secrets"}, "Check that the version exists and is enabled."},
}

func serviceRevisionError(a app.App, failed *gcp.OperationError, err error) error {
	e := &Error{
		Summary: fmt.Sprintf("Service %q did not become ready", a.Name),
		Why:     "Cloud Run does not serve the new revision. A revision that served before goes on serving.",
		Fix:     "Correct what the message names, and apply again.",
		Err:     err,
	}
	for _, reason := range serviceRevisionReasons {
		if reason.text.MatchString(failed.Message) {
			e.Attribute, e.Fix = reason.attribute, reason.fix
			break
		}
	}
	serviceRevisionSidecar(e, a, failed.Message)
	return e
}
