package deploy_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
)

// The provider itself reads the secrets of a service on GKE: access that is granted a little later is waited for, one that is
// not comes out at the secret before anything is changed, on create and on update.
func TestGKESecretThatTheProviderMayNotReadYet(t *testing.T) {
	t.Parallel()
	const permission = "secretmanager.versions.access"
	w, direct, _, _ := newSwitchedWorld(t)
	offset := &clock.Offset{}
	w.Clock = offset
	w.app.Secrets = map[string]string{"KEY": w.secret("key", "first")}
	changed := w.app
	changed.Secrets = map[string]string{"KEY": w.secret("key", "second")}

	// while makes a change without the permission, until then has done something about it.
	while := func(do func(context.Context) (*deploy.ServiceState, []deploy.Notice, error), then func()) (*deploy.ServiceState, error) {
		t.Helper()
		w.fake.Deny(permission, "")
		defer w.fake.Allow(permission, "")
		timer := time.AfterFunc(500*time.Millisecond, then)
		defer timer.Stop()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		state, _, err := do(ctx)
		return state, err
	}
	granted := func() { w.fake.Allow(permission, "") }
	timeIsUp := func() { offset.Advance(3 * time.Minute) }
	create := func(ctx context.Context) (*deploy.ServiceState, []deploy.Notice, error) {
		return w.CreateService(ctx, w.spec(w.app))
	}
	update := func(ctx context.Context) (*deploy.ServiceState, []deploy.Notice, error) {
		return w.UpdateService(ctx, w.spec(changed))
	}
	denied := func(what string, err error) {
		t.Helper()
		var told *deploy.Error
		if !errors.As(err, &told) || strings.Join(told.Attribute, ".") != "secrets.KEY" || !strings.Contains(told.Fix, permission) {
			t.Errorf("the %s ends with %+v", what, err)
		}
	}

	state, err := while(create, timeIsUp)
	denied("create", err)
	if state != nil {
		t.Errorf("the create that was denied left %s", shown(state))
	}
	if state, err = while(create, granted); err != nil || state.Status != deploy.ServiceReady {
		t.Fatalf("granted a little later, the create ends with %s, %v", shown(state), err)
	}
	stop := direct.watchAvailable()
	_, err = while(update, timeIsUp)
	denied("update", err)
	if read := w.read(); read.Status != deploy.ServiceReady || read.App.Secrets["KEY"] != w.app.Secrets["KEY"] {
		t.Errorf("after the update that was denied: %s", shown(read))
	}
	if state, err = while(update, granted); err != nil || state.Status != deploy.ServiceReady {
		t.Errorf("granted a little later, the update ends with %s, %v", shown(state), err)
	}
	stop()
	w.app = changed
	w.removeFrom(t)
}
