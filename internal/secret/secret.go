// Package secret holds the one type in which secret bytes travel through the provider.
//
// Every way of printing or encoding it says "[redacted]", so that a value cannot reach a log, an error, a plan or a
// state by accident. Only Reveal gives the bytes, and only the code that hands them to an API calls it.
package secret

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"hash/crc32"
	"log/slog"
)

// Redacted is what every printing and encoding method of Bytes returns.
const Redacted = "[redacted]"

// Bytes is a secret value. The zero value is "no value". The bytes are behind a function: for %p, and for an unexported
// field of another type, fmt asks for no methods and prints whatever data it finds.
type Bytes struct{ reveal func() []byte }

var (
	_ fmt.Formatter  = Bytes{}
	_ fmt.Stringer   = Bytes{}
	_ fmt.GoStringer = Bytes{}
	_ slog.LogValuer = Bytes{}
)

// New wraps a copy of b.
func New(b []byte) Bytes { return wrap(bytes.Clone(b)) }

// FromString wraps the bytes of s.
func FromString(s string) Bytes { return wrap([]byte(s)) }

func wrap(b []byte) Bytes { return Bytes{func() []byte { return b }} }

// Reveal returns the bytes themselves. The caller must not print or keep them.
func (s Bytes) Reveal() []byte {
	if s.reveal == nil {
		return nil
	}
	return s.reveal()
}

// Len is the length in bytes.
func (s Bytes) Len() int { return len(s.Reveal()) }

// IsZero tells whether there is no value.
func (s Bytes) IsZero() bool { return len(s.Reveal()) == 0 }

// Equal compares in constant time for values of the same length.
func (s Bytes) Equal(o Bytes) bool { return subtle.ConstantTimeCompare(s.Reveal(), o.Reveal()) == 1 }

// CRC32C is the Castagnoli checksum that Secret Manager verifies.
// Source: google.cloud.secretmanager.v1.SecretPayload.data_crc32c.
func (s Bytes) CRC32C() int64 {
	return int64(crc32.Checksum(s.Reveal(), crc32.MakeTable(crc32.Castagnoli)))
}

// String returns Redacted.
func (Bytes) String() string { return Redacted }

// GoString returns Redacted.
func (Bytes) GoString() string { return Redacted }

// Format writes Redacted for every verb.
func (Bytes) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(Redacted)) }

// MarshalJSON encodes Redacted.
func (Bytes) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// MarshalText encodes Redacted.
func (Bytes) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// LogValue is Redacted.
func (Bytes) LogValue() slog.Value { return slog.StringValue(Redacted) }
