package kube_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp/kubernetes"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
)

// mayRead refuses the secrets called denied and destroyed.
func mayRead(_ kubernetes.PodIdentity, version string) string {
	switch {
	case strings.Contains(version, "/denied/"):
		return "code = PermissionDenied desc = Permission 'secretmanager.versions.access' denied for resource '" + version + "' (or it may not exist)."
	case strings.Contains(version, "/destroyed/"):
		return "code = FailedPrecondition desc = Secret Version [" + version + "] is in DESTROYED state."
	}
	return ""
}

// mounting is a Deployment with a file of a secret.
func mounting(t *testing.T, client *kube.Client, namespace, secret string) {
	t.Helper()
	if secret != "" {
		apply(t, client, parse(t, `
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: files, namespace: `+namespace+`}
spec: {provider: gke, parameters: {secrets: '[{"resourceName": "projects/acme-dev/secrets/`+secret+`/versions/1", "path": "key"}]'}}
`), kube.ApplyOptions{})
	}
	d := deployment(t, namespace, "ok:1")
	volume := map[string]any{"name": "files", "csi": map[string]any{
		"driver": "secrets-store-gke.csi.k8s.io", "readOnly": true, "volumeAttributes": map[string]any{"secretProviderClass": "files"},
	}}
	if err := unstructured.SetNestedSlice(d.Object, []any{volume}, "spec", "template", "spec", "volumes"); err != nil {
		t.Fatal(err)
	}
	apply(t, client, d, kube.ApplyOptions{})
}

// A mount that fails ends the rollout with the kubelet's words: late where a grant may still be on its way, soon where it
// is of no use to wait.
func TestRolloutWhoseVolumesCannotBeMounted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		secret, says string
		grace        time.Duration // that it is waited for at least
	}{
		"denied":     {"denied", "code = PermissionDenied", 4 * time.Minute},
		"destroyed":  {"destroyed", "in DESTROYED state", 10 * time.Second},
		"no classes": {"", `"files" not found`, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, namespace := live(t)
			now := &clock.Offset{}
			client := connect(t, kube.Config{
				Endpoint: cluster.Endpoint(), CACertificate: cluster.CACertificate(), PollInterval: 50 * time.Millisecond, Clock: now,
				Token: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "admin"}),
			})
			mounting(t, client, namespace, test.secret)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			begin, ended := now.Now(), make(chan error, 1)
			go func() { ended <- client.WaitRollout(ctx, namespace, []string{"web"}) }()
			for tick := time.NewTicker(100 * time.Millisecond); ; <-tick.C {
				select {
				case err := <-ended:
					var failed *kube.RolloutError
					if !errors.As(err, &failed) || !failed.Hopeless || failed.Reason != kube.FailedMount || !strings.Contains(failed.Message, test.says) {
						t.Errorf("the rollout ended with %v", err)
					}
					if waited := now.Now().Sub(begin); waited < test.grace {
						t.Errorf("it ended after %s", waited)
					}
					return
				default:
					now.Advance(5 * time.Second)
				}
			}
		})
	}
}

func TestRolloutWithAFileOfASecret(t *testing.T) {
	t.Parallel()
	client, namespace := live(t)
	mounting(t, client, namespace, "tls")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := client.WaitRollout(ctx, namespace, []string{"web"}); err != nil {
		t.Error(err)
	}
}
