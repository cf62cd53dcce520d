package gcp

import (
	"errors"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/grpc/status"
)

// maxMessage is how much of a server's text a diagnostic shows, in bytes.
const maxMessage = 1024

var html = regexp.MustCompile(`(?i)<!doctype html|<html[\s>]`)

// Message is the original error as one line that is safe to show: at most 1 KiB, without control and bidirectional
// characters, and never a page of HTML (which is what Google's front end answers to a wrong path).
func Message(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	var operation *OperationError
	if st, ok := status.FromError(err); ok && !errors.As(err, &operation) {
		text = st.Code().String() + ": " + st.Message()
	}
	if html.MatchString(text) {
		return "the server answered with an HTML page instead of an API error"
	}
	return clean(text)
}

// clean keeps printable characters, turns every run of white space and control characters into one space, and cuts
// at maxMessage on a character's boundary.
func clean(text string) string {
	kept := strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs):
			return -1 // format characters include the bidirectional and zero-width ones
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		default:
			return r
		}
	}, text)
	kept = strings.Join(strings.Fields(kept), " ")
	if len(kept) <= maxMessage {
		return kept
	}
	const ellipsis = "…"
	cut := maxMessage - len(ellipsis)
	for cut > 0 && !utf8.RuneStart(kept[cut]) {
		cut--
	}
	return kept[:cut] + ellipsis
}
