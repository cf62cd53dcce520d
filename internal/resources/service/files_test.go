package service_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// rawKey is a session key of raw bytes, which can be a file only.
func rawKey(env *acctest.Env, trigger string) string {
	return fmt.Sprintf("resource \"twelvefactor_session_key\" \"raw\" {\n  name = %q\n  encoding = \"raw\"\n  keep = 0\n  rotation_trigger = %q\n}\n",
		env.Name("raw-key"), trigger)
}

// withRawKey mounts the raw key.
var withRawKey = set("secret_files", `{ "/etc/keys/session" = twelvefactor_session_key.raw.version_id }`)

func configFile(text string) change {
	return set("config_files", fmt.Sprintf("{ \"/etc/shop/app.conf\" = %q }", text))
}

func TestFilesOnCloudRun(t *testing.T) {
	t.Parallel()
	canaries := acctest.NewCanaries()
	env := acctest.New(t, acctest.WithRand(canaries.Reader()))
	worker := process("worker", `{ command = ["/app", "worker"] }`)
	service := func(trigger, text string, changes ...change) string {
		return env.Config(rawKey(env, trigger), onRun(append([]change{withRawKey, configFile(text), worker}, changes...)...))
	}
	updatedFiles := func(config string, want map[string]string) resource.TestStep {
		step := updated(config)
		step.PostApplyFunc = func() {
			checkRunFiles(t, env, want)
			canaries.CheckFake(t, env)
		}
		return step
	}
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{
			Config:            service("1", "level = info\n"),
			ConfigStateChecks: ready(),
			PostApplyFunc: func() {
				checkRunFiles(t, env, map[string]string{"/etc/keys/session": "raw-key:1", "/etc/shop/app.conf": "shop-asia-northeast1-files:1"})
			},
		},
		{ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithID},
		{
			ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: runID,
			ImportStateVerifyIgnore: []string{"config_files"}, // the content is not read
		},
		updatedFiles(service("1", "level = debug\n"), map[string]string{"/etc/keys/session": "raw-key:1", "/etc/shop/app.conf": "shop-asia-northeast1-files:2"}),
		updatedFiles(service("2", "level = debug\n"), map[string]string{"/etc/keys/session": "raw-key:2", "/etc/shop/app.conf": "shop-asia-northeast1-files:2"}),
		updatedFiles(service("2", "x", set("config_files", ""), set("secret_files", "{}")), map[string]string{}),
		updatedFiles(service("2", "x", set("config_files", "{}"), set("secret_files", "")), map[string]string{}),
	}})
	if canaries.Count() == 0 {
		t.Error("no key was drawn")
	}
}

// checkRunFiles looks at what the newest template mounts: path to secret and version.
func checkRunFiles(t *testing.T, env *acctest.Env, want map[string]string) {
	t.Helper()
	template := liveService(t, env, runID).GetTemplate()
	got := map[string]string{}
	for _, mount := range template.GetContainers()[0].GetVolumeMounts() {
		for _, volume := range template.GetVolumes() {
			if volume.GetName() != mount.GetName() {
				continue
			}
			for _, item := range volume.GetSecret().GetItems() {
				got[mount.GetMountPath()+"/"+item.GetPath()] = volume.GetSecret().GetSecret() + ":" + item.GetVersion()
			}
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("mounted %v, want %v", got, want)
	}
}

// An import does not read the contents from the secret, and the plan after it is empty; the next change writes them anew.
func TestImportOfFilesOnCloudRun(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	files := configFile("level = info\n")
	forget := "removed {\n  from = " + address + "\n  lifecycle {\n    destroy = false\n  }\n}\n"
	taken := fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", address, runID)
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: env.Config(onRun(files)), ConfigStateChecks: ready()},
		{Config: env.Config(forget)},
		{
			Config: env.Config(onRun(files), taken),
			ConfigStateChecks: append(ready(), at("config_files", knownvalue.MapPartial(map[string]knownvalue.Check{
				"/etc/shop/app.conf": knownvalue.StringRegexp(wrapped("content-not-read/sha256:")),
			}))),
			PostApplyFunc: func() { env.CheckEffects(t, "AccessSecretVersion", 0) },
		},
		updated(env.Config(onRun(files, set("image", `"`+nextImage+`"`)))),
		{
			Config: env.Config(onRun(files, set("image", `"`+nextImage+`"`))),
			ConfigStateChecks: append(ready(), at("config_files", knownvalue.MapExact(map[string]knownvalue.Check{
				"/etc/shop/app.conf": knownvalue.StringExact("level = info\n"),
			}))),
			PostApplyFunc: func() { env.CheckEffects(t, "AddSecretVersion", 1) },
		},
	}})
}

