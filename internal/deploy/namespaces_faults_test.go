package deploy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
)

func boundedNamespace(n *app.Namespace) {
	n.Quota = map[string]string{"pods": "50"}
	n.Limits = &app.NamespaceLimits{DefaultRequest: map[string]string{"cpu": "100m"}}
}

// Each change of a create, an update and a delete is refused once: the error says what to do, the state is honest, and the
// same change goes through afterwards.
func TestNamespaceChangesThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	k, cluster := w.killable()
	w.app.GKE.Cluster = cluster.String()
	ctx := t.Context()
	told := func(what string, err error) bool {
		t.Helper()
		var e *deploy.Error
		if err != nil && (!errors.As(err, &e) || !strings.Contains(e.Fix, "guide \"Permissions\"") || !strings.Contains(err.Error(), "may not do that")) {
			t.Errorf("%s: %v", what, err)
		}
		return err != nil
	}
	refusals := 0
	for n := 1; ; n++ {
		k.deny(n)
		state, _, err := w.CreateNamespace(ctx, w.namespaceSpec(boundedNamespace))
		k.arm(0, false)
		if !told("create", err) {
			break
		}
		refusals++
		if (n == 1) != (state == nil) || state != nil && state.Status == deploy.NamespaceReady && n < 5 {
			t.Errorf("create refused at write %d: state %+v", n, state)
		}
		w.deleteNamespace(nil) // what a tainted resource comes to
	}
	for n := 1; ; n++ {
		k.deny(n)
		_, _, err := w.UpdateNamespace(ctx, w.namespaceSpec(nil))
		k.arm(0, false)
		if !told("update", err) {
			break
		}
		refusals++
		if n > 1 { // the record is written first, and what is not yet as it says is drift
			if live, _, err := w.ReadNamespace(ctx, w.namespaceSpec(boundedNamespace)); err != nil || live.Status != deploy.NamespaceDegraded || len(live.Drift) == 0 {
				t.Errorf("update refused at write %d: %+v, %v", n, live, err)
			}
		}
		if _, _, err := w.UpdateNamespace(ctx, w.namespaceSpec(boundedNamespace)); err != nil {
			t.Fatal(err)
		}
	}
	k.deny(1)
	_, err := w.DeleteNamespace(ctx, w.namespaceSpec(nil))
	k.arm(0, false)
	if !told("delete", err) {
		t.Error("the refused delete is no error")
	}
	w.deleteNamespace(nil)
	if refusals < 8 {
		t.Errorf("%d changes were refused", refusals)
	}
}

// A cluster that does not answer leaves the state alone.
func TestNamespaceOfAClusterThatIsAway(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	k, cluster := w.killable()
	w.app.GKE.Cluster = cluster.String()
	w.createNamespace(nil)
	k.mu.Lock()
	k.dead = true
	k.mu.Unlock()
	state, notices, err := w.ReadNamespace(t.Context(), w.namespaceSpec(nil))
	if err != nil || state == nil || !state.Unreachable || len(notices) != 1 {
		t.Errorf("%+v, %v, %v", state, notices, err)
	}
	if _, err := w.DeleteNamespace(t.Context(), w.namespaceSpec(nil)); err == nil {
		t.Error("a namespace that cannot be asked for is taken for deleted")
	}
	k.arm(0, false)
	w.deleteNamespace(nil)
}
