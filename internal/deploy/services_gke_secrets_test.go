package deploy_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
)

// A container could not be started with such a variable, so nothing is begun: no namespace, no grant, no new release.
func TestGKEServiceRefusesSecretsThatAreNoText(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"not UTF-8": "key \xff\xfe of bytes", "with a NUL": "key\x00of text"} {
		t.Run(name, func(t *testing.T) {
			w := newGKEWorld(t)
			text, binary := w.app.Secrets["KEY"], w.secret(w.app.Name+"-raw", value)
			refused := func(state *deploy.ServiceState, err error, wantState bool) {
				t.Helper()
				var told *deploy.Error
				if (state != nil) != wantState || !errors.As(err, &told) || !slices.Equal(told.Attribute, []string{"secrets", "RAW"}) {
					t.Fatalf("%s, error %v", shown(state), err)
				}
				for _, part := range []string{"RAW cannot be an environment variable", binary, `encoding = "hex"`} {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%q is not in %v", part, err)
					}
				}
				if strings.Contains(err.Error(), "key") && strings.Contains(err.Error(), "of bytes") {
					t.Error("the error shows the value")
				}
			}
			w.app.Secrets = map[string]string{"KEY": text, "RAW": binary}
			state, _, err := w.CreateService(t.Context(), w.spec(w.app))
			refused(state, err, false)
			if left := w.left(); len(left) > 0 {
				t.Errorf("the refused create left %q", left)
			}
			w.app.Secrets = map[string]string{"KEY": text}
			made := w.create()
			changed := w.app
			changed.Secrets = map[string]string{"KEY": text, "RAW": binary}
			state, _, err = w.UpdateService(t.Context(), w.spec(changed))
			refused(state, err, true)
			if read := w.read(); read.ReleaseID != made.ReleaseID || read.Status != deploy.ServiceReady || len(read.Drift) > 0 {
				t.Errorf("the refused update changed something: %s", shown(read))
			}
			w.remove()
		})
	}
}
