package deploy

import (
	"fmt"
	"strings"
)

// Error is a failure in the words of the user: what happened to which object, why, and how to go on. The resources
// show it at the attribute's path.
type Error struct {
	// Summary names the object and what could not be done with it: at most 80 characters, no period at the end.
	Summary string
	// Why is the reason in our words, and Fix what to do, naming the attribute with an example.
	Why, Fix string
	// Attribute is the path that the error belongs to (names and map keys), nil for the whole resource.
	Attribute []string
	// Err is the original error. It is shown through gcp.Message, never printed as a structure.
	Err error
}

// Error joins the parts to one line.
func (e *Error) Error() string {
	parts := []string{e.Summary}
	for _, s := range []string{e.Why, e.Fix} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if e.Err != nil {
		parts = append(parts, fmt.Sprintf("original error: %v", e.Err))
	}
	return strings.Join(parts, ": ")
}

// Unwrap gives the original error.
func (e *Error) Unwrap() error { return e.Err }

// Notice is a warning that goes with a success: what the user should know and what to do about it.
type Notice struct {
	Summary, Detail string
}
