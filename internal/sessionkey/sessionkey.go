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

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// Bounds of a key and of a ring. A full ring of the longest keys in the longest encoding fits twice into a secret
// version (64 KiB).
const (
	// MinBytes is 128 bits, the least that is still out of reach of guessing (NIST SP 800-131A).
	MinBytes = 16
	MaxBytes = 512
	MaxKeep  = 20
	// DefaultSeparator stands between the keys of a payload.
	DefaultSeparator = ","
)

// Encoding is how a key's bytes become text.
type Encoding string

// The encodings. Base64 is padded (RFC 4648 section 4), Base64URL is not (section 5), as each is usual.
const (
	Hex       Encoding = "hex"
	Base64    Encoding = "base64"
	Base64URL Encoding = "base64url"
)

var encoders = []struct {
	name     Encoding
	encode   func([]byte) string
	alphabet string
}{
	{Hex, hex.EncodeToString, "0123456789abcdef"},
	{Base64, base64.StdEncoding.EncodeToString, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="},
	{Base64URL, base64.RawURLEncoding.EncodeToString, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"},
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
	for _, e := range encoders {
		if e.name != encoding {
			continue
		}
		key := make([]byte, size)
		if _, err := io.ReadFull(random, key); err != nil {
			return secret.Bytes{}, fmt.Errorf("drawing a session key of %d bytes: %w", size, err)
		}
		return secret.FromString(e.encode(key)), nil
	}
	return secret.Bytes{}, fmt.Errorf("encoding %q is not one of %s", encoding, strings.Join(Encodings(), ", "))
}

// CheckSeparator refuses separators that would be lost in the keys: empty ones and those that share a character with
// an alphabet of the encoding.
func CheckSeparator(separator string, encoding Encoding) error {
	for _, e := range encoders {
		if e.name == encoding && strings.ContainsAny(separator, e.alphabet) {
			return fmt.Errorf("separator %+q contains a character that %s keys contain; for example %q", cut(separator), encoding, DefaultSeparator)
		}
	}
	if separator == "" || len(separator) > 8 {
		return fmt.Errorf("a separator has 1 to 8 bytes, not %d; for example %q", len(separator), DefaultSeparator)
	}
	return nil
}

func cut(s string) string { return s[:min(len(s), 40)] }

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

// Payload is what the secret version holds: the keys, newest first, with the separator between them.
func (r Ring) Payload(separator string) secret.Bytes {
	var parts [][]byte
	for _, key := range r.list() {
		parts = append(parts, key.Reveal())
	}
	return secret.New(bytes.Join(parts, []byte(separator)))
}

// Parse reads a payload. Empty parts are left out, so that a value written by hand with a separator at its end works.
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
