package fakegcp

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// filterTerm is one comparison of a filter: a field, an operator and a value, quoted or not.
var filterTerm = regexp.MustCompile(`^([a-z_]+(?:\.[^!=:<>\s]+)?)\s*(<=|>=|!=|=|:|<|>)\s*"?([^"\s]*)"?$`)

// filtered says whether an object passes a comparison; known is false for one that is not modelled.
type filtered[T any] func(field, operator, value string) (test func(T) bool, known bool)

// parseFilter reads comparisons joined by AND, each of them possibly several joined by OR, which binds closer, and each
// possibly after NOT or a minus sign. A nil test takes everything.
// Source: https://cloud.google.com/secret-manager/docs/filtering and https://google.aip.dev/160.
func parseFilter[T any](filter, of string, compare filtered[T]) (func(T) bool, error) {
	if strings.TrimSpace(filter) == "" {
		return nil, nil
	}
	var all []func(T) bool
	for conjunct := range strings.SplitSeq(filter, " AND ") {
		var some []func(T) bool
		for term := range strings.SplitSeq(conjunct, " OR ") {
			test, err := parseTerm(strings.TrimSpace(term), of, compare)
			if err != nil {
				return nil, err
			}
			some = append(some, test)
		}
		all = append(all, func(v T) bool {
			return slices.ContainsFunc(some, func(test func(T) bool) bool { return test(v) })
		})
	}
	return func(v T) bool {
		return !slices.ContainsFunc(all, func(test func(T) bool) bool { return !test(v) })
	}, nil
}

func parseTerm[T any](term, of string, compare filtered[T]) (func(T) bool, error) {
	plain, not := strings.CutPrefix(term, "NOT ")
	if !not {
		plain, not = strings.CutPrefix(term, "-")
	}
	m := filterTerm.FindStringSubmatch(strings.TrimSpace(plain))
	if m == nil {
		return nil, unmodelled("filter term %q of %s", term, of)
	}
	if m[2] == "!=" {
		m[2], not = "=", !not
	}
	test, known := compare(m[1], m[2], m[3])
	if !known {
		return nil, unmodelled("filter term %q of %s", term, of)
	}
	return func(v T) bool { return test(v) != not }, nil
}

// secretFilter knows name, labels.KEY and create_time.
func secretFilter(filter string) (func(*secretmanagerpb.Secret) bool, error) {
	return parseFilter(filter, "secrets; known are name, labels.KEY and create_time",
		func(field, operator, value string) (func(*secretmanagerpb.Secret) bool, bool) {
			label, isLabel := strings.CutPrefix(field, "labels.")
			test, known := timeTest(operator, value)
			switch {
			case isLabel && (operator == "=" || operator == ":"):
				return func(s *secretmanagerpb.Secret) bool {
					v, ok := s.GetLabels()[label]
					return ok && (value == "*" || v == value || operator == ":" && strings.Contains(v, value))
				}, true
			case field == "name" && operator == ":":
				return func(s *secretmanagerpb.Secret) bool { return strings.Contains(lastSegment(s.GetName()), value) }, true
			case field == "name" && operator == "=":
				return func(s *secretmanagerpb.Secret) bool { return s.GetName() == value || lastSegment(s.GetName()) == value }, true
			case field == "create_time" && known:
				return func(s *secretmanagerpb.Secret) bool { return test(s.GetCreateTime()) }, true
			}
			return nil, false
		})
}

// versionFilter knows state and create_time.
func versionFilter(filter string) (func(*secretmanagerpb.SecretVersion) bool, error) {
	return parseFilter(filter, "secret versions; known are state and create_time",
		func(field, operator, value string) (func(*secretmanagerpb.SecretVersion) bool, bool) {
			_, isState := secretmanagerpb.SecretVersion_State_value[value]
			test, known := timeTest(operator, value)
			switch {
			case field == "state" && isState && (operator == "=" || operator == ":"):
				return func(v *secretmanagerpb.SecretVersion) bool { return v.GetState().String() == value }, true
			case field == "create_time" && known:
				return func(v *secretmanagerpb.SecretVersion) bool { return test(v.GetCreateTime()) }, true
			}
			return nil, false
		})
}

// timeTest compares times with a value in RFC 3339; known is false when that is not possible.
func timeTest(operator, value string) (test func(*timestamppb.Timestamp) bool, known bool) {
	at, err := time.Parse(time.RFC3339Nano, value)
	if err != nil || operator == ":" {
		return nil, false
	}
	return func(t *timestamppb.Timestamp) bool { return ordered(t.AsTime().Compare(at), operator) }, true
}
