package secret_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

const canary = "c4n4ry-value"

// forms are what a leak would look like.
var forms = []string{
	canary, hex.EncodeToString([]byte(canary)), strings.ToUpper(hex.EncodeToString([]byte(canary))),
	strings.Trim(fmt.Sprintf("%d", []byte(canary)), "[]"), "0x63", "YzRuNHJ5LXZhbHVl",
}

func refuseCanary(t *testing.T, where, output string) {
	t.Helper()
	for _, form := range forms {
		if strings.Contains(output, form) {
			t.Errorf("%s shows the value as %q: %s", where, form, output)
		}
	}
}

type holder struct{ Value secret.Bytes }

type hidden struct{ value secret.Bytes }

func TestNoVerbPrintsTheValue(t *testing.T) {
	t.Parallel()
	s := secret.FromString(canary)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%+q", "%x", "%X", "% x", "%d", "%o", "%b", "%t", "%p", "%U", "%20s", "%T"} {
		for what, v := range map[string]any{
			"value": s, "pointer": &s, "field": holder{s}, "pointer to field": &holder{s}, "slice": []secret.Bytes{s},
			"map": map[string]secret.Bytes{"k": s}, "interface": any(s), "unexported field": hidden{s}, "pointer to unexported field": &hidden{s},
		} {
			refuseCanary(t, verb+" of "+what, fmt.Sprintf(verb, v))
		}
	}
	refuseCanary(t, "an error", fmt.Errorf("failed with %v: %w", s, errors.New("why")).Error())
	refuseCanary(t, "String", s.String()+s.GoString())
}

func TestNoEncodingShowsTheValue(t *testing.T) {
	t.Parallel()
	s := secret.FromString(canary)
	encoded, err := json.Marshal(map[string]any{"value": s, "holder": holder{s}, "map": map[string]secret.Bytes{"k": s}})
	if err != nil {
		t.Fatal(err)
	}
	refuseCanary(t, "JSON", string(encoded))
	text, err := s.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	refuseCanary(t, "text", string(text))
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("read", "value", s, "holder", holder{s}, "list", []secret.Bytes{s})
	}
	refuseCanary(t, "slog", out.String())
	if !strings.Contains(out.String(), secret.Redacted) {
		t.Errorf("slog does not say that it left a value out: %s", out.String())
	}
}

func TestRevealGivesTheBytes(t *testing.T) {
	t.Parallel()
	source := []byte{0, 0xff, 'a', '\n'}
	s := secret.New(source)
	source[0] = 'x'
	if got := s.Reveal(); !bytes.Equal(got, []byte{0, 0xff, 'a', '\n'}) || s.Len() != 4 {
		t.Errorf("the value changed with the slice that it was made of")
	}
	if (secret.Bytes{}).Len() != 0 || !(secret.Bytes{}).IsZero() || len((secret.Bytes{}).Reveal()) != 0 || s.IsZero() {
		t.Error("zero value")
	}
}

func TestEqual(t *testing.T) {
	t.Parallel()
	a := secret.FromString("a")
	for other, want := range map[string]bool{"a": true, "b": false, "": false, "ab": false} {
		if a.Equal(secret.FromString(other)) != want {
			t.Errorf("Equal(a, %q) is not %v", other, want)
		}
	}
}

// The check value of CRC-32C for "123456789" is 0xe3069283 (RFC 3720, appendix B.4, and the CRC catalog).
func TestChecksumIsCastagnoli(t *testing.T) {
	t.Parallel()
	if got := secret.FromString("123456789").CRC32C(); got != 0xe3069283 {
		t.Errorf("checksum %#x, want 0xe3069283", got)
	}
	if got := (secret.Bytes{}).CRC32C(); got != 0 {
		t.Errorf("checksum of nothing is %#x, want 0", got)
	}
}
