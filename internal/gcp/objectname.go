package gcp

import (
	"fmt"
	"strings"
)

// WrongObjectError says that a server answered with another object than the one asked for. Nothing of the answer is used.
type WrongObjectError struct{ Asked, Got string }

// Error names both.
func (e *WrongObjectError) Error() string {
	return fmt.Sprintf("asked for %s, the server answered with %s", e.Asked, clean(e.Got))
}

// checkName compares the last segments only: the APIs answer with project numbers where they were asked by id, and
// GKE with short names.
func checkName(asked, got string) error {
	if lastSegment(asked) != lastSegment(got) {
		return &WrongObjectError{Asked: asked, Got: got}
	}
	return nil
}

func lastSegment(name string) string { return name[strings.LastIndex(name, "/")+1:] }

// parentOf cuts the last two segments off: projects/P/locations/L/clusters/C gives projects/P/locations/L.
func parentOf(name string) string {
	segments := strings.Split(name, "/")
	if len(segments) < 2 {
		return ""
	}
	return strings.Join(segments[:len(segments)-2], "/")
}
