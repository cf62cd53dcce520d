package sessionkey_test

import (
	"crypto/rand"
	"io"
	"math"
	"math/bits"
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/sessionkey"
)

// draws is how many keys of each encoding are looked at.
const draws = 100_000

// deviations is how far from its mean a statistic may be, in standard deviations. Of a good source a chi-square of 255 degrees
// of freedom beyond 8 is seen once in 10^10 times (by Wilson and Hilferty), and one run looks at 128 of them.
const deviations = 8.0

var alphabets = map[sessionkey.Encoding]string{
	sessionkey.Hex:       "0123456789abcdef",
	sessionkey.Base64:    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	sessionkey.Base64URL: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
}

// TestDrawnKeysLookRandom draws 100,000 keys in each encoding: length, alphabet, no repetition, as many ones as zeros, and
// every byte value as often as any other in each position.
func TestDrawnKeysLookRandom(t *testing.T) {
	t.Parallel()
	for _, name := range sessionkey.Encodings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, fault := range examine(t, rand.Reader, sessionkey.Encoding(name), 32) {
				t.Error(fault)
			}
		})
	}
}

// TestWeakSourcesAreFound is the control: sources that the examination has to refuse.
func TestWeakSourcesAreFound(t *testing.T) {
	t.Parallel()
	for name, weaken := range map[string]func([]byte){
		"one bit always set":       func(b []byte) { b[7] |= 1 },
		"text instead of bytes":    func(b []byte) { copy(b, strings.Repeat("0123456789abcdef", 2)) },
		"ones a little more often": func(b []byte) { b[3] |= b[4] & 1 },
		"few different keys":       func(b []byte) { clear(b[2:]) },
		"values that never come":   func(b []byte) { b[9] %= 251 },
	} {
		source := readerFunc(func(b []byte) (int, error) {
			n, err := rand.Read(b)
			weaken(b)
			return n, err
		})
		if len(examine(t, source, sessionkey.Raw, 32)) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// examine says what is wrong with keys drawn from a source; it never shows one.
func examine(t *testing.T, source io.Reader, encoding sessionkey.Encoding, size int) (faults []string) {
	t.Helper()
	seen := make(map[[32]byte]bool, draws)
	counts := make([][256]int, size)
	ones, repeated, otherLength, foreign := 0, 0, 0, 0
	written := len(sessionkey.Encode(secret.New(make([]byte, size)), encoding).Reveal())
	for range draws {
		key, err := sessionkey.Draw(source, size, encoding)
		if err != nil {
			t.Fatal(err)
		}
		text := string(key.Reveal())
		if len(text) != written {
			otherLength++
		}
		if alphabet, ok := alphabets[encoding]; ok && strings.Trim(strings.TrimRight(text, "="), alphabet) != "" {
			foreign++
		}
		raw, err := decoders[encoding](text)
		if err != nil || len(raw) != size {
			otherLength++
			continue
		}
		if seen[[32]byte(raw)] {
			repeated++
		}
		seen[[32]byte(raw)] = true
		for i, b := range raw {
			counts[i][b]++
			ones += bits.OnesCount8(b)
		}
	}
	for what, n := range map[string]int{"are repeated": repeated, "have another length": otherLength, "use other characters": foreign} {
		if n > 0 {
			faults = append(faults, what)
		}
	}
	all := float64(draws * size * 8)
	if math.Abs(float64(ones)-all/2) > deviations*math.Sqrt(all)/2 {
		faults = append(faults, "ones and zeros are not balanced")
	}
	for i := range counts {
		if chi := chiSquare(counts[i]); math.Abs(chi-255) > deviations*math.Sqrt(2*255) {
			faults = append(faults, "the byte values of a position are not equally frequent")
			break
		}
	}
	return faults
}

// chiSquare of 256 classes has a mean of 255 and a variance of 510 when all are equally likely.
func chiSquare(counts [256]int) (sum float64) {
	const expected = draws / 256.0
	for _, n := range counts {
		d := float64(n) - expected
		sum += d * d / expected
	}
	return sum
}
