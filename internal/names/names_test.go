package names_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

func TestChecksHoldTheLimitsOfTheAPIs(t *testing.T) {
	t.Parallel()
	a := func(n int) string { return strings.Repeat("a", n) }
	tests := map[string]struct {
		check     func(string) error
		good, bad []string
	}{
		"cluster":   {names.CheckCluster, []string{"a", "dev", "a-1", a(40)}, []string{"", "1a", "-a", "a-", "A", "a_b", a(41)}},
		"node pool": {names.CheckNodePool, []string{"spot", a(40)}, []string{"", "Spot", a(41)}},
		"pool key":  {names.CheckPoolKey, []string{"spot", a(31)}, []string{"", "a_b", a(32)}},
		"secret":    {names.CheckSecret, []string{"A_b-1", a(255)}, []string{"", "a.b", "a/b", a(256), "a?alt=media", "a:setIamPolicy"}},
		"service account id": {
			names.CheckServiceAccountID,
			[]string{"shop-1", a(6), a(30)}, []string{"short", a(31), "1shops", "shop--"},
		},
		"run service": {names.CheckRunService, []string{"a", a(49)}, []string{"", a(50), "a.b", "a-"}},
		"project":     {names.CheckProject, []string{"acme-dev", "example.com:acme-dev"}, []string{"", "short", "123456789012", "acme-dev-", "Acme-dev", "../acme"}},
		"location": {
			names.CheckLocation,
			[]string{"asia-northeast1", "us-central1-a", "northamerica-northeast2", "europe-west12", "us-central1-ai1a"},
			[]string{"", "us", "us-central", "US-CENTRAL1", "us-central1/../x", "-"},
		},
		"location of a secret": {
			names.CheckSecretLocation,
			[]string{"europe-west3", "us-central1", "northamerica-northeast2", "eu", "us"},
			[]string{
				"", "global", "us-central1-a", "us-central1-ai1a", "-", "us-central", "EU", "u", "europe-west3.evil.example.com", "evil.example.com",
				"europe-west3/", "a/b", "europe-west3:443", "europe-west3@evil", "europe-west3#", "europe-west3?", "europe-west3\n", " europe-west3",
				"europe-west3%2e", "еu", "europe-west3\x00", strings.Repeat("a-", 20) + "a1",
			},
		},
		"namespace":          {names.CheckNamespace, []string{"shop", "1shop", a(63)}, []string{"", "Shop", "a.b", a(64), "a,b=c"}},
		"Kubernetes account": {names.CheckKubeServiceAccount, []string{"shop"}, []string{"", "a]x", a(64)}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, v := range test.good {
				if err := test.check(v); err != nil {
					t.Errorf("%q refused: %v", v, err)
				}
			}
			for _, v := range test.bad {
				if test.check(v) == nil {
					t.Errorf("%q accepted", v)
				}
			}
		})
	}
}

// hostile are inputs that must never come back out of an error unescaped or at full length.
var hostile = map[string]string{
	"NUL":            "a\x00b",
	"escape":         "a\x1b[31mred",
	"newline":        "a\nb",
	"bidi override":  "a\u202eb",
	"zero width":     "a\u200bb",
	"invalid UTF-8":  "a\xff\xfeb",
	"ten MiB":        strings.Repeat("x", 10<<20),
	"long and wide":  strings.Repeat("\U0001F600", 5000),
	"template":       "${var.x}%{ if true }",
	"path traversal": "projects/../../x",
}

func TestErrorsAreBoundedAndPrintable(t *testing.T) {
	t.Parallel()
	checks := map[string]func(string) error{
		"cluster": names.CheckCluster, "node pool": names.CheckNodePool, "secret": names.CheckSecret,
		"account": names.CheckServiceAccountID, "run": names.CheckRunService, "project": names.CheckProject,
		"location": names.CheckLocation, "secret location": names.CheckSecretLocation, "namespace": names.CheckNamespace, "ksa": names.CheckKubeServiceAccount,
		"cluster id": func(s string) error { _, err := names.ParseClusterID(s); return err },
		"secret id":  func(s string) error { _, err := names.ParseSecretID("projects/acme-dev/secrets/" + s); return err },
		"regional secret id": func(s string) error {
			_, err := names.ParseSecretID("projects/acme-dev/locations/" + s + "/secrets/s")
			return err
		},
		"version": func(s string) error {
			_, err := names.ParseSecretVersionID("projects/acme-dev/secrets/s/versions/" + s)
			return err
		},
	}
	for check, f := range checks {
		for kind, value := range hostile {
			err := f(value)
			if err == nil {
				t.Errorf("%s accepts %s", check, kind)
				continue
			}
			if msg := err.Error(); len(msg) > 1600 || !utf8.ValidString(msg) || strings.ContainsAny(msg, "\x00\x1b\n\u202e\u200b") {
				t.Errorf("%s: the error about %s is not safe to print (%d bytes): %.200q", check, kind, len(msg), msg)
			}
		}
	}
}

func TestErrorsTellValueRuleSourceAndExample(t *testing.T) {
	t.Parallel()
	err := names.CheckCluster("My_Cluster")
	for _, want := range []string{`"My_Cluster"`, "1 to 40 characters", "GKE API", `for example "dev"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not contain %q", err, want)
		}
	}
}

func TestIsZone(t *testing.T) {
	t.Parallel()
	for location, want := range map[string]bool{
		"us-central1": false, "us-central1-a": true, "us-central1-ai1a": true, "europe-west12": false, "": false, "nonsense": false,
	} {
		if got := names.IsZone(location); got != want {
			t.Errorf("IsZone(%q) = %v", location, got)
		}
	}
}

func TestCheckSecretVersion(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"1": true, "1234567": true, "latest": true, "current": true, "a": true, "Blue_2-x": true, strings.Repeat("a", 63): true,
		"": false, "0": false, "01": false, "-1": false, "1a": false, "_a": false, "a.b": false, "a/b": false, "é": false, "a\n": false,
		strings.Repeat("a", 64): false, strings.Repeat("1", 20): false,
	} {
		if err := names.CheckSecretVersion(version); (err == nil) != want {
			t.Errorf("%q: %v, want accepted: %v", version, err, want)
		}
	}
}
