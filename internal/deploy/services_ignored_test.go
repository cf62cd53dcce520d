package deploy

import (
	"slices"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

// A pattern covers what drift can show: declared fields, and on Cloud Run those whose emptiness is a declaration too.
func TestPatternsThatCoverNothing(t *testing.T) {
	t.Parallel()
	base := app.App{
		Name: "shop", Image: "acme/shop:1", Config: map[string]string{"LEVEL": "info"}, ConfigFiles: map[string]app.FileText{"/etc/app/a": app.NewFileText("a")},
		Processes: map[string]app.Process{"web": {Readiness: &app.Probe{Path: "/"}}, "worker": {}},
	}
	onRun, onGKE := base, base
	onRun.CloudRun = &app.CloudRun{Project: "acme-dev", Location: "asia-northeast1"}
	onGKE.GKE = &app.GKE{Cluster: "projects/acme-dev/locations/asia-northeast1/clusters/dev"}
	for _, row := range []struct {
		app     app.App
		pattern string
		covers  bool
	}{
		{onRun, "Service traffic", true},
		{onRun, "WorkerPool traffic", false},
		{onRun, "Service template.containers[web].env[LEVEL].value", true},
		{onRun, "Service template.containers[web].image", true},
		{onRun, "Service template.service_account", true},
		{onRun, "Service template.volumes[config-files-0].secret.items[a].version", true},
		{onRun, "Service template.vpc_access", true},
		{onRun, "Service template.containers[web].liveness_probe", true},
		{onRun, "WorkerPool template.encryption_key", true},
		{onRun, "Service template.containers[web].env[INJECTED]", true},
		{onRun, "Service template.containers[injected]", true},
		{onRun, "Service template.containers[injected].image", false},
		{onRun, "Service template.revision", false},
		{onRun, "Service labels[team]", false},
		{onGKE, "Deployment spec.template.spec.containers[web].image", true},
		{onGKE, "Deployment spec.template.spec.containers[*].resources", true},
		{onGKE, "Deployment spec.template.spec.containers[web].env[INJECTED]", false},
	} {
		row.app.DriftIgnore = []string{row.pattern}
		if covers := !slices.Contains(UnmatchedIgnores(row.app), row.pattern); covers != row.covers {
			t.Errorf("on %s %s covers something: %v", row.app.Runtime(), row.pattern, covers)
		}
	}
}
