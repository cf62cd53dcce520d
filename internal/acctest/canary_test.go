package acctest

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCanaries_findEveryForm is the negative control of every test that scans: each form of leak makes the scan fail.
func TestCanaries_findEveryForm(t *testing.T) {
	canaries := NewCanaries()
	value := []byte(canaries.Text(t, "control"))
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			expectLeak(t, canaries, "before "+f.write(value)+" after")
			expectLeak(t, canaries, "a part: "+f.write(value[7:7+window+3]))
		})
	}
	for name, text := range packedForms(t, value) {
		t.Run(name, func(t *testing.T) { expectLeak(t, canaries, text) })
	}
}

func expectLeak(t *testing.T, canaries *Canaries, text string) {
	t.Helper()
	leaks := canaries.Scan("control", []byte(text))
	if len(leaks) == 0 {
		t.Fatal("the leak was not found")
	}
	for _, leak := range leaks {
		if len(canaries.Scan("report", []byte(leak.String()))) > 0 {
			t.Fatal("the report of the leak repeats the value")
		}
	}
}

// packedForms are leaks that only show after unpacking.
func packedForms(t *testing.T, value []byte) map[string]string {
	t.Helper()
	b64 := base64.StdEncoding.EncodeToString
	document, err := json.Marshal(map[string]any{"private": b64([]byte(`{"k":"` + b64(value) + `"}`))})
	if err != nil {
		t.Fatal(err)
	}
	plan := zipOf(t, "tfstate", value)
	zipped := gzipOf(t, value)
	return map[string]string{
		"private state, base64 in base64":    string(document),
		"zip member":                         plan,
		"zip member in base64":               b64([]byte(plan)),
		"gzip":                               zipped,
		"gzip after other bytes":             "header" + zipped,
		"gzip in base64 in JSON":             `{"data":"` + b64([]byte(zipped)) + `"}`,
		"zlib":                               zlibOf(t, value),
		"URL-safe base64 of base64, padded":  base64.URLEncoding.EncodeToString([]byte(b64(value))),
		"fmt of a Go structure with []byte":  fmt.Sprintf("%v", struct{ Data []byte }{value}),
		"Go syntax of a structure":           fmt.Sprintf("%#v", struct{ Data []byte }{value}),
		"%+v of a map of strings":            fmt.Sprintf("%+v", map[string]string{"value_wo": string(value)}),
		"%q of a string":                     fmt.Sprintf("%q", value),
		"JSON of a structure with a string":  jsonText(t, map[string]string{"v": string(value)}),
		"JSON of a structure with []byte":    jsonText(t, map[string][]byte{"v": value}),
		"half of the value at a line's end":  "x=" + string(value[:16]) + "\n",
		"page of HTML":                       template.HTMLEscapeString(string(value)),
		"JSON in a page of HTML":             template.HTMLEscaper(jsonText(t, map[string]string{"v": string(value)})),
		"12 bytes of the value":              string(value[9:21]),
		"base64 with two bytes in front":     b64(append([]byte("ab"), value...)),
		"base64url without padding, 1 ahead": base64.RawURLEncoding.EncodeToString(append([]byte("a"), value...)),
	}
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func zipOf(t *testing.T, name string, body []byte) string {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	w, err := archive.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	write(t, w, body)
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func gzipOf(t *testing.T, body []byte) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	write(t, w, body)
	return out.String()
}

func zlibOf(t *testing.T, body []byte) string {
	t.Helper()
	var out bytes.Buffer
	write(t, zlib.NewWriter(&out), body)
	return out.String()
}

// write writes and closes, with text around the value as there is in real files.
func write(t *testing.T, w io.Writer, body []byte) {
	t.Helper()
	if _, err := fmt.Fprintf(w, "%s%s%s", strings.Repeat("before ", 20), body, strings.Repeat(" after", 20)); err != nil {
		t.Fatal(err)
	}
	if c, ok := w.(io.Closer); ok {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCanaries_silentWithoutLeak(t *testing.T) {
	canaries, other := NewCanaries(), NewCanaries()
	canaries.Text(t, "one")
	for _, f := range forms {
		text := f.write([]byte(other.Text(t, "two")))
		if leaks := canaries.Scan("clean", []byte(text)); len(leaks) > 0 {
			t.Errorf("%s: %v", f.name, leaks)
		}
	}
}

func TestCanaries_scanDirectories(t *testing.T) {
	canaries := NewCanaries()
	value := canaries.Text(t, "file")
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a", "b", "log"), []byte("x"+value), 0o600); err != nil {
		t.Fatal(err)
	}
	leaks, err := canaries.ScanDir(dir)
	if err != nil || len(leaks) == 0 || leaks[0].Offset != 1 {
		t.Errorf("leaks %v, error %v", leaks, err)
	}
}

func TestCanaries_readerKnowsWhatItGave(t *testing.T) {
	canaries := NewCanaries()
	key := make([]byte, 16)
	if _, err := io.ReadFull(canaries.Reader(), key); err != nil {
		t.Fatal(err)
	}
	expectLeak(t, canaries, fmt.Sprintf("%x", key))
	expectLeak(t, canaries, base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf("%x", key))))
}
