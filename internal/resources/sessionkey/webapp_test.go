package sessionkey_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// webApp is examples/session-app as a process, with the version of the session key that it was rolled out with.
type webApp struct {
	*acctest.Program
	t *testing.T
}

// startApp starts the app as a rollout does. fromStore has it read the ring through the Secret Manager client; else it gets the
// ring in its environment.
func startApp(t *testing.T, env *acctest.Env, version string, fromStore bool) *webApp {
	t.Helper()
	ring := "SESSION_KEYS=" + payload(t, env, version)
	if fromStore {
		ring = "SESSION_KEYS_VERSION=" + id + "/versions/" + version
	}
	program := acctest.StartProgram(t, acctest.ExampleProgram(t, "session-app"), "SECRETMANAGER_EMULATOR_HOST="+env.Fake.Addr(), ring)
	return &webApp{Program: program, t: t}
}

// login gives the cookie of a new session.
func (a *webApp) login(user string) *http.Cookie {
	a.t.Helper()
	resp, err := http.PostForm("http://"+a.Address+"/login", url.Values{"user": {user}})
	must(err)
	must(resp.Body.Close())
	cookies := resp.Cookies()
	if resp.StatusCode != http.StatusNoContent || len(cookies) != 1 {
		a.t.Fatalf("login: %s, %d cookies", resp.Status, len(cookies))
	}
	return cookies[0]
}

// knows tells whether the app takes the cookie for a session.
func (a *webApp) knows(cookie *http.Cookie) bool {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), http.MethodGet, "http://"+a.Address+"/", nil)
	must(err)
	request.AddCookie(cookie)
	resp, err := http.DefaultClient.Do(request)
	must(err)
	must(resp.Body.Close())
	switch resp.StatusCode {
	case http.StatusOK:
		return true
	case http.StatusUnauthorized:
		return false
	}
	a.t.Fatalf("the page is %s", resp.Status)
	return false
}

// rotated is one session key that is made and rotated by the resource.
type rotated struct {
	*acctest.Life
	keep int64
}

// rotate applies until the nth rotation, 0 for the create, and gives the effective version.
func (r *rotated) rotate(n int) string {
	r.Helper()
	said := r.Apply(valid(acctest.Attributes{"keep": r.keep, "rotation_trigger": strconv.Itoa(n)}))
	if r.State == nil || acctest.Failed(said) {
		r.Fatal(said)
	}
	if version := r.State.Get(r, "version"); version != strconv.Itoa(n+1) {
		r.Fatalf("rotation %d made version %s", n, version)
	}
	return r.State.Get(r, "version")
}

// A session of the example's app, signed with key k, verifies for exactly keep rotations, in each app that was started with
// a ring of that time. What still runs with the old ring goes on until it is replaced.
func TestSessionKey_sessionsOfTheWebApp(t *testing.T) {
	t.Parallel()
	for _, keep := range []int{0, 1, 3} {
		for _, fromStore := range []bool{true, false} {
			t.Run(fmt.Sprintf("keep %d, from the store %v", keep, fromStore), func(t *testing.T) {
				t.Parallel()
				canaries := acctest.NewCanaries()
				env := acctest.New(t, acctest.WithRand(canaries.Reader()))
				key := &rotated{env.NewLife(t, noun, canaries), int64(keep)}
				app := startApp(t, env, key.rotate(0), fromStore)
				cookies := []*http.Cookie{app.login("user 0")} // by the rotation after which they were signed
				for rotation := 1; rotation <= keep+2; rotation++ {
					version := key.rotate(rotation)
					if !app.knows(cookies[rotation-1]) {
						t.Error("the app that still runs with the old ring ended its sessions")
					}
					old := app
					app = startApp(t, env, version, fromStore)
					cookies = append(cookies, app.login(fmt.Sprint("user ", rotation)))
					if old.knows(cookies[rotation]) {
						t.Error("the old app knows a key that came after it")
					}
					for signed, cookie := range cookies {
						if got, want := app.knows(cookie), rotation-signed <= keep; got != want {
							t.Errorf("after %d rotations a session signed with key %d is known: %v, want %v", rotation, signed, got, want)
						}
					}
					old.Stop(t)
					canaries.CheckText(t, "output of the app", old.Output())
				}
				app.Stop(t)
				canaries.CheckText(t, "output of the app", app.Output())
				if canaries.Count() == 0 || !strings.Contains(app.Output(), `"request"`) {
					t.Errorf("%d keys were looked for in:\n%s", canaries.Count(), app.Output())
				}
			})
		}
	}
}

// After a leak, keep = 0 and a rotation end every session at once.
func TestSessionKey_leakEndsSessionsOfTheWebApp(t *testing.T) {
	t.Parallel()
	canaries := acctest.NewCanaries()
	env := acctest.New(t, acctest.WithRand(canaries.Reader()))
	key := &rotated{env.NewLife(t, noun, canaries), 3}
	app := startApp(t, env, key.rotate(0), true)
	cookie := app.login("mallory")
	app.Stop(t)
	key.keep = 0
	app = startApp(t, env, key.rotate(1), true)
	if app.knows(cookie) {
		t.Error("a session that was signed with the leaked key is still known")
	}
	app.Stop(t)
}

// The app does not start without a ring, and says why without showing one.
func TestSessionKey_webAppWithoutARing(t *testing.T) {
	t.Parallel()
	canaries := acctest.NewCanaries()
	env := acctest.New(t, acctest.WithRand(canaries.Reader()))
	key := &rotated{env.NewLife(t, noun, canaries), 1}
	version := id + "/versions/" + key.rotate(0)
	must(env.Fake.UpdateSecretVersion(version, func(v *secretmanagerpb.SecretVersion) { v.State = secretmanagerpb.SecretVersion_DISABLED }))
	app := acctest.ExampleProgram(t, "session-app")
	emulator := "SECRETMANAGER_EMULATOR_HOST=" + env.Fake.Addr()
	for want, variables := range map[string][]string{
		"SESSION_KEYS_VERSION":  {emulator},
		"is in DISABLED state":  {emulator, "SESSION_KEYS_VERSION=" + version},
		"versions/7] not found": {emulator, "SESSION_KEYS_VERSION=" + id + "/versions/7"},
	} {
		code, output := acctest.FailProgram(t, app, variables...)
		if code != 1 || !strings.Contains(output, want) {
			t.Errorf("it ended with %d, want %q in:\n%s", code, want, output)
		}
		canaries.CheckText(t, "output of the app", output)
	}
}
