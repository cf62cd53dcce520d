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
	for _, attribute := range []struct {
		name   string
		values map[string]string
	}{{"config", a.Config}, {"secrets", a.Secrets}} {
		for _, name := range sortedKeys(attribute.values) {
			all = append(all, fromError("Invalid environment name", CheckEnvName(name), attribute.name, name)...)
		}
	}
	return all
}

func checkConfigOrSecret(a App) []Finding {
	var all []Finding
	for _, name := range sortedKeys(a.Secrets) {
		if _, ok := a.Config[name]; ok {
			all = append(all, Finding{
				Path: []string{"config", name}, Uses: [][]string{{"config"}, {"secrets"}}, Summary: "Name in both config and secrets",
				Detail: fmt.Sprintf("%s is set in config and in secrets, and a process has one value of a name. Leave it out of config "+
					"if it is a secret, else out of secrets.", quote(name)),
			})
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
	for _, name := range sortedKeys(a.Config) {
		value := a.Config[name]
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
			Path: []string{"config", name}, Summary: "Value cannot be an environment variable",
			Detail: fmt.Sprintf("The value of %s %s.", quote(name), why),
		})
	}
	return all
}

// maxRecorded leaves room for the object's other annotations under the 256 KiB that all of them may have.
const maxRecorded = 240 << 10

func checkConfigSize(a App) []Finding {
	encoded, err := Encode(a)
	if err == nil && len(encoded) <= maxRecorded {
		return nil
	}
	return []Finding{{
		Path: []string{"config"}, Uses: [][]string{{"processes"}, {"labels"}}, Summary: "Config is too large",
		Detail: fmt.Sprintf("The app takes %d KiB as JSON, but it is recorded in an annotation of the live object, which holds %d KiB. "+
			"Keep large data in a backing service and its address in config.", len(encoded)>>10, maxRecorded>>10),
	}}
}

func checkSecretVersions(a App) []Finding {
	var all []Finding
	for _, name := range sortedKeys(a.Secrets) {
		all = append(all, fromError("Not a secret version", CheckSecretVersion(a.Secrets[name]), "secrets", name)...)
	}
	for _, file := range sortedKeys(a.SecretFiles) {
		all = append(all, fromError("Not a secret version", CheckSecretVersion(a.SecretFiles[file]), "secret_files", file)...)
	}
	return all
}

// RegionalSecrets lists the environment names that an app takes from regional secrets, sorted.
func RegionalSecrets(a App) []string {
	var regional []string
	for _, name := range sortedKeys(a.Secrets) {
		if ref, err := ParseSecretVersion(a.Secrets[name]); err == nil && ref.Location != "" {
			regional = append(regional, name)
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
	for _, name := range sortedKeys(a.Config) {
		what := looksSecret(name, a.Config[name])
		if what == "" || CheckEnvName(name) != nil {
			continue
		}
		all = append(all, Finding{
			Path: []string{"config", name}, Summary: "Value looks like a secret",
			Detail: fmt.Sprintf("The value of %s looks like %s. Config can be read in plan, state and the runtime's console. Put it into a "+
				"twelvefactor_secret and refer to it: secrets = { %s = twelvefactor_secret.NAME.version_id }.", name, what, name),
		})
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
