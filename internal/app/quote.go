package app

import (
	"fmt"
	"unicode/utf8"
)

// maxQuoted is how many bytes of a refused value an error shows.
const maxQuoted = 60

// quote shows a value in an error: control and invisible characters escaped, long values cut with their length told.
// Never for a value of config: it might be a secret in the wrong place.
func quote(value string) string {
	if len(value) <= maxQuoted {
		return fmt.Sprintf("%+q", value)
	}
	cut := maxQuoted
	for cut > 0 && !utf8.RuneStart(value[cut]) {
		cut--
	}
	return fmt.Sprintf("%+q… (%d bytes)", value[:cut], len(value))
}
