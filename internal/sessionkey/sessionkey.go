// Package sessionkey draws random keys and keeps them in a ring: the newest first, the ones before it for as long as
// sessions made with them should stay valid.
//
// The source of randomness is passed in, and what leaves the package is a secret.Bytes, so that no key can be printed.
package sessionkey

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// Bounds of a key and of a ring. A full ring of the longest keys in the longest encoding is far below the size of a
// secret version (64 KiB), so that keys which were there before the ring was managed fit too.
const (
	// MinBytes is 128 bits, the least that is still out of reach of guessing (NIST SP 800-131A).
	MinBytes = 16
	// MaxBytes is the block size of SHA-512: an HMAC hashes longer keys first (RFC 2104, section 3), so more adds nothing.
	MaxBytes = 64
	// MaxKeep is how many previous keys a ring may hold: a verifier tries them one by one.
	MaxKeep = 10
	// DefaultSeparator stands between the keys of a payload.
	DefaultSeparator = ","
	// MaxSeparator is the longest separator, in bytes.
	MaxSeparator = 8
)

// Encoding is how a key's bytes become text.
type Encoding string

// The encodings. Base64 is padded (RFC 4648 section 4), Base64URL is not (section 5), as each is usual. Raw is the bytes
// themselves: no separator can be told from them, so a payload holds one key.
const (
	Hex       Encoding = "hex"
	Base64    Encoding = "base64"
	Base64URL Encoding = "base64url"
	Raw       Encoding = "raw"
)

var encoders = []struct {
	name   Encoding
	encode func([]byte) string
	decode func(string) ([]byte, error)
}{
	{Hex, hex.EncodeToString, hex.DecodeString},
	{Base64, base64.StdEncoding.EncodeToString, base64.StdEncoding.Strict().DecodeString},
	{Base64URL, base64.RawURLEncoding.EncodeToString, base64.RawURLEncoding.Strict().DecodeString},
	{Raw, func(b []byte) string { return string(b) }, func(s string) ([]byte, error) { return []byte(s), nil }},
}

// Encodings lists the accepted encodings.
func Encodings() []string {
	var names []string
	for _, e := range encoders {
		names = append(names, string(e.name))
	}
	return names
}

// Draw reads size bytes from random and encodes them as one key. It fails rather than make a short key.
func Draw(random io.Reader, size int, encoding Encoding) (secret.Bytes, error) {
	if size < MinBytes || size > MaxBytes {
		return secret.Bytes{}, fmt.Errorf("a session key has %d to %d bytes, not %d; for example bytes = 32", MinBytes, MaxBytes, size)
	}
	if !slices.Contains(Encodings(), string(encoding)) {
		return secret.Bytes{}, fmt.Errorf("encoding %q is not one of %s", encoding, strings.Join(Encodings(), ", "))
	}
	key := make([]byte, size)
	if _, err := io.ReadFull(random, key); err != nil {
		return secret.Bytes{}, fmt.Errorf("drawing a session key of %d bytes: %w", size, err)
	}
	return Encode(secret.New(key), encoding), nil
}

// Encode writes the bytes of a key in an encoding; an unknown one leaves them as they are.
func Encode(key secret.Bytes, encoding Encoding) secret.Bytes {
	for _, e := range encoders {
		if e.name == encoding {
			return secret.FromString(e.encode(key.Reveal()))
		}
	}
	return key
}

// IsDrawn tells whether a key has the form in which Draw makes keys of that size.
func IsDrawn(key secret.Bytes, size int, encoding Encoding) bool {
	for _, e := range encoders {
		if e.name == encoding {
			decoded, err := e.decode(string(key.Reveal()))
			return err == nil && len(decoded) == size
		}
	}
	return false
}

// IsText tells whether a payload can be an environment variable: UTF-8 without NUL.
func IsText(payload secret.Bytes) bool {
	return utf8.Valid(payload.Reveal()) && !bytes.Contains(payload.Reveal(), []byte{0})
}

// CheckSeparator refuses separators that can be part of a key in any text encoding, since a ring outlives a change of
// the encoding, and those that are no printable ASCII.
func CheckSeparator(separator string) error {
	if separator == "" || len(separator) > MaxSeparator {
		return fmt.Errorf("it has %d characters instead of 1 to %d; for example %q", len(separator), MaxSeparator, DefaultSeparator)
	}
	for _, c := range separator {
		switch {
		case c > '~' || c < ' ' && c != '\n' && c != '\t':
			return fmt.Errorf("%q is not printable ASCII; for example %q", c, DefaultSeparator)
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', strings.ContainsRune("+/=-_", c):
			return fmt.Errorf("%q can be part of a key; for example %q", c, DefaultSeparator)
		}
	}
	return nil
}

// Ring is a list of keys, newest first. The zero value has none. The keys are behind a function, because fmt asks an
// unexported field of another type for no methods and would print whatever data it finds there.
type Ring struct{ keys func() []secret.Bytes }

func ringOf(keys []secret.Bytes) Ring { return Ring{func() []secret.Bytes { return keys }} }

func (r Ring) list() []secret.Bytes {
	if r.keys == nil {
		return nil
	}
	return r.keys()
}

// Len is the number of keys.
func (r Ring) Len() int { return len(r.list()) }

// Rotate puts a new key first and keeps that many of the keys before it. The ring itself stays as it is.
func (r Ring) Rotate(newest secret.Bytes, keep int) Ring {
	previous := r.list()
	previous = previous[:min(max(keep, 0), len(previous))]
	return ringOf(append([]secret.Bytes{newest}, previous...))
}

// First is the ring of the newest n keys.
func (r Ring) First(n int) Ring {
	keys := r.list()
	return ringOf(keys[:min(max(n, 0), len(keys))])
}

// Payload is what the secret version holds: the keys, newest first, with the separator between them.
func (r Ring) Payload(separator string) secret.Bytes {
	var parts [][]byte
	for _, key := range r.list() {
		parts = append(parts, key.Reveal())
	}
	return secret.New(bytes.Join(parts, []byte(separator)))
}

// Of is the ring of these keys, newest first.
func Of(keys ...secret.Bytes) Ring { return ringOf(keys) }

// Parse reads a payload of text. Empty parts are left out, so that a value written by hand with a separator at its end works.
func Parse(payload secret.Bytes, separator string) Ring {
	if separator == "" {
		return ringOf([]secret.Bytes{payload})
	}
	var keys []secret.Bytes
	for part := range bytes.SplitSeq(payload.Reveal(), []byte(separator)) {
		if len(part) > 0 {
			keys = append(keys, secret.New(part))
		}
	}
	return ringOf(keys)
}

// Equal tells whether both have the same keys in the same order.
func (r Ring) Equal(o Ring) bool {
	return slices.EqualFunc(r.list(), o.list(), secret.Bytes.Equal)
}

// Ring prints as redacted, like every secret.
var (
	_ fmt.Formatter  = Ring{}
	_ json.Marshaler = Ring{}
	_ slog.LogValuer = Ring{}
)

// Format writes the redaction mark for every verb.
func (Ring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secret.Redacted) }

// MarshalJSON encodes the redaction mark.
func (Ring) MarshalJSON() ([]byte, error) { return json.Marshal(secret.Redacted) }

// LogValue is the redaction mark.
func (Ring) LogValue() slog.Value { return slog.StringValue(secret.Redacted) }
