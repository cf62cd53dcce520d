package deploy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
)

const (
	serviceImageFix = "Check that the image exists under exactly this name, and that who pulls it may: roles/artifactregistry.reader for the " +
		"nodes' service account on GKE, for Cloud Run's service agent on Cloud Run."
	serviceReadyFix = "The process has to listen on the port in the environment variable PORT and pass its readiness check."
	serviceLogFix   = "See what it wrote before it ended: kubectl logs --previous -n NAMESPACE POD -c CONTAINER"
	serviceEvents   = "See the pod's events: kubectl describe -n NAMESPACE pod POD"
)

// serviceReason says which attribute a reason belongs to, and what to do. PROCESS, NAMESPACE, POD, CONTAINER and
// CAPACITY are replaced.
type serviceReason struct {
	attribute []string
	fix       string
}

// serviceOutOfMemory is how Kubernetes calls the end of a container that used more memory than it may. It waits in
// CrashLoopBackOff then, like any other.
const serviceOutOfMemory = "OOMKilled"

// serviceReasonOf is the reason that says most about a failure.
func serviceReasonOf(failed *kube.RolloutError) string {
	if failed.Ended == serviceOutOfMemory {
		return failed.Ended
	}
	return failed.Reason
}

// serviceReasons are those of pods and Deployments, in Kubernetes' words.
var serviceReasons = map[string]serviceReason{
	"ErrImagePull":      {[]string{"image"}, serviceImageFix},
	"ImagePullBackOff":  {[]string{"image"}, serviceImageFix},
	"ErrImageNeverPull": {[]string{"image"}, serviceImageFix},
	"InvalidImageName":  {[]string{"image"}, "Correct the image reference."},
	"CrashLoopBackOff":  {[]string{"processes", "PROCESS"}, serviceLogFix},
	serviceOutOfMemory: {[]string{"processes", "PROCESS", "memory"}, "It used more memory than it may: raise memory, for example memory = \"512Mi\", or " +
		"have it use less. " + serviceLogFix},
	"RunContainerError": {[]string{"processes", "PROCESS", "command"}, "Check that the command exists in the image and may be executed by user 65532."},
	"CreateContainerConfigError": {[]string{"processes", "PROCESS"}, "A Secret or ConfigMap that the release needs is not there, or lacks a key. " +
		"Apply again, which writes it anew. " + serviceEvents},
	"CreateContainerError": {[]string{"processes", "PROCESS"}, serviceEvents},
	kube.FailedMount: {[]string{"secret_files"}, "The files of the pod cannot be mounted. A secret needs " + serviceAccessor + " for the service's " +
		"identity, which the provider grants: see whether an IAM deny policy, or somebody, took it away, and whether the version is enabled. " + serviceEvents},
	"FailedCreate": {[]string{"processes", "PROCESS"}, "Admission or a quota of the namespace refuses the pods: change what it names."},
	"Evicted":      {[]string{"processes", "PROCESS", "scratch"}, "Its pods use more disk than they may: raise the size in scratch."},
	"Unschedulable": {[]string{"gke", "capacity"}, "No node takes the pod, and it stays to be started as soon as one does. Raise max_nodes of a " +
		"node pool with capacity CAPACITY, take other machines where these are out of stock, or ask for less cpu and memory."},
	kube.Initializing:   {[]string{"processes", "PROCESS"}, serviceEvents},
	"ContainerCreating": {[]string{"processes", "PROCESS"}, serviceEvents},
	kube.NotReady: {[]string{"processes", "PROCESS", "readiness"}, serviceReadyFix + " An app that takes minutes to start needs a startup check, " +
		"which leaves it time. See its log: kubectl logs -n NAMESPACE POD -c CONTAINER"},
	kube.ProgressDeadlineExceeded: {[]string{"processes", "PROCESS", "readiness"}, serviceReadyFix},
}

// serviceRolloutError tells which process does not come up and why. No line of a log is in it: an app may write its
// environment, with the secrets in it, and the error goes to logs and pull requests.
func serviceRolloutError(a app.App, failed *kube.RolloutError, err error) error {
	process := serviceProcessOf(a, failed.Deployment)
	fill := strings.NewReplacer(
		"PROCESS", process, "NAMESPACE", failed.Namespace, "POD", serviceOr(failed.Pod, "POD"),
		"CONTAINER", serviceOr(failed.Container, process), "CAPACITY", serviceCapacities(a, process),
	).Replace
	known := serviceReasons[serviceReasonOf(failed)]
	var attribute []string
	for _, step := range known.attribute {
		attribute = append(attribute, fill(step))
	}
	e := Error{
		Summary: fmt.Sprintf("Service %q did not become ready", a.Name),
		Why: fmt.Sprintf("Process %q does not come up (%s)%s. A release that served before goes on serving.",
			process, failed.Reason, serviceEnd(failed, process)),
		Fix: fill(known.fix), Attribute: attribute, Err: err,
	}
	switch _, sidecar := a.Sidecars[failed.Container]; {
	case sidecar:
		serviceSidecarError(&e, process, failed)
	case failed.Container == gke.WaitContainer:
		serviceWaitError(&e, process, failed)
	}
	return e.aboutImageOf(a)
}

// aboutImageOf points at whoever decides which image runs, where that is not Terraform.
func (e Error) aboutImageOf(a app.App) *Error {
	if a.ImageIsExternal() && len(e.Attribute) > 0 && (e.Attribute[0] == "image" || e.Attribute[0] == "processes") {
		e.Fix = "The image was deployed by another tool (image_owner = \"external\") and stays as it is: if it is at fault, deploy one that works " +
			"with that tool. " + e.Fix
		e.Attribute = []string{"image_owner"}
	}
	return &e
}

// serviceEnd tells how a container ended, and which one where it is not the process itself.
func serviceEnd(failed *kube.RolloutError, process string) string {
	var end string
	if failed.Container != "" && failed.Container != process {
		end = fmt.Sprintf(" because of its container %q", failed.Container)
	}
	switch {
	case failed.Ended == "":
		return end
	case failed.ExitCode == 0:
		return end + ": it ended with status 0, and a process has to go on running"
	default:
		return end + fmt.Sprintf(": it ended with status %d (%s)", failed.ExitCode, failed.Ended)
	}
}

func serviceOr(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// serviceCapacities names the pools that take the pods of a process.
func serviceCapacities(a app.App, process string) string {
	capacity := app.OnDemand
	if a.GKE != nil && a.GKE.Capacity != "" {
		capacity = a.GKE.Capacity
	}
	switch {
	case capacity == app.Spot:
		return "\"spot\""
	case capacity == app.Mixed && a.Processes[process].Scale.Max > 1: // one pod is not spread
		return "\"spot\" or \"on_demand\", whichever of them is missing in the message (mixed spreads the pods over both)"
	default:
		return "\"on_demand\""
	}
}

// serviceLacksNodes tells a release that is only waiting for machines: nothing about it is wrong, and its pods start by
// themselves.
func serviceLacksNodes(err error) bool {
	var rollout *kube.RolloutError
	return errors.As(err, &rollout) && rollout.Reason == "Unschedulable"
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
