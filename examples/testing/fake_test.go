// Run it with: fakegcp run --expect-empty -- go test .
package api

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestReleaseThatCrashesIsTold(t *testing.T) {
	apply := []string{"apply", "-auto-approve", "-input=false"}
	terraform(t, true, apply...)
	control(t, "images", `{"image": "asia-docker.pkg.dev/acme/api/server:2.0.0", "behaviour": "crash"}`)
	terraform(t, false, append(apply, "-var=tag=2.0.0")...)
	terraform(t, false, "plan", "-detailed-exitcode", "-input=false", "-var=tag=2.0.0") // the plan still shows the repair
	control(t, "images", `{"image": "asia-docker.pkg.dev/acme/api/server:2.0.0", "behaviour": ""}`)
	terraform(t, true, append(apply, "-var=tag=2.0.0")...)
	terraform(t, true, "destroy", "-auto-approve", "-input=false")
}

// control posts to the fake's control API; GET http://ADDRESS/_fake/ lists it.
func control(t *testing.T, route, body string) {
	t.Helper()
	r, err := http.Post("http://"+os.Getenv("TWELVEFACTOR_EMULATOR_HOST")+"/_fake/"+route, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	if r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", route, r.Status)
	}
}

// terraform runs a command in this folder and checks whether it succeeds.
func terraform(t *testing.T, succeeds bool, args ...string) {
	t.Helper()
	out, err := exec.Command("terraform", args...).CombinedOutput()
	if (err == nil) != succeeds {
		t.Fatalf("terraform %v: %v, want success: %v\n%s", args, err, succeeds, out)
	}
}
