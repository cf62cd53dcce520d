package fakegcp

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
)

// Limits of a secret. Source: the comments of google/cloud/secretmanager/v1/resources.proto.
const (
	maxSecretLabels          = 64
	maxSecretAnnotationBytes = 16 << 10
	maxSecretTopics          = 10
	maxSecretAliases         = 50
)

var (
	labelKeyForm      = regexp.MustCompile(`^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$`)
	labelValueForm    = regexp.MustCompile(`^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$`)
	annotationKeyForm = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9_./-]{0,61}[A-Za-z0-9])?$`)
	aliasForm         = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,62}$`)
)

// check refuses what the API would refuse of a whole secret.
func (m *secretManager) check(secret *secretmanagerpb.Secret) error {
	if err := checkLabels(secret.GetLabels()); err != nil {
		return err
	}
	if err := checkSecretAnnotations(secret.GetAnnotations()); err != nil {
		return err
	}
	switch r := secret.GetRotation(); {
	case len(secret.GetTopics()) > maxSecretTopics:
		return invalid("A secret can have at most %d topics.", maxSecretTopics)
	case r != nil && len(secret.GetTopics()) == 0:
		return invalid("There must be at least one topic configured when a Rotation policy is set.")
	case r.GetRotationPeriod() != nil && r.GetNextRotationTime() == nil:
		return invalid("Rotation.next_rotation_time must be set if rotation_period is set.")
	case r.GetRotationPeriod() != nil && r.GetRotationPeriod().GetSeconds() < 3600:
		return invalid("Rotation.rotation_period must be at least 3600s.")
	}
	return m.checkAliases(secret)
}

func checkLabels(labels map[string]string) error {
	if len(labels) > maxSecretLabels {
		return invalid("A resource can have at most %d labels.", maxSecretLabels)
	}
	for k, v := range labels {
		if !labelKeyForm.MatchString(k) {
			return invalid("Label key [%s] is invalid.", k)
		}
		if !labelValueForm.MatchString(v) {
			return invalid("Label value [%s] of key [%s] is invalid.", v, k)
		}
	}
	return nil
}

func checkSecretAnnotations(annotations map[string]string) error {
	total := 0
	for k, v := range annotations {
		total += len(k) + len(v)
		if !annotationKeyForm.MatchString(k) {
			return invalid("Annotation key [%s] is invalid.", k)
		}
	}
	if total >= maxSecretAnnotationBytes {
		return invalid("The total size of annotations must be less than 16KiB.")
	}
	return nil
}

func (m *secretManager) checkAliases(secret *secretmanagerpb.Secret) error {
	if len(secret.GetVersionAliases()) > maxSecretAliases {
		return invalid("A secret can have at most %d version aliases.", maxSecretAliases)
	}
	for alias, number := range secret.GetVersionAliases() {
		if !aliasForm.MatchString(alias) || alias == "latest" || alias == "NEW" {
			return invalid("Version alias [%s] is invalid.", alias)
		}
		version := fmt.Sprintf("%s/versions/%d", secret.GetName(), number)
		if _, ok := lookup[*secretmanagerpb.SecretVersion](m.s.store, version); !ok {
			return invalid("Aliases cannot be assigned to versions that don't exist")
		}
	}
	return nil
}

var (
	labelTerm = regexp.MustCompile(`^labels\.([^=:\s]+)[=:]"?([^"\s]*)"?$`)
	nameTerm  = regexp.MustCompile(`^name:"?([^"\s]+)"?$`)
	stateTerm = regexp.MustCompile(`^(NOT |-)?state[=:]"?(ENABLED|DISABLED|DESTROYED)"?$`)
)

// filterTerms splits a filter into the terms that AND joins.
// Source: https://cloud.google.com/secret-manager/docs/filtering.
func filterTerms(filter string) []string {
	if strings.TrimSpace(filter) == "" {
		return nil
	}
	terms := strings.Split(filter, " AND ")
	for i := range terms {
		terms[i] = strings.TrimSpace(terms[i])
	}
	return terms
}

// secretFilter knows labels.KEY=VALUE and name:PART, joined by AND.
func secretFilter(filter string) (func(*secretmanagerpb.Secret) bool, error) {
	var tests []func(*secretmanagerpb.Secret) bool
	for _, term := range filterTerms(filter) {
		if f := labelTerm.FindStringSubmatch(term); f != nil {
			tests = append(tests, func(s *secretmanagerpb.Secret) bool {
				v, ok := s.GetLabels()[f[1]]
				return ok && (v == f[2] || f[2] == "*")
			})
		} else if f := nameTerm.FindStringSubmatch(term); f != nil {
			tests = append(tests, func(s *secretmanagerpb.Secret) bool { return strings.Contains(s.GetName(), f[1]) })
		} else {
			return nil, unmodelled("filter term %q of secrets; known are labels.KEY=VALUE and name:PART", term)
		}
	}
	return allOf(tests), nil
}

// versionFilter knows state:STATE and NOT state:STATE, joined by AND.
func versionFilter(filter string) (func(*secretmanagerpb.SecretVersion) bool, error) {
	var tests []func(*secretmanagerpb.SecretVersion) bool
	for _, term := range filterTerms(filter) {
		f := stateTerm.FindStringSubmatch(term)
		if f == nil {
			return nil, unmodelled("filter term %q of secret versions; known are state:STATE and NOT state:STATE", term)
		}
		tests = append(tests, func(v *secretmanagerpb.SecretVersion) bool {
			return (v.GetState().String() == f[2]) == (f[1] == "")
		})
	}
	return allOf(tests), nil
}

func allOf[T any](tests []func(T) bool) func(T) bool {
	return func(v T) bool {
		return !slices.ContainsFunc(tests, func(test func(T) bool) bool { return !test(v) })
	}
}
