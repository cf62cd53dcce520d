package service_test

import (
	"fmt"
	"path"
	"slices"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// failedRotation rotates the key and, in the same apply, rolls out an image that crashes. Then it looks whether what
// serves can still start, and applies an image that runs.
func failedRotation(t *testing.T, env *acctest.Env, block func(...change) string, look struct{ before, meanwhile, after func() }) []resource.TestStep {
	t.Helper()
	broken := "asia-docker.pkg.dev/acme/shop/web:broken" + env.Name("")
	behave(t, env, broken, fakegcp.ImageCrashes)()
	key := func(version string) statecheck.StateCheck {
		want := "projects/acme-dev/secrets/" + env.Name("shop-key") + "/versions/" + version
		return statecheck.ExpectKnownValue("twelvefactor_session_key.shop", tfjsonpath.New("version_id"), knownvalue.StringExact(want))
	}
	repaired := updated(env.Config(sessionKey(env, "2"), block(withKey, set("image", fmt.Sprintf("%q", nextImage)))))
	repaired.PreConfig, repaired.PostApplyFunc = look.meanwhile, look.after
	repaired.ConfigStateChecks = append(repaired.ConfigStateChecks, key("2"))
	repaired.ConfigPlanChecks.PreApply = append(repaired.ConfigPlanChecks.PreApply,
		plancheck.ExpectResourceAction("twelvefactor_session_key.shop", plancheck.ResourceActionNoop))
	return []resource.TestStep{
		{
			Config:            env.Config(sessionKey(env, "1"), block(withKey)),
			ConfigStateChecks: append(ready(), key("1")),
			PostApplyFunc:     look.before,
		},
		{
			Config:      env.Config(sessionKey(env, "2"), block(withKey, set("image", fmt.Sprintf("%q", broken)))),
			ExpectError: wrapped("did not become ready"),
		},
		repaired,
	}
}

// The pods of the release before keep serving when a rotation's rollout fails, and a new pod of theirs starts with the
// ring of before.
func TestRotationWhoseRolloutFailsOnGKE(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	var before string
	key := "projects/acme-dev/secrets/" + env.Name("shop-key")
	steps := failedRotation(t, env, func(c ...change) string { return onGKE(env, cluster, c...) }, struct{ before, meanwhile, after func() }{
		before: func() { before = secretOfPods(t, env, cluster) },
		meanwhile: func() {
			old := podsReading(t, env, cluster, before)
			if len(old) == 0 {
				t.Fatal("no pod of the release before is ready")
			}
			pods := env.Kubernetes(t, cluster).CoreV1().Pods(env.Name("web"))
			if err := pods.Delete(t.Context(), old[0].Name, metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			fresh := func(p corev1.Pod) bool {
				return !slices.ContainsFunc(old, func(o corev1.Pod) bool { return o.UID == p.UID })
			}
			until(t, env, "a new pod of the release before", func() bool {
				return slices.ContainsFunc(podsReading(t, env, cluster, before), fresh)
			})
			live, err := env.Kubernetes(t, cluster).CoreV1().Secrets(env.Name("web")).Get(t.Context(), before, metav1.GetOptions{})
			if err != nil || !secret.New(live.Data["SESSION_KEYS"]).Equal(keyRing(t, env, key+"/versions/1", "")) {
				t.Errorf("the Secret of the release before does not hold the ring of before: %v", err)
			}
		},
		after: func() {
			waitAvailable(t, env, cluster)
			now := secretOfPods(t, env, cluster)
			if now == before || len(podsReading(t, env, cluster, now)) == 0 {
				t.Errorf("pods read %q, before the rotation %q", now, before)
			}
		},
	})
	env.Test(t, resource.TestCase{Steps: steps, CheckDestroy: nothingLeft(t, env, cluster)})
}

// The revision before keeps the traffic, and its account may read the version that it is pinned to, which is enabled: an
// instance that starts now gets the ring of before.
func TestRotationWhoseRolloutFailsOnCloudRun(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	var before string
	steps := failedRotation(t, env, onRun, struct{ before, meanwhile, after func() }{
		before: func() { before = liveService(t, env, runID).GetLatestReadyRevision() },
		meanwhile: func() {
			live := liveService(t, env, runID)
			if live.GetLatestReadyRevision() != before || live.GetLatestCreatedRevision() == before {
				t.Fatalf("%s serves, before the rotation %s did", live.GetLatestReadyRevision(), before)
			}
			account, version := pinned(t, env, before)
			if version != "projects/acme-dev/secrets/shop-key/versions/1" {
				t.Errorf("the revision before is pinned to %s", version)
			}
			if err := env.Fake.AddToken("instance", "serviceAccount:"+account); err != nil {
				t.Fatal(err)
			}
			if !keyRing(t, env, version, "instance").Equal(keyRing(t, env, version, "")) {
				t.Error("an instance gets another ring")
			}
		},
		after: func() {
			now := liveService(t, env, runID).GetLatestReadyRevision()
			if _, version := pinned(t, env, now); now == before || version != "projects/acme-dev/secrets/shop-key/versions/2" {
				t.Errorf("%s serves, pinned to %s", now, version)
			}
		},
	})
	env.Test(t, resource.TestCase{Steps: steps})
	env.CheckEffects(t, "AddSecretVersion", 2)
}

// podsReading are the ready pods that are given the Secret and are not about to end.
func podsReading(t *testing.T, env *acctest.Env, cluster, name string) []corev1.Pod {
	t.Helper()
	list, err := env.Kubernetes(t, cluster).CoreV1().Pods(env.Name("web")).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(list.Items, func(p corev1.Pod) bool {
		ready := slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		})
		reads := slices.ContainsFunc(p.Spec.Containers, func(c corev1.Container) bool {
			return slices.ContainsFunc(c.Env, func(v corev1.EnvVar) bool {
				return v.ValueFrom != nil && v.ValueFrom.SecretKeyRef != nil && v.ValueFrom.SecretKeyRef.Name == name
			}) || slices.ContainsFunc(c.EnvFrom, func(f corev1.EnvFromSource) bool { return f.SecretRef != nil && f.SecretRef.Name == name })
		})
		return !ready || !reads || p.DeletionTimestamp != nil
	})
}

