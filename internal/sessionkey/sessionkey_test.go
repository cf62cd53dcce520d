package sessionkey_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/sessionkey"
)

var decoders = map[sessionkey.Encoding]func(string) ([]byte, error){
	sessionkey.Hex:       hex.DecodeString,
	sessionkey.Base64:    base64.StdEncoding.DecodeString,
	sessionkey.Base64URL: base64.RawURLEncoding.DecodeString,
	sessionkey.Raw:       func(s string) ([]byte, error) { return []byte(s), nil },
}

func draw(t *testing.T, encoding sessionkey.Encoding) secret.Bytes {
	t.Helper()
	key, err := sessionkey.Draw(rand.Reader, 32, encoding)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestDrawnKeysHaveTheirLengthAndAlphabet(t *testing.T) {
	t.Parallel()
	if len(sessionkey.Encodings()) != len(decoders) {
		t.Fatalf("encodings %q", sessionkey.Encodings())
	}
	for _, name := range sessionkey.Encodings() {
		for _, size := range []int{sessionkey.MinBytes, 17, 32, 33, sessionkey.MaxBytes} {
			key, err := sessionkey.Draw(rand.Reader, size, sessionkey.Encoding(name))
			if err != nil {
				t.Fatal(err)
			}
			got, err := decoders[sessionkey.Encoding(name)](string(key.Reveal()))
			if err != nil || len(got) != size {
				t.Errorf("%s of %d bytes decodes to %d bytes, %v", name, size, len(got), err)
			}
		}
	}
}

func TestDrawUsesAllOfItsSource(t *testing.T) {
	t.Parallel()
	source := strings.Repeat("ab", 16)
	key, err := sessionkey.Draw(iotest.OneByteReader(strings.NewReader(source)), 32, sessionkey.Hex)
	if err != nil || string(key.Reveal()) != hex.EncodeToString([]byte(source)) {
		t.Errorf("the key is not what the source gave: %v", err)
	}
	if draw(t, sessionkey.Hex).Equal(draw(t, sessionkey.Hex)) {
		t.Error("two keys are the same")
	}
}

func TestDrawFailsRatherThanMakeAWeakKey(t *testing.T) {
	t.Parallel()
	broken := errors.New("no entropy")
	tests := map[string]struct {
		source   io.Reader
		size     int
		encoding sessionkey.Encoding
		want     error
	}{
		"short source":     {strings.NewReader("abc"), 32, sessionkey.Hex, io.ErrUnexpectedEOF},
		"empty source":     {strings.NewReader(""), 32, sessionkey.Hex, io.EOF},
		"broken source":    {iotest.ErrReader(broken), 32, sessionkey.Hex, broken},
		"too few bytes":    {rand.Reader, sessionkey.MinBytes - 1, sessionkey.Hex, nil},
		"negative":         {rand.Reader, -1, sessionkey.Hex, nil},
		"too many bytes":   {rand.Reader, sessionkey.MaxBytes + 1, sessionkey.Hex, nil},
		"unknown encoding": {rand.Reader, 32, "utf8", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, err := sessionkey.Draw(test.source, test.size, test.encoding)
			if err == nil || !key.IsZero() {
				t.Fatalf("drew a key, error %v", err)
			}
			if test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

// However often a ring is rotated, with whatever number to keep, it holds the newest key and the latest of the others.
func TestRotateKeepsTheLatestKeys(t *testing.T) {
	t.Parallel()
	for keep := -1; keep <= 4; keep++ {
		var ring sessionkey.Ring
		var drawn []string
		for i := range 7 {
			key := fmt.Sprintf("key%d", i)
			drawn = append([]string{key}, drawn...)
			before := ring
			length := before.Len()
			ring = ring.Rotate(secret.FromString(key), keep)
			if before.Len() != length {
				t.Fatal("Rotate changed the ring that it was called on")
			}
			want := strings.Join(drawn[:min(len(drawn), 1+max(keep, 0))], ",")
			if got := string(ring.Payload(",").Reveal()); got != want {
				t.Errorf("keep %d after %d rotations: %q, want %q", keep, i+1, got, want)
			}
		}
	}
}

func TestKeepingFewerDropsTheOldest(t *testing.T) {
	t.Parallel()
	ring := sessionkey.Parse(secret.FromString("c,b,a"), ",").Rotate(secret.FromString("d"), 1)
	if got := string(ring.Payload(",").Reveal()); got != "d,c" {
		t.Errorf("payload %q, want d,c", got)
	}
}

func TestPayloadRoundTrips(t *testing.T) {
	t.Parallel()
	for _, encoding := range []sessionkey.Encoding{sessionkey.Hex, sessionkey.Base64, sessionkey.Base64URL} {
		for _, separator := range []string{",", "\n", ";", "::"} {
			if err := sessionkey.CheckSeparator(separator); err != nil {
				t.Fatal(err)
			}
			var ring sessionkey.Ring
			for range 4 {
				ring = ring.Rotate(draw(t, encoding), 3)
			}
			back := sessionkey.Parse(ring.Payload(separator), separator)
			if back.Len() != 4 || !back.Equal(ring) || !back.First(2).Equal(sessionkey.Parse(ring.First(2).Payload(separator), separator)) {
				t.Errorf("%s with %q: %d keys came back, or others", encoding, separator, back.Len())
			}
		}
	}
}

func TestIsDrawnKnowsTheFormOfEachEncoding(t *testing.T) {
	t.Parallel()
	for _, name := range sessionkey.Encodings() {
		encoding := sessionkey.Encoding(name)
		key := draw(t, encoding)
		longer := secret.New(append(key.Reveal(), 'a'))
		if !sessionkey.IsDrawn(key, 32, encoding) || sessionkey.IsDrawn(key, 33, encoding) || sessionkey.IsDrawn(longer, 32, encoding) {
			t.Errorf("%s is not told from other lengths", name)
		}
		if encoding != sessionkey.Raw && sessionkey.IsDrawn(secret.FromString(strings.Repeat("!", key.Len())), 32, encoding) {
			t.Errorf("%s is not told from other text", name)
		}
	}
	if sessionkey.IsDrawn(draw(t, sessionkey.Hex), 32, "utf8") {
		t.Error("an unknown encoding has a form")
	}
}

// What was drawn as bytes and is written in an encoding later is the same key to who decodes it.
func TestEncodeKeepsTheBytes(t *testing.T) {
	t.Parallel()
	raw := draw(t, sessionkey.Raw)
	for name, decode := range decoders {
		if got, err := decode(string(sessionkey.Encode(raw, name).Reveal())); err != nil || !raw.Equal(secret.New(got)) {
			t.Errorf("%s: other bytes came back: %v", name, err)
		}
	}
}

func TestIsText(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]bool{"": true, "a,b\n": true, "ä·": true, "a\x00": false, "\xff": false, "\xc3": false} {
		if sessionkey.IsText(secret.FromString(payload)) != want {
			t.Errorf("%q: want %t", payload, want)
		}
	}
}

func TestParseToleratesWhatPeopleWrite(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]int{"": 0, ",": 0, "a": 1, "a,": 1, ",a,,b": 2} {
		if got := sessionkey.Parse(secret.FromString(payload), ",").Len(); got != want {
			t.Errorf("%q has %d keys, want %d", payload, got, want)
		}
	}
}

func TestSeparatorsThatWouldBeLostAreRefused(t *testing.T) {
	t.Parallel()
	for _, separator := range []string{"", "a", "0", ",1", ",,,,,,,,,", "=", "+", "/", "x", "-", "_", "Z", "·", "\x00", "\r", "\x7f"} {
		if sessionkey.CheckSeparator(separator) == nil {
			t.Errorf("%q accepted", separator)
		}
	}
	for _, separator := range []string{",", ";", "|", ":", "\n", "\t", " | ", "::", ",,,,,,,,"} {
		if err := sessionkey.CheckSeparator(separator); err != nil {
			t.Errorf("%q: %v", separator, err)
		}
	}
}

func TestTheLargestRingFitsASecretVersion(t *testing.T) {
	t.Parallel()
	var ring sessionkey.Ring
	for range sessionkey.MaxKeep + 2 {
		key, err := sessionkey.Draw(rand.Reader, sessionkey.MaxBytes, sessionkey.Hex)
		if err != nil {
			t.Fatal(err)
		}
		ring = ring.Rotate(key, sessionkey.MaxKeep)
	}
	if n := ring.Payload("12345678").Len(); n > 64<<10 || ring.Len() != sessionkey.MaxKeep+1 {
		t.Errorf("%d keys take %d bytes, a secret version holds 65536", ring.Len(), n)
	}
}

func TestRingsCannotBePrinted(t *testing.T) {
	t.Parallel()
	const canary = "c4n4ry"
	ring := sessionkey.Parse(secret.FromString(canary), ",")
	type hidden struct{ ring sessionkey.Ring }
	type shown struct{ Ring sessionkey.Ring }
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb, ring)
		fmt.Fprintf(&out, verb, &ring)
		fmt.Fprintf(&out, verb, hidden{ring})
		fmt.Fprintf(&out, verb, shown{ring})
		fmt.Fprintf(&out, verb, []any{ring})
	}
	encoded, err := json.Marshal(shown{ring})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	for _, form := range []string{canary, hex.EncodeToString([]byte(canary)), strings.Trim(fmt.Sprintf("%d", []byte(canary)), "[]")} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the key is printed as %q in %s", form, out.String())
		}
	}
}
