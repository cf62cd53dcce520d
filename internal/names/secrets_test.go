package names_test

import (
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

func TestSecretsAreGlobalOrRegional(t *testing.T) {
	t.Parallel()
	global := names.SecretID{Project: "acme-dev", Name: "k"}
	regional := names.SecretID{Project: "acme-dev", Location: "europe-west3", Name: "k"}
	for id, want := range map[names.SecretID][3]string{
		global:   {"projects/acme-dev", "projects/acme-dev/secrets/k", "projects/acme-dev/secrets/k/versions/7"},
		regional: {"projects/acme-dev/locations/europe-west3", "projects/acme-dev/locations/europe-west3/secrets/k", "projects/acme-dev/locations/europe-west3/secrets/k/versions/7"},
	} {
		if got := [3]string{id.Parent(), id.String(), id.Version("7").String()}; got != want {
			t.Errorf("%v: %v", id, got)
		}
		if id.Version("7").SecretID() != id {
			t.Errorf("%v is not the secret of its version", id)
		}
		if parsed, err := names.ParseSecretVersionID(want[2]); err != nil || parsed != id.Version("7") {
			t.Errorf("%s was parsed as %v, %v", want[2], parsed, err)
		}
	}
}

func TestErrorsAboutSecretNamesSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"payments": "the form is projects/PROJECT/secrets/SECRET, of a regional one projects/PROJECT/locations/LOCATION/secrets/SECRET",
		"projects/acme-dev/regions/europe-west3/secrets/k":                    "the form is projects/PROJECT/secrets/SECRET, of a regional one",
		"projects/acme-dev/locations/europe-west3/secrets/k/versions/1":       "the form is projects/PROJECT/secrets/SECRET, of a regional one",
		"projects/acme-dev/locations/europe-west3-a/secrets/k":                `"europe-west3-a" is a zone`,
		"projects/acme-dev/locations/global/secrets/k":                        `location of a secret "global" is not valid`,
		"projects/acme-dev/locations//secrets/k":                              `location of a secret "" is not valid`,
		"projects/acme-dev/locations/europe-west3.evil.example.com/secrets/k": "is not valid",
		"projects/acme-dev/locations/europe-west3/secrets/a.b":                `secret name "a.b" is not valid`,
		"projects/acme-dev/locations/europe-west3/secrets/":                   `secret name "" is not valid`,
	} {
		_, err := names.ParseSecretID(name)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := names.ParseSecretVersionID("projects/acme-dev/locations/europe-west3/secrets/k/versions/latest")
	if err == nil || !strings.Contains(err.Error(), `"latest" is not a version number`) {
		t.Error(err)
	}
}

func TestSecretLocationComesFromTheThirdAndFourthSegment(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"projects/p/secrets/s": "", "projects/p/secrets/s/versions/1": "", "projects/p": "", "": "", "locations/us/secrets/s": "",
		"projects/p/locations/europe-west3":                      "europe-west3",
		"projects/p/locations/europe-west3/secrets/s":            "europe-west3",
		"projects/p/locations/europe-west3/secrets/s/versions/1": "europe-west3",
		"projects/locations/secrets/locations":                   "",
	} {
		if got, err := names.SecretLocation(name); got != want || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, location := range []string{"", "evil.example.com", "a.b", "europe-west3:1", "europe-west3-a", "global"} {
		if _, err := names.SecretLocation("projects/p/locations/" + location + "/secrets/s"); err == nil {
			t.Errorf("location %q was accepted", location)
		}
	}
}