// pinned gives whom a revision runs as and the version of its session keys.
func pinned(t *testing.T, env *acctest.Env, revision string) (account, version string) {
	t.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr()})
	defer func() { _ = client.Close() }()
	live, err := client.RunServices().Revision(t.Context(), revision)
	if err != nil {
		t.Fatal(err)
	}
	for _, variable := range live.GetContainers()[0].GetEnv() {
		if ref := variable.GetValueSource().GetSecretKeyRef(); variable.GetName() == "SESSION_KEYS" {
			// A secret of the service's own project goes by its short name.
			return live.GetServiceAccount(), "projects/acme-dev/secrets/" + path.Base(ref.GetSecret()) + "/versions/" + ref.GetVersion()
		}
	}
	t.Fatalf("revision %s has no session keys", revision)
	return "", ""
}

// keyRing reads a version as the caller with a token, which has to be enabled.
func keyRing(t *testing.T, env *acctest.Env, version, token string) secret.Bytes {
	t.Helper()
	options := gcp.Options{EmulatorHost: env.Fake.Addr()}
	if token != "" {
		options.AccessToken = secret.FromString(token)
	}
	client := gcp.New(options)
	defer func() { _ = client.Close() }()
	live, err := client.SecretVersions().Get(t.Context(), version)
	if token == "" && (err != nil || live.GetState() != secretmanagerpb.SecretVersion_ENABLED) {
		t.Fatalf("%s is %s: %v", version, live.GetState(), err)
	}
	value, err := client.SecretVersions().Access(t.Context(), version)
	if err != nil {
		t.Fatal(err)
	}
	return value
}
