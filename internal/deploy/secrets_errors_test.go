package deploy_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

const typo = "serviceAccount:typo@acme-dev.iam.gserviceaccount.com"

// checkTypo demands that the error names the account, at the attribute, and that it guesses at nothing else.
func checkTypo(t *testing.T, err error, attribute ...string) {
	t.Helper()
	var told *deploy.Error
	if !errors.As(err, &told) {
		t.Fatalf("error %v", err)
	}
	if told.Summary != "Service account typo@acme-dev.iam.gserviceaccount.com does not exist" ||
		!strings.Contains(told.Fix, "depends_on") || !slices.Equal(told.Attribute, attribute) ||
		strings.Contains(err.Error(), "allUsers") || strings.Contains(err.Error(), "rganization policy") {
		t.Errorf("at %q: %v", told.Attribute, err)
	}
}

func TestSecretAccessorThatDoesNotExist(t *testing.T) {
	t.Parallel()
	for _, d := range []declared{*secretNamed("1", typo)(newSecretBench(t)), *keyTriggered("1", alice, typo)(nil)} {
		b := newSecretBench(t)
		began := b.clock.Now()
		checkTypo(t, b.apply(d), "accessors")
		if waited := b.clock.Now().Sub(began); waited > 2*gcp.MemberGrace {
			t.Errorf("it took %s", waited)
		}
	}
}

// updateInvokers makes a service that nobody may call, and then declares who may.
func updateInvokers(w serviceWorld, public bool, invokers ...string) error {
	w.app.CloudRun = &app.CloudRun{Project: "acme-dev", Location: "asia-northeast1"}
	w.create()
	w.GCP = gcp.New(gcp.Options{EmulatorHost: w.fake.Addr(), Clock: clock.NewInstant(time.Now())})
	w.Cleanup(func() { _ = w.GCP.Close() })
	changed := w.app
	changed.CloudRun = &app.CloudRun{Project: "acme-dev", Location: "asia-northeast1", Public: public, Invokers: invokers}
	_, _, err := w.UpdateService(w.Context(), w.spec(changed))
	return err
}

func TestRunInvokersThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, public := range []bool{false, true} {
		checkTypo(t, updateInvokers(newRunWorld(t), public, typo), "cloud_run", "invokers")
		w := newRunWorld(t)
		w.fake.Deny("run.services.setIamPolicy", "")
		err := updateInvokers(w, public, alice)
		if gcp.Classify(err) != gcp.PermissionDenied || strings.Contains(err.Error(), "allUsers") != public {
			t.Errorf("refused, public = %t: %v", public, err)
		}
	}
}
