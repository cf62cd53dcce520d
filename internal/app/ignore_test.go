package app_test

import (
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

func TestIgnorePatterns(t *testing.T) {
	t.Parallel()
	const (
		deployment = "Deployment/shop/shop-web"
		service    = "projects/acme-dev/locations/asia-northeast1/services/shop"
	)
	for _, row := range []struct {
		pattern, object, path string
		covers                bool
	}{
		{deployment + " spec.replicas", deployment, "spec.replicas", true},
		{"Deployment spec.replicas", deployment, "spec.replicas", true},
		{"* spec.replicas", deployment, "spec.replicas", true},
		{"Deployment/*/shop-web spec.replicas", deployment, "spec.replicas", true},
		{"Deployment/*/shop-worker spec.replicas", deployment, "spec.replicas", false},
		{"Deployment/shop spec.replicas", deployment, "spec.replicas", false},
		{"Service spec.replicas", deployment, "spec.replicas", false},
		{"Deployment spec.template", deployment, "spec.template.spec.containers[web].image", true},
		{"Deployment spec.temp", deployment, "spec.template", false},
		{"Deployment spec.template.spec.containers[*].env[LOG]", deployment, "spec.template.spec.containers[web].env[LOG].value", true},
		{"Deployment spec.template.spec.containers.*.env[LOG]", deployment, "spec.template.spec.containers[web].env[OTHER].value", false},
		{"Deployment metadata.labels[app.kubernetes.io/name]", deployment, "metadata.labels[app.kubernetes.io/name]", true},
		{"Service traffic", service, "traffic[0].revision", true},
		{"WorkerPool traffic", service, "traffic[0].revision", false},
		{service + " labels[team]", service, "labels[team]", true},
		{"Service labels", "Service/shop/shop", "labels[team]", true},
	} {
		i, err := app.ParseIgnore(row.pattern)
		if err != nil {
			t.Errorf("%s: %v", row.pattern, err)
			continue
		}
		if covers := i.Covers(row.object, row.path); covers != row.covers {
			t.Errorf("%s covers %s %s: %v", row.pattern, row.object, row.path, covers)
		}
	}
}

func TestPatternsThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{
		"", "Deployment", "Deployment ", " spec.replicas", "Deployment .spec", "Deployment spec.", "Deployment spec..replicas", "Deployment spec[",
		"Deployment spec[a", "Deployment spec[]", "Deployment spec]", "Deployment [spec]", "Deployment spec replicas",
		"Deployment spec.replicas: 1 -> 2", "Deployment metadata.name", "Service name", "Deployment spec.a$b",
	} {
		if _, err := app.ParseIgnore(pattern); err == nil || !strings.Contains(err.Error(), "for example") {
			t.Errorf("%q: %v", pattern, err)
		}
	}
	if covered := (app.Ownership{DriftIgnore: []string{"no pattern at all"}}).Ignored().Cover("Deployment/a/b", "spec"); covered {
		t.Error("what is no pattern covers something")
	}
}

func TestAnImageOfAnotherToolIsNotPartOfTheRelease(t *testing.T) {
	t.Parallel()
	one := app.App{Image: "a:1", Ownership: app.Ownership{ImageOwner: app.ImageExternal}}
	other, ours := one, one
	other.Image, ours.ImageOwner = "a:2", app.ImageTerraform
	if app.ReleaseID(one) != app.ReleaseID(other) || app.ReleaseID(one) == app.ReleaseID(ours) {
		t.Error("the release follows an image that is not Terraform's")
	}
	if app.WithDefaults(ours).ImageOwner != "" {
		t.Error("the default owner is recorded")
	}
}

func TestImageOwnersAndPodSecuritiesAreNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		check func(string) error
		taken []string
		other string
		says  []string
	}{
		{app.CheckImageOwner, app.ImageOwners(), "flux", []string{`"flux"`, "terraform, external", "called external"}},
		{app.CheckPodSecurity, app.PodSecurities(), "strict", []string{`"strict"`, "restricted, baseline, privileged"}},
	} {
		for _, value := range c.taken {
			if err := c.check(value); err != nil {
				t.Errorf("%s: %v", value, err)
			}
		}
		err := c.check(c.other)
		for _, text := range c.says {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v does not say %s", c.other, err, text)
			}
		}
	}
}
