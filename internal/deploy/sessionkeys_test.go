package deploy_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// ring is the effective payload, taken apart.
func (b *secretBench) ring() []string {
	b.Helper()
	return strings.Split(b.payload(b.state.Version), ",")
}

// keyWith is a session key with one setting changed.
func keyWith(trigger string, change func(*deploy.SessionKeySettings)) declared {
	settings := deploy.SessionKeySettings{Bytes: 32, Encoding: "hex", Separator: ",", Keep: 1, RotationTrigger: trigger}
	if change != nil {
		change(&settings)
	}
	return declared{key: &settings}
}

func keep(n int) func(*deploy.SessionKeySettings) {
	return func(s *deploy.SessionKeySettings) { s.Keep = n }
}

func TestSessionKey_ringKeepsPreviousKeys(t *testing.T) {
	for want, n := range map[string]int{"4": 0, "4,3": 1, "4,3,2": 2, "4,3,2,1": 5} {
		t.Run(want, func(t *testing.T) {
			b := newSecretBench(t)
			names := map[string]string{}
			for _, trigger := range []string{"1", "2", "3", "4"} {
				b.mustApply(keyWith(trigger, keep(n)))
				names[b.ring()[0]] = trigger
			}
			var got []string
			for _, key := range b.ring() {
				got = append(got, names[key])
			}
			if strings.Join(got, ",") != want || len(names) != 4 {
				t.Errorf("the ring is %v of %d keys, want %s", got, len(names), want)
			}
			b.checkSecrecy()
		})
	}
}

func TestSessionKey_form(t *testing.T) {
	for form, change := range map[string]func(*deploy.SessionKeySettings){
		`^[0-9a-f]{64}$`:        nil,
		`^[0-9a-f]{128}$`:       func(s *deploy.SessionKeySettings) { s.Bytes = 64 },
		`^[A-Za-z0-9+/]{22}==$`: func(s *deploy.SessionKeySettings) { s.Bytes, s.Encoding = 16, "base64" },
		`^[A-Za-z0-9_-]{43}$`:   func(s *deploy.SessionKeySettings) { s.Encoding = "base64url" },
	} {
		b := newSecretBench(t)
		b.mustApply(keyWith("1", change))
		if !regexp.MustCompile(form).MatchString(b.payload("1")) {
			t.Errorf("the payload has not the form %s", form)
		}
	}
}

func TestSessionKey_settingsThatRotate(t *testing.T) {
	tests := map[string]struct {
		change  func(*deploy.SessionKeySettings)
		rotates bool
	}{
		"nothing":      {nil, false},
		"keep":         {keep(3), false},
		"rotate_after": {func(s *deploy.SessionKeySettings) { s.RotateAfter = "24h" }, false},
		"bytes":        {func(s *deploy.SessionKeySettings) { s.Bytes = 48 }, true},
		"encoding":     {func(s *deploy.SessionKeySettings) { s.Encoding = "base64" }, true},
		"separator":    {func(s *deploy.SessionKeySettings) { s.Separator = " | " }, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newSecretBench(t)
			b.mustApply(keyWith("1", nil))
			first := b.payload("1")
			d := keyWith("1", test.change)
			b.mustApply(d)
			if (b.state.Version == "2") != test.rotates {
				t.Fatalf("version %s", b.state.Version)
			}
			if *b.state.Settings != *d.key {
				t.Errorf("recorded %+v, want %+v", *b.state.Settings, *d.key)
			}
			if test.rotates && !strings.HasSuffix(b.payload("2"), d.key.Separator+first) {
				t.Error("the previous key is not in the ring as it was")
			}
		})
	}
}

