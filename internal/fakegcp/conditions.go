package fakegcp

import (
	"regexp"
	"strings"
	"time"
)

// attributes are what a condition may ask about.
type attributes struct {
	now      time.Time
	resource string // the name that the API returns
}

// conditionTerm is one comparison of a condition.
type conditionTerm func(attributes) bool

// The comparisons that are evaluated; strings are in double or single quotes.
// Source: https://cloud.google.com/iam/docs/conditions-attribute-reference.
var (
	timeCondition   = regexp.MustCompile(`^request\.time\s*(<=|>=|<|>)\s*timestamp\(\s*(?:"([^"]*)"|'([^']*)')\s*\)$`)
	affixCondition  = regexp.MustCompile(`^resource\.name\.(startsWith|endsWith)\(\s*(?:"([^"]*)"|'([^']*)')\s*\)$`)
	equalsCondition = regexp.MustCompile(`^resource\.name\s*(==|!=)\s*(?:"([^"]*)"|'([^']*)')$`)
)

// holds says whether a condition is met. One with a term that is not evaluated never is: a grant that the fake does not
// understand must not open anything.
func holds(condition string, of attributes) bool {
	for text := range strings.SplitSeq(condition, "&&") {
		term, ok := parseCondition(strings.TrimSpace(text))
		if !ok || !term(of) {
			return false
		}
	}
	return true
}

func parseCondition(text string) (conditionTerm, bool) {
	if m := timeCondition.FindStringSubmatch(text); m != nil {
		at, err := time.Parse(time.RFC3339Nano, m[2]+m[3])
		return func(of attributes) bool { return ordered(of.now.Compare(at), m[1]) }, err == nil
	}
	if m := affixCondition.FindStringSubmatch(text); m != nil {
		has := strings.HasPrefix
		if m[1] == "endsWith" {
			has = strings.HasSuffix
		}
		return func(of attributes) bool { return has(of.resource, m[2]+m[3]) }, true
	}
	if m := equalsCondition.FindStringSubmatch(text); m != nil {
		return func(of attributes) bool { return (of.resource == m[2]+m[3]) == (m[1] == "==") }, true
	}
	return nil, false
}

// ordered says whether the outcome of a comparison is what the operator asks for; an unknown one asks for equality.
func ordered(outcome int, operator string) bool {
	switch operator {
	case "<":
		return outcome < 0
	case "<=":
		return outcome <= 0
	case ">":
		return outcome > 0
	case ">=":
		return outcome >= 0
	}
	return outcome == 0
}
