package deploy_test

import (
	"errors"
	"strings"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
)

// TestService_versionThatIsGone refers to a version that was disabled or destroyed: the error is at the secrets, names
// the version and says what helps.
func TestService_versionThatIsGone(t *testing.T) {
	for _, state := range []secretmanagerpb.SecretVersion_State{secretmanagerpb.SecretVersion_DISABLED, secretmanagerpb.SecretVersion_DESTROYED} {
		t.Run(state.String(), func(t *testing.T) {
			t.Parallel()
			w := newRunWorld(t)
			w.create()
			changed := w.app
			changed.Secrets = map[string]string{"KEY": w.secret("other-key", "second")}
			if err := w.fake.UpdateSecretVersion(changed.Secrets["KEY"], func(v *secretmanagerpb.SecretVersion) { v.State = state }); err != nil {
				t.Fatal(err)
			}
			_, _, err := w.UpdateService(w.Context(), w.spec(changed))
			var told *deploy.Error
			if !errors.As(err, &told) || len(told.Attribute) == 0 || told.Attribute[0] != "secrets" ||
				!strings.Contains(err.Error(), "other-key/versions/1") || !strings.Contains(err.Error(), state.String()) ||
				!strings.Contains(told.Fix, "version_id of a twelvefactor_secret") {
				t.Errorf("error %v", err)
			}
		})
	}
}
