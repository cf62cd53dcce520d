package deploy

import (
	"errors"
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
)

// A field of a pod or an instance leads to the sidecar, whichever place its container has.
func TestFieldsOfSidecars(t *testing.T) {
	t.Parallel()
	a := app.App{
		GKE: &app.GKE{}, Processes: map[string]app.Process{"web": {}},
		Sidecars: map[string]app.Sidecar{"agent": {Image: "agent:1", After: []string{"proxy"}}, "proxy": {Image: "proxy:1"}},
	}
	for field, want := range map[string]string{
		"spec.template.spec.initContainers[0].image":                      "gke.identity_wait",
		"spec.template.spec.initContainers[1].image":                      "sidecars.proxy.image",
		"spec.template.spec.initContainers[2].startupProbe.tcpSocket":     "sidecars.agent.startup",
		"spec.template.spec.initContainers[2].resources.limits[memory]":   "sidecars.agent.memory",
		"spec.template.spec.initContainers[1].securityContext.privileged": "sidecars.proxy",
		"spec.template.spec.initContainers[9].image":                      "",
		"spec.template.spec.containers[0].image":                          "",
	} {
		if got := strings.Join(serviceInitAttribute(a, "web", field), "."); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	for message, want := range map[string]string{
		"spec.template.spec.containers[0].image: no":               "",
		"spec.template.spec.containers[1].image: no":               "sidecars.proxy.image",
		"spec.template.spec.containers[2].depends_on: no":          "sidecars.agent.after",
		"spec.template.spec.containers[1].liveness_probe.x: no":    "sidecars.proxy.liveness",
		"spec.template.spec.containers[1].resources.limits.cpu: x": "sidecars.proxy.cpu",
	} {
		if got := strings.Join(serviceContainerAttribute(a, "web", message), "."); got != want {
			t.Errorf("%s is %q, want %q", message, got, want)
		}
	}
}

// A revision's text leads to the sidecar by its name, its image, or the place of a secret.
func TestRevisionsTextsAboutSidecars(t *testing.T) {
	t.Parallel()
	a := app.App{
		Image: "web:1", CloudRun: &app.CloudRun{}, Processes: map[string]app.Process{"web": {}},
		Sidecars: map[string]app.Sidecar{"proxy": {Image: "proxy:1"}, "twin": {Image: "web:1"}},
	}
	for message, want := range map[string]string{
		"Image 'proxy:1' not found.": "proxy",
		"Image 'web:1' not found.":   "",
		"The user-provided container 'proxy' failed the configured startup probe checks.":                                "proxy",
		"spec.template.spec.containers[2].env[0].value_from.secret_key_ref.name: Permission denied on secret: projects/": "twin",
		"spec.template.spec.containers[0].env[0].value_from.secret_key_ref.name: Permission denied on secret: projects/": "",
		"The user-provided container failed to start and listen on the port defined provided by the PORT=8080":           "",
	} {
		if got := serviceFailedSidecar(a, message); got != want {
			t.Errorf("%q is about %q, want %q", message, got, want)
		}
	}
}

// A sidecar's failure says how it ended and leads to the attribute that mends it.
func TestEndsOfSidecars(t *testing.T) {
	t.Parallel()
	a := app.App{Name: "shop", Processes: map[string]app.Process{"web": {}}, Sidecars: map[string]app.Sidecar{"proxy": {Image: "proxy:1"}}}
	for name, row := range map[string]struct {
		failed  kube.RolloutError
		at, why string
		fix     string
	}{
		"crash": {
			kube.RolloutError{Reason: "CrashLoopBackOff", Ended: "Error", ExitCode: 3}, "sidecars.proxy", "status 3 (Error)", "kubectl logs --previous",
		},
		"too much memory": {
			kube.RolloutError{Reason: "CrashLoopBackOff", Ended: "OOMKilled", ExitCode: 137}, "sidecars.proxy.memory", "status 137 (OOMKilled)", "raise memory",
		},
		"readiness": {kube.RolloutError{Reason: kube.NotReady}, "sidecars.proxy.readiness", "(NotReady).", "readiness check"},
		"startup":   {kube.RolloutError{Reason: kube.Initializing}, "sidecars.proxy.startup", "(Initializing).", "startup check"},
		"image":     {kube.RolloutError{Reason: "ErrImageNeverPull"}, "sidecars.proxy.image", "(ErrImageNeverPull).", "Check that the image exists"},
	} {
		row.failed.Namespace, row.failed.Deployment, row.failed.Pod, row.failed.Container = "shop", "shop-web", "shop-web-1", "proxy"
		var told *Error
		if !errors.As(serviceError("create", a, &row.failed), &told) {
			t.Fatalf("%s: no error in the user's words", name)
		}
		if at := strings.Join(told.Attribute, "."); at != row.at || !strings.Contains(told.Why, row.why) || !strings.Contains(told.Fix, row.fix) {
			t.Errorf("%s: at %s\n%s\n%s", name, at, told.Why, told.Fix)
		}
	}
}