func TestFilesOnGKE(t *testing.T) {
	t.Parallel()
	canaries := acctest.NewCanaries()
	env, cluster := acctest.SharedCluster(t, acctest.WithRand(canaries.Reader()))
	id := fmt.Sprintf("%s/namespaces/%s/services/%s", cluster, env.Name("web"), env.Name("shop"))
	service := func(trigger, text string, changes ...change) string {
		return env.Config(rawKey(env, trigger), onGKE(env, cluster, append([]change{withRawKey, configFile(text)}, changes...)...))
	}
	scan := func() {
		found := canaries.ScanKubernetes(t, env, cluster)
		for _, leak := range found.Leaks {
			t.Errorf("secret value leaked: %s", leak)
		}
		if len(found.Carriers) > 0 {
			t.Errorf("Secrets %v hold the key, which only the pod's own identity reads", found.Carriers)
		}
		waitAvailable(t, env, cluster)
	}
	env.Test(t, resource.TestCase{
		Steps: []resource.TestStep{
			{Config: service("1", "level = info\n"), ConfigStateChecks: ready(), PostApplyFunc: scan},
			imported(id),
			{ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithID},
			updated(service("1", "level = debug\n")),
			updated(service("2", "level = debug\n")),
			{
				Config: service("2", "level = debug\n"), PlanOnly: true,
				PreConfig: func() {
					maps, err := env.Kubernetes(t, cluster).CoreV1().ConfigMaps(env.Name("web")).List(t.Context(), metav1.ListOptions{})
					must(t, err)
					kept := 0
					for _, m := range maps.Items {
						if strings.HasPrefix(m.Name, env.Name("shop")+"-files-") {
							kept++
						}
					}
					if kept != 2 {
						t.Errorf("%d ConfigMaps of files, want those of both contents: a ReplicaSet refers to the first", kept)
					}
				},
			},
			updated(service("2", "x", set("config_files", "{}"), set("secret_files", ""))),
			imported(id),
		},
		CheckDestroy: nothingLeft(t, env, cluster),
	})
	if canaries.Count() == 0 {
		t.Error("no key was drawn")
	}
}

// The plan refuses what no mount takes, before anything is called.
func TestFilesAreRefusedAtPlanTime(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	var steps []resource.TestStep
	for _, row := range []struct{ attribute, value, want string }{
		{"config_files", `{ "app.conf" = "x" }`, `is not absolute`},
		{"config_files", `{ "/etc/shop/../app.conf" = "x" }`, `is not a clean path`},
		{"config_files", `{ "/etc/shop/app.conf" = null }`, `null`},
		{"config_files", `{ "/etc/app.conf" = "x" }`, `Directory is the image's`},
		{"config_files", `{ "/proc/app.conf" = "x" }`, `belongs to the runtime`},
		{"config_files", `{ "/etc/shop/app.conf" = "" }`, `is empty`},
		{"config_files", `{ "/etc/shop/app.conf" = "twelvefactor.dev/content-not-read/sha256:` + strings.Repeat("0", 64) + `" }`, `Content is not known`},
		{"secret_files", `{ "/etc/shop/key" = "payments" }`, `Not a secret version`},
		{"secret_files", `{ "/etc/shop/key" = "projects/acme-dev/locations/asia-northeast1/secrets/a/versions/1" }`, `Cloud Run cannot use a regional secret`},
		{"secret_files", `{ "/etc/shop/a" = "projects/acme-dev/secrets/a/versions/1", "/etc/shop/b" = "projects/acme-dev/secrets/b/versions/1" }`, `Directory is taken`},
	} {
		steps = append(steps, resource.TestStep{Config: env.Config(onRun(set(row.attribute, row.value))), PlanOnly: true, ExpectError: wrapped(row.want)})
	}
	env.Test(t, resource.TestCase{Steps: steps})
	if calls := len(env.Fake.Journal()); calls != 0 {
		t.Errorf("%d calls were made, want none", calls)
	}
}