// TestSessionKey_repairKeepsWhatCanBeRead covers versions that were disabled or destroyed by hand.
func TestSessionKey_repairKeepsWhatCanBeRead(t *testing.T) {
	versions := func(b *secretBench) gcp.SecretVersions { return b.cloud.GCP.SecretVersions() }
	disable := func(b *secretBench, n string) error {
		_, err := versions(b).Disable(b.Context(), b.id.String()+"/versions/"+n)
		return err
	}
	destroy := func(b *secretBench, n string) error {
		_, err := versions(b).Destroy(b.Context(), b.id.String()+"/versions/"+n)
		return err
	}
	tests := map[string]struct {
		harm func(*secretBench, string) error
		lost []string
		kept string // the version whose keys go on
	}{
		"the newest disabled":    {disable, []string{"3"}, "2"},
		"the newest destroyed":   {destroy, []string{"3"}, "2"},
		"the two newest gone":    {destroy, []string{"3", "2"}, "1"},
		"all of them gone":       {destroy, []string{"3", "2", "1"}, ""},
		"an older one destroyed": {destroy, []string{"2"}, "3"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newSecretBench(t)
			payloads := map[string]string{}
			for _, n := range []string{"1", "2", "3"} {
				b.mustApply(keyWith(n, keep(10)))
				payloads[n] = b.payload(n)
			}
			for _, n := range test.lost {
				if err := test.harm(b, n); err != nil {
					t.Fatal(err)
				}
			}
			d := keyWith("3", keep(10))
			b.refresh(d)
			if test.kept == "3" {
				if b.state.Version != "3" || b.state.Status != deploy.SecretReady {
					t.Errorf("state %+v", b.state)
				}
				return
			}
			if b.state.Version != "" || b.state.Status != deploy.SecretDegraded {
				t.Errorf("the loss does not show: %+v", b.state)
			}
			b.mustApply(d)
			if b.state.Version != "4" {
				t.Fatalf("version %s", b.state.Version)
			}
			head, rest, _ := strings.Cut(b.payload("4"), ",")
			if rest != payloads[test.kept] || strings.Contains(payloads["3"], head) {
				t.Error("the new ring is not a new key before the ring that could still be read")
			}
			b.checkSecrecy()
		})
	}
}

func TestSessionKey_rotationNeedsTheCurrentKey(t *testing.T) {
	for name, test := range map[string]struct {
		keep int
		err  string
	}{
		"kept":     {1, "Cannot rotate session key"},
		"not kept": {0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newSecretBench(t)
			b.mustApply(keyWith("1", keep(test.keep)))
			if err := b.fake.Inject(fakegcp.Fault{Method: "AccessSecretVersion", Code: codes.PermissionDenied}); err != nil {
				t.Fatal(err)
			}
			err := b.apply(keyWith("2", keep(test.keep)))
			b.fake.ClearFaults()
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			b.mustApply(keyWith("2", keep(test.keep)))
			if b.state.Version != "2" || len(b.enabled()) != 2 {
				t.Errorf("version %s of %d", b.state.Version, len(b.enabled()))
			}
		})
	}
}

// TestSessionKey_laterRunsDoNotGoBack applies an older plan after another run has rotated: the payload stays the newer
// one, whatever the older plan knew.
func TestSessionKey_laterRunsDoNotGoBack(t *testing.T) {
	b := newSecretBench(t)
	b.mustApply(keyWith("1", nil))
	stale := *b.state
	b.mustApply(keyWith("2", nil))
	rotated := b.payload("2")

	b.state = &stale
	live, _, err := b.update(b.Context(), keyWith("1", func(s *deploy.SessionKeySettings) { s.RotateAfter = "720h" }))
	if err != nil {
		t.Fatal(err)
	}
	b.refresh(keyWith("1", nil))
	if b.state.Version != "2" || b.payload("2") != rotated || len(b.enabled()) != 2 {
		t.Errorf("the plan without a rotation moved the version to %s (result %+v)", b.state.Version, live)
	}
}

func TestRotationDueSince(t *testing.T) {
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	due := start.Add(720 * time.Hour)
	for name, test := range map[string]struct {
		after string
		now   time.Time
		want  time.Time
	}{
		"never":             {"", start.Add(10000 * time.Hour), time.Time{}},
		"a moment before":   {"720h", due.Add(-time.Second), time.Time{}},
		"at the moment":     {"720h", due, due},
		"long after":        {"720h", due.Add(1000 * time.Hour), due},
		"fraction before":   {"1500ms", start.Add(1900 * time.Millisecond), time.Time{}},
		"fraction":          {"1500ms", start.Add(2 * time.Second), start.Add(2 * time.Second)},
		"not a duration":    {"soon", due, time.Time{}},
		"negative duration": {"-1h", due, time.Time{}},
	} {
		c := &deploy.Cloud{Clock: clock.NewInstant(test.now)}
		if got := c.RotationDueSince(deploy.SessionKeySettings{RotateAfter: test.after}, start); !got.Equal(test.want) {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
