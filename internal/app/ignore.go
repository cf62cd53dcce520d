package app

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Ignore is one entry of drift_ignore, taken apart. It is written as drift shows a field: an object, a space, and the
// way to the field, of which * stands for any one step. It covers everything under that field. The object is its name or
// its kind alone: "Deployment/shop/shop-web spec.template.spec.containers[web].env[LOG]", "Deployment metadata.labels.team",
// "Service traffic".
type Ignore struct {
	object, path []string
}

const (
	ignoreExample = `"Deployment spec.template.spec.containers[*].resources"`
	anyStep       = "*"
)

// fieldStep is a field name, or a key in brackets.
var fieldStep = regexp.MustCompile(`^(?:\.?([A-Za-z0-9_-]+|\*)|\[([^\[\]]+)\])`)

// ParseIgnore takes a pattern apart.
func ParseIgnore(pattern string) (Ignore, error) {
	refuse := func(why string) (Ignore, error) {
		return Ignore{}, fmt.Errorf("%s %s: write it as drift shows the field, up to the colon, for example %s", quote(pattern), why, ignoreExample)
	}
	object, field, ok := strings.Cut(pattern, " ")
	switch {
	case !ok || object == "" || field == "":
		return refuse("is not an object and a path with one space between them")
	case strings.Contains(field, ": "):
		return refuse("has more than a path: leave out the colon and the values behind it")
	}
	path, err := FieldSteps(field)
	if err != nil {
		return refuse("has a path that is none")
	}
	if slices.Contains([]string{"metadata.name", "metadata.namespace", "apiVersion", "kind", "name"}, field) {
		return refuse("is what the object is found by")
	}
	return Ignore{strings.Split(object, "/"), path}, nil
}

// FieldSteps takes the path of a field apart: names, and keys without their brackets.
func FieldSteps(path string) ([]string, error) {
	var steps []string
	for rest := path; rest != ""; {
		m := fieldStep.FindStringSubmatch(rest)
		if m == nil || len(steps) == 0 && (rest[0] == '.' || rest[0] == '[') {
			return nil, errors.New("not the path of a field")
		}
		steps = append(steps, m[1]+m[2])
		if rest = rest[len(m[0]):]; rest != "" && rest[0] != '.' && rest[0] != '[' {
			return nil, errors.New("not the path of a field")
		}
	}
	return steps, nil
}

// Covers tells whether the pattern is about a field of an object, both as drift shows them.
func (i Ignore) Covers(object, path string) bool {
	steps, err := FieldSteps(path)
	return err == nil && i.coversObject(strings.Split(object, "/")) && len(steps) >= len(i.path) && sameSteps(i.path, steps[:len(i.path)])
}

// collectionKinds are what the collections of Google Cloud are called in patterns.
var collectionKinds = map[string]string{"services": "Service", "workerPools": "WorkerPool"}

func (i Ignore) coversObject(name []string) bool {
	if len(i.object) > 1 {
		return len(i.object) == len(name) && sameSteps(i.object, name)
	}
	kind := name[0] // Kind/namespace/name on GKE
	if kind == "projects" && len(name) > 1 {
		kind = collectionKinds[name[len(name)-2]]
	}
	return sameSteps(i.object, []string{kind})
}

func sameSteps(pattern, steps []string) bool {
	for n, p := range pattern {
		if p != anyStep && p != steps[n] {
			return false
		}
	}
	return true
}

// Ignores are the patterns of an app. One that is none covers nothing.
type Ignores []Ignore

// Ignored takes the patterns of an app apart.
func (o Ownership) Ignored() Ignores {
	var all Ignores
	for _, pattern := range o.DriftIgnore {
		if i, err := ParseIgnore(pattern); err == nil {
			all = append(all, i)
		}
	}
	return all
}

// Cover tells whether one of the patterns covers a field.
func (all Ignores) Cover(object, path string) bool {
	return slices.ContainsFunc(all, func(i Ignore) bool { return i.Covers(object, path) })
}
