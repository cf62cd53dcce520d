package deploy_test

import (
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// An error would taint the service, and Terraform would replace what is about to serve: who may call is decided before the
// rollout, so that a refusal is told at once.
func TestCreateOfARunServiceWhoseCallersAreRefusedIsNoError(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	w.fake.Deny("run.services.setIamPolicy", "")
	state, notices, err := w.CreateService(t.Context(), w.spec(w.app))
	if err != nil || state == nil || state.Status != deploy.ServiceCreating || len(notices) != 1 {
		t.Fatalf("%s, notices %v, error %v", shown(state), notices, err)
	}
	detail := notices[0].Detail
	if !strings.Contains(notices[0].Summary, "who may call service") || !strings.HasPrefix(detail, "It needs roles/run.invoker") {
		t.Errorf("the notice does not begin with the reason: %+v", notices[0])
	}
	for _, part := range []string{"roles/run.admin", "Original error: PermissionDenied", `status "creating"`} {
		if !strings.Contains(detail, part) {
			t.Errorf("the notice lacks %q: %s", part, detail)
		}
	}
	if read := w.read(); read.Status == deploy.ServiceReady {
		t.Errorf("the next plan would show nothing to do: %s", shown(read))
	}
	w.fake.Allow("run.services.setIamPolicy", "")
	if state := w.update(w.app); !state.Serves {
		t.Errorf("after the permission was there: %s", shown(state))
	}
	w.remove()
}

func TestFailedCreateThatTookOverAServingReleaseIsNoError(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	killed := serviceWorld{t, serviceCloud(t, w.fake, "test"), w.fake, w.app}
	killed.Finisher = &deploy.Finisher{} // never ends: the marks stay
	killed.create()
	w.app.Image = "asia-docker.pkg.dev/acme/shop/" + w.app.Name + ":2"
	if err := w.fake.SetImage(w.app.Image, fakegcp.ImageMissing); err != nil {
		t.Fatal(err)
	}
	state, notices, err := w.CreateService(t.Context(), w.spec(w.app))
	if err != nil || state == nil || !state.Serves || state.Status != deploy.ServiceCreating || len(notices) != 2 {
		t.Fatalf("%s, notices %v, error %v", shown(state), notices, err)
	}
	if strings.Contains(notices[0].Detail, "finished it") || !strings.Contains(notices[0].Detail, "goes on from there") {
		t.Errorf("the first notice claims what is not true: %s", notices[0].Detail)
	}
	if !strings.Contains(notices[1].Summary, "did not become ready") || !strings.Contains(notices[1].Detail, "ImagePull") {
		t.Errorf("the second notice does not tell the reason: %+v", notices[1])
	}
	if err := w.fake.SetImage(w.app.Image, ""); err != nil {
		t.Fatal(err)
	}
	w.update(w.app)
	w.remove()
}

// A worker alone serves when its pods are available, whatever is the matter with the newest ones.
func TestServesLooksAtWhatAnswers(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.app.Image = "asia-docker.pkg.dev/acme/shop/" + w.app.Name + ":1"
	if err := w.fake.SetImage(w.app.Image, fakegcp.ImageMissing); err != nil {
		t.Fatal(err)
	}
	delete(w.app.Processes, "web")
	if state, _, err := w.CreateService(t.Context(), w.spec(w.app)); err == nil || state.Serves || state.Status != deploy.ServiceFailed {
		t.Errorf("without a pod: %s, error %v", shown(state), err)
	}
	if err := w.fake.SetImage(w.app.Image, ""); err != nil {
		t.Fatal(err)
	}
	if state := w.update(w.app); !state.Serves {
		t.Errorf("with pods: %s", shown(state))
	}
	w.remove()
}
