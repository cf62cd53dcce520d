package app

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func checkEnvNames(a App) []Finding {
	var all []Finding
	for _, e := range environments(a) {
		for _, attribute := range []struct {
			name   string
			values map[string]string
		}{{"config", e.config}, {"secrets", e.secrets}} {
			for _, name := range sortedKeys(attribute.values) {
				all = append(all, fromError("Invalid environment name", CheckEnvName(name), e.path(attribute.name, name)...)...)
			}
		}
	}
	return all
}

func checkConfigOrSecret(a App) []Finding {
	var all []Finding
	for _, e := range environments(a) {
		for _, name := range sortedKeys(e.secrets) {
			if _, ok := e.config[name]; ok {
				all = append(all, Finding{
					Path: e.path("config", name), Uses: [][]string{e.path("config"), e.path("secrets")}, Summary: "Name in both config and secrets",
					Detail: fmt.Sprintf("%s is set in config and in secrets, and a process has one value of a name. Leave it out of config "+
						"if it is a secret, else out of secrets.", quote(name)),
				})
			}
		}
	}
	return all
}

// maxValue is the longest "NAME=value" that Linux hands to a process, with its ending NUL, on the page size that the
// nodes have. Cloud Run's own limit is lower.
// Source: Linux execve(2), MAX_ARG_STRLEN; Cloud Run quotas, "Environment variables, maximum length".
var maxValue = map[Runtime]int{GKERuntime: 128<<10 - 1, CloudRunRuntime: 32 << 10, "": 128<<10 - 1}

func checkConfigValues(a App) []Finding {
	var all []Finding
	for _, e := range environments(a) {
		all = append(all, refusedValues(a, e)...)
	}
	return all
}

func refusedValues(a App, e environment) []Finding {
	var all []Finding
	for _, name := range sortedKeys(e.config) {
		value := e.config[name]
		var why string
		switch limit := maxValue[a.Runtime()]; {
		case len(name)+1+len(value) > limit:
			why = fmt.Sprintf("has %d bytes with its name, but only %d fit. Keep large data in a backing service and its address in config",
				len(name)+1+len(value), limit)
		case !utf8.ValidString(value):
			why = "is not valid UTF-8. Encode binary data, for example with base64encode()"
		case strings.ContainsRune(value, 0):
			why = "contains a NUL character, where the environment of a process would end it. Encode binary data, for example with base64encode()"
		default:
			continue
		}
		all = append(all, Finding{
			Path: e.path("config", name), Summary: "Value cannot be an environment variable",
			Detail: fmt.Sprintf("The value of %s %s.", quote(name), why),
		})
	}
	return all
}

// maxRecorded leaves room for the object's other annotations under the 256 KiB that all of them may have.
const maxRecorded = 240 << 10

// kib shows a size: what is a byte too large does not look as if it would fit.
func kib(bytes int) int { return (bytes + 1<<10 - 1) >> 10 }

func checkConfigSize(a App) []Finding {
	worded := a // which the record has once more, as it is written
	worded.Config, worded.Secrets, worded.ConfigFiles, worded.SecretFiles = nil, nil, nil, nil
	encoded, err := Encode(a)
	wording, wordingErr := Encode(worded)
	if size := len(encoded) + len(wording); err == nil && wordingErr == nil && size <= maxRecorded {
		return nil
	}
	return []Finding{{
		Path: []string{"config"}, Uses: [][]string{{"processes"}, {"labels"}, {"sidecars"}, {"annotations"}}, Summary: "Config is too large",
		Detail: fmt.Sprintf("The app takes %d KiB as JSON, but it is recorded in an annotation of the live object, which holds %d KiB. "+
			"Keep large data in a backing service and its address in config.", kib(len(encoded)+len(wording)), kib(maxRecorded)),
	}}
}

func checkSecretVersions(a App) []Finding {
	var all []Finding
	for _, use := range SecretUses(a) {
		all = append(all, fromError("Not a secret version", CheckSecretVersion(use.Version), use.Path()...)...)
	}
	for _, file := range sortedKeys(a.SecretFiles) {
		all = append(all, fromError("Not a secret version", CheckSecretVersion(a.SecretFiles[file]), "secret_files", file)...)
	}
	return all
}

// RegionalSecrets lists what an app takes from regional secrets, by key.
func RegionalSecrets(a App) []SecretUse {
	var regional []SecretUse
	for _, use := range SecretUses(a) {
		if ref, err := ParseSecretVersion(use.Version); err == nil && ref.Location != "" {
			regional = append(regional, use)
		}
	}
	return regional
}

// secretLooks are values that are secrets by their form. Prefixes are those that the issuers publish for scanners.
var secretLooks = []struct {
	what string
	form *regexp.Regexp
}{
	{"a private key", regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`)},
	{"a service account key", regexp.MustCompile(`"private_key(_id)?"\s*:`)},
	{"an AWS access key", regexp.MustCompile(`\b(AKIA|ASIA)[0-9A-Z]{16}\b`)},
	{"a Google API key", regexp.MustCompile(`\bAIza[0-9A-Za-z_-]{35}\b`)},
	{"a GitHub token", regexp.MustCompile(`\b(gh[pousr]_[0-9A-Za-z]{36,}|github_pat_[0-9A-Za-z_]{22,})`)},
	{"a Slack token", regexp.MustCompile(`\bxox[abeoprs]-[0-9A-Za-z-]{10,}`)},
	{"a Stripe key", regexp.MustCompile(`\b[sr]k_(live|test)_[0-9A-Za-z]{16,}`)},
	{"a signed token (JWT)", regexp.MustCompile(`\beyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{8,}\.`)},
	{"a URL with a password", regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^/\s:@]*:[^/\s@]+@`)},
}

// secretNames are names whose value is a secret; a name that goes on (TOKEN_TTL, PASSWORD_FILE) is not one of them.
var secretNames = regexp.MustCompile(`(?i)(^|_)(PASSWORD|PASSWD|SECRET|SECRET_KEY|TOKEN|API_?KEY|PRIVATE_KEY|ACCESS_KEY|CREDENTIALS|SESSION_KEYS?)$`)

func checkSecretInConfig(a App) []Finding {
	var all []Finding
	for _, e := range environments(a) {
		for _, name := range sortedKeys(e.config) {
			what := looksSecret(name, e.config[name])
			if what == "" || CheckEnvName(name) != nil {
				continue
			}
			all = append(all, Finding{
				Path: e.path("config", name), Summary: "Value looks like a secret",
				Detail: fmt.Sprintf("The value of %s looks like %s. Config can be read in plan, state and the runtime's console. Put it into a "+
					"twelvefactor_secret and refer to it: secrets = { %s = twelvefactor_secret.NAME.version_id }.", name, what, name),
			})
		}
	}
	return all
}

func looksSecret(name, value string) string {
	for _, look := range secretLooks {
		if look.form.MatchString(value) {
			return look.what
		}
	}
	if value != "" && secretNames.MatchString(name) {
		return "a secret by its name"
	}
	return ""
}
