package deploy

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// serviceSecretDenied is what Cloud Run answers while a revision may not read its secret, which is also the case for
// some minutes after the grant. Seen with codes 7, 9 and 13.
var serviceSecretDenied = regexp.MustCompile(`(?i)permission denied on secret`)

// serviceAccountUnknown is what Cloud Run answers about a service account that was made a moment ago.
var serviceAccountUnknown = regexp.MustCompile(`(?i)service account \S+ does not exist|iam\.serviceaccounts\.actas`)

// serviceNotYet recognises refusals that pass: what was made a moment ago is not known everywhere yet.
func serviceNotYet(err error) bool {
	return err != nil && (serviceAccountUnknown.MatchString(err.Error()) || serviceSecretDenied.MatchString(err.Error()))
}

// runProcessError is a failure of one process on Cloud Run.
type runProcessError struct {
	process string
	error
}

// Unwrap gives the failure.
func (e runProcessError) Unwrap() error { return e.error }

// serviceRevisionReasons finds the attribute that a revision's failure belongs to by Cloud Run's text. PROCESS is
// replaced.
// Source: cloud.google.com/run/docs/troubleshooting, and the sightings in internal/fakegcp.
var serviceRevisionReasons = []struct {
	text *regexp.Regexp
	serviceReason
}{
	{serviceSecretDenied, serviceReason{[]string{"secrets"}, "The grant has not become effective in time, or is taken away or denied by something else " +
		"(a deny policy, VPC Service Controls). Apply again."}},
	{regexp.MustCompile(`(?i)image '?\S+'? not found|CONTAINER_MISSING`), serviceReason{[]string{"image"}, serviceImageFix}},
	{regexp.MustCompile(`(?i)permission to read the image|CONTAINER_PERMISSION_DENIED|CONTAINER_IMAGE_UNAUTHORIZED`), serviceReason{[]string{"image"},
		"Grant roles/artifactregistry.reader on the repository to the service agent that the message names."}},
	{regexp.MustCompile(`(?i)quota exceeded|MIN_INSTANCES_NOT_PROVISIONED`), serviceReason{[]string{"processes", "PROCESS", "scale"},
		"Lower scale, or ask for a higher quota of Cloud Run in this region: https://console.cloud.google.com/iam-admin/quotas"}},
	{regexp.MustCompile(`(?i)startup probe`), serviceReason{[]string{"processes", "PROCESS", "startup"}, serviceReadyFix}},
	{regexp.MustCompile(`(?i)failed to start and listen on the port`), serviceReason{[]string{"processes", "PROCESS", "port"}, serviceReadyFix}},
	{regexp.MustCompile(`(?i)memory limit`), serviceReason{[]string{"processes", "PROCESS", "memory"}, "Raise memory, for example memory = \"1Gi\"."}},
	{regexp.MustCompile(`(?i)container failed to start|failed to start the container|HEALTH_CHECK_CONTAINER_ERROR`), serviceReason{[]string{"processes", "PROCESS"},
		"Its log tells why; the message links to it where Cloud Run gives one."}},
	{regexp.MustCompile(`(?i)in (?:DISABLED|DESTROYED) state`), serviceReason{[]string{"secrets"}, secretGoneFix}},
	{
		regexp.MustCompile(`(?i)\bvpc\b|subnet|network interface`), serviceReason{[]string{"cloud_run", "vpc"},
			"Check that network and subnetwork exist in the service's region, have free addresses, and may be used by Cloud Run's service agent " +
				"(roles/compute.networkUser, in the project of a shared network too)."},
	},
	{regexp.MustCompile(`(?i)secret`), serviceReason{[]string{"secrets"}, "Check that the version exists and is enabled."}},
}

func serviceRevisionError(a app.App, failed *gcp.OperationError, err error) error {
	process := app.Web
	var of runProcessError
	if errors.As(err, &of) {
		process = of.process
	}
	e := &Error{
		Summary: fmt.Sprintf("Service %q did not become ready", a.Name),
		Why:     fmt.Sprintf("Process %q does not come up: Cloud Run does not serve its new revision. A revision that served before goes on serving.", process),
		Fix:     "Correct what the message names, and apply again.",
		Err:     err,
	}
	text := failed.Message + " " + strings.Join(failed.Conditions, " ")
	for _, reason := range serviceRevisionReasons {
		if !reason.text.MatchString(text) {
			continue
		}
		e.Fix = reason.fix
		for _, step := range reason.attribute {
			e.Attribute = append(e.Attribute, strings.ReplaceAll(step, "PROCESS", process))
		}
		if slices.Equal(e.Attribute, []string{"secrets"}) {
			if runVolume.MatchString(failed.Message) {
				e.Attribute = []string{"secret_files"}
			}
			e.Attribute = serviceOrPath(serviceSecretIn(a, failed.Message), e.Attribute)
		}
		break
	}
	serviceRevisionSidecar(e, a, failed.Message)
	return e.aboutImageOf(a)
}

// runVolume is how Cloud Run begins what it says about a file.
var runVolume = regexp.MustCompile(`volumes\[\d+\]`)

func serviceOrPath(path, otherwise []string) []string {
	if len(path) == 0 {
		return otherwise
	}
	return path
}

// serviceVersionForm is a secret version as Cloud Run's texts name it: with the project's number.
var serviceVersionForm = regexp.MustCompile(`/secrets/([A-Za-z0-9_-]+)/versions/([A-Za-z0-9_-]+)`)

// serviceSecretIn finds where the app names the secret version that a text is about, nil when the text names none.
func serviceSecretIn(a app.App, text string) []string {
	for _, said := range serviceVersionForm.FindAllStringSubmatch(text, -1) {
		for _, use := range app.SecretUses(a) {
			if id, err := names.ParseSecretVersionID(use.Version); err == nil && id.Secret == said[1] && id.Version == said[2] {
				return use.Path()
			}
		}
		for _, file := range slices.Sorted(maps.Keys(a.SecretFiles)) {
			if id, err := names.ParseSecretVersionID(a.SecretFiles[file]); err == nil && id.Secret == said[1] && id.Version == said[2] {
				return []string{"secret_files", file}
			}
		}
	}
	return nil
}
