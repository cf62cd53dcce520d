package acctest

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// window is the length of the part of a canary that counts as a leak, in bytes.
const window = 12

// needles are the texts to look for.
type needles struct {
	byHead map[[window]byte][]needle
	// heads tells whether a needle begins with these two bytes: almost every position is passed over by it.
	heads [1 << 16]bool
}

type needle struct {
	canary, form, text string
}

// form is one way of writing bytes.
type form struct {
	name  string
	write func([]byte) string
}

// forms are the ways of writing in which a canary is looked for. Compression, archives and whole base64 texts are undone
// before the search instead (canary_scan.go).
var forms = []form{
	{"raw", func(b []byte) string { return string(b) }},
	{"reversed", func(b []byte) string { r := slices.Clone(b); slices.Reverse(r); return string(r) }},
	{"hex", hex.EncodeToString},
	{"upper-case hex", func(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }},
	{"base64", aligned(base64.StdEncoding, 0)},
	{"base64 after one byte", aligned(base64.StdEncoding, 1)},
	{"base64 after two bytes", aligned(base64.StdEncoding, 2)},
	{"base64url", aligned(base64.URLEncoding, 0)},
	{"base64url after one byte", aligned(base64.URLEncoding, 1)},
	{"base64url after two bytes", aligned(base64.URLEncoding, 2)},
	{"base32", func(b []byte) string { return base32.StdEncoding.EncodeToString(b[:window/5*5]) }},
	{"JSON string", func(b []byte) string { return jsonString(b, true) }},
	{"JSON string without HTML escapes", func(b []byte) string { return jsonString(b, false) }},
	{"HCL string", func(b []byte) string {
		return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(jsonString(b, false))
	}},
	{"Go string", func(b []byte) string { return trimQuotes(strconv.Quote(string(b))) }},
	{"Go string in a Go string", func(b []byte) string {
		return trimQuotes(strconv.Quote(trimQuotes(strconv.Quote(string(b)))))
	}},
	{"query", func(b []byte) string { return url.QueryEscape(string(b)) }},
	{"path segment", func(b []byte) string { return url.PathEscape(string(b)) }},
	{"percent for every byte", func(b []byte) string { return numbers(b, "%%%02X", "") }},
	{"Go byte slice", func(b []byte) string { return numbers(b, "0x%x", ", ") }},
	{"Go byte slice, two digits", func(b []byte) string { return numbers(b, "0x%02x", ", ") }},
	{"decimal bytes", func(b []byte) string { return numbers(b, "%d", " ") }},
	{"JSON array of bytes", func(b []byte) string { return numbers(b, "%d", ",") }},
	{"JSON array of bytes, spaced", func(b []byte) string { return numbers(b, "%d", ", ") }},
	{"hex escapes", func(b []byte) string { return numbers(b, `\x%02x`, "") }},
	{"octal escapes", func(b []byte) string { return numbers(b, `\%03o`, "") }},
	{"protobuf text", protoText},
	// Go's tracebacks print arguments and registers as such, eight bytes at a time.
	{"machine word", func(b []byte) string { return fmt.Sprintf("%x", binary.LittleEndian.Uint64(b)) }},
	{"UTF-16", func(b []byte) string { return strings.Join(strings.Split(string(b), ""), "\x00") }},
}

// add takes every window of the value in every form.
func (n *needles) add(canary string, value []byte) {
	for from := 0; from+window <= len(value); from++ {
		for _, f := range forms {
			text := f.write(value[from : from+window])
			if len(text) < window {
				continue
			}
			key := [window]byte([]byte(text))
			known := func(o needle) bool { return o.text == text }
			if !slices.ContainsFunc(n.byHead[key], known) {
				n.byHead[key] = append(n.byHead[key], needle{canary: canary, form: f.name, text: text})
				n.heads[int(text[0])<<8|int(text[1])] = true
			}
		}
	}
}

// aligned writes the characters that are the same whatever surrounds b, when before bytes of another text share its
// first group of three.
func aligned(enc *base64.Encoding, before int) func([]byte) string {
	return func(b []byte) string {
		text := enc.WithPadding(base64.NoPadding).EncodeToString(append(make([]byte, before), b...))
		first := []int{0, 2, 3}[before]
		return text[first : (before+len(b))*8/6]
	}
}

func jsonString(b []byte, escapeHTML bool) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(escapeHTML)
	if err := enc.Encode(string(b)); err != nil {
		return ""
	}
	return trimQuotes(strings.TrimSuffix(out.String(), "\n"))
}

func trimQuotes(s string) string { return s[1 : len(s)-1] }

func numbers(b []byte, verb, separator string) string {
	parts := make([]string, len(b))
	for i, x := range b {
		parts[i] = fmt.Sprintf(verb, x)
	}
	return strings.Join(parts, separator)
}

// protoText is how prototext writes bytes fields: printable ASCII as it is, quotes and backslashes escaped, octal else.
func protoText(b []byte) string {
	var out strings.Builder
	for _, x := range b {
		switch {
		case x == '"' || x == '\\' || x == '\'':
			out.WriteByte('\\')
			out.WriteByte(x)
		case x < 0x20 || x >= 0x7f:
			fmt.Fprintf(&out, `\%03o`, x)
		default:
			out.WriteByte(x)
		}
	}
	return out.String()
}
