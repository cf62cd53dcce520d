package acctest

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	// maxDepth bounds archives in archives and encodings in encodings.
	maxDepth = 4
	// maxUnpacked bounds what one compressed stream is unpacked to, in bytes.
	maxUnpacked = 64 << 20
)

// Scan looks for every canary in data: as it is, in the members of zip archives (plan files are such), in gzip and zlib
// streams, and in base64 texts (private state is one).
func (c *Canaries) Scan(where string, data []byte) []Leak {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.scan(where, data, 0)
}

// ScanDir scans every regular file under dir and every file's name.
func (c *Canaries) ScanDir(dir string) ([]Leak, error) {
	var leaks []Leak
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		leaks = append(leaks, c.Scan("the name of "+path, []byte(path))...)
		if !entry.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		leaks = append(leaks, c.Scan(path, data)...)
		return nil
	})
	return leaks, err
}

// CheckDir fails the test when a canary is found under dir, or when there is nothing to find it in.
func (c *Canaries) CheckDir(t testing.TB, dir string) {
	t.Helper()
	if c.Count() == 0 {
		t.Error("no canaries: the scan of " + dir + " could not have failed")
	}
	leaks, err := c.ScanDir(dir)
	if err != nil {
		t.Error(err)
	}
	for _, leak := range leaks {
		t.Errorf("secret value leaked: %s", leak)
	}
}

// CheckText fails the test when a canary is found in text.
func (c *Canaries) CheckText(t testing.TB, where, text string) {
	t.Helper()
	for _, leak := range c.Scan(where, []byte(text)) {
		t.Errorf("secret value leaked: %s", leak)
	}
}

func (c *Canaries) scan(where string, data []byte, depth int) []Leak {
	leaks := c.needles.search(where, data)
	if depth == maxDepth {
		return leaks
	}
	for _, inner := range unpacked(data) {
		leaks = append(leaks, c.scan(where+inner.how, inner.data, depth+1)...)
	}
	return leaks
}

// search finds needles in data as it is.
func (n *needles) search(where string, data []byte) []Leak {
	var leaks []Leak
	reported := map[needle]bool{} // without its text: one finding of each form is enough
	for i := 0; i+window <= len(data); i++ {
		if !n.heads[int(data[i])<<8|int(data[i+1])] {
			continue
		}
		for _, found := range n.byHead[[window]byte(data[i:])] {
			kind := needle{canary: found.canary, form: found.form}
			if strings.HasPrefix(string(data[i:min(len(data), i+len(found.text))]), found.text) && !reported[kind] {
				reported[kind] = true
				leaks = append(leaks, Leak{Where: where, Canary: found.canary, Form: found.form, Offset: i})
			}
		}
	}
	return leaks
}

// packed is what was found inside of a text.
type packed struct {
	how  string
	data []byte
}

func unpacked(data []byte) []packed {
	found := zipMembers(data)
	found = append(found, streams(data)...)
	found = append(found, htmlText(data)...)
	return append(found, base64Texts(data)...)
}

// htmlText undoes the escapes of a web page, such as the fake's console.
func htmlText(data []byte) []packed {
	if text := html.UnescapeString(string(data)); text != string(data) {
		return []packed{{" > HTML", []byte(text)}}
	}
	return nil
}

func zipMembers(data []byte) []packed {
	if !bytes.HasPrefix(data, []byte("PK\x03\x04")) {
		return nil
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil
	}
	var members []packed
	for _, file := range archive.File {
		r, err := file.Open()
		if err != nil {
			continue
		}
		body, _ := io.ReadAll(io.LimitReader(r, maxUnpacked)) // a damaged member is scanned as far as it goes
		_ = r.Close()
		members = append(members, packed{" > zip member " + file.Name, body})
	}
	return members
}

// streams unpacks gzip and zlib streams wherever they begin.
func streams(data []byte) []packed {
	var found []packed
	for _, kind := range []struct {
		name, magic string
		open        func(io.Reader) (io.ReadCloser, error)
	}{
		{"gzip", "\x1f\x8b\x08", func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }},
		{"zlib", "\x78\x9c", zlib.NewReader},
		{"zlib", "\x78\x01", zlib.NewReader},
		{"zlib", "\x78\xda", zlib.NewReader},
	} {
		for at := 0; ; at++ {
			next := bytes.Index(data[at:], []byte(kind.magic))
			if next < 0 {
				break
			}
			at += next
			r, err := kind.open(bytes.NewReader(data[at:]))
			if err != nil {
				continue
			}
			body, _ := io.ReadAll(io.LimitReader(r, maxUnpacked)) // an error ends a stream that only looked like one
			_ = r.Close()
			if len(body) >= window {
				found = append(found, packed{fmt.Sprintf(" > %s at byte %d", kind.name, at), body})
			}
		}
	}
	return found
}

// base64Text is a run of characters that may be base64 of more than a window.
var base64Text = regexp.MustCompile(`[A-Za-z0-9+/_-]{20,}`)

// base64Texts decodes what looks like base64, so that an encoding in an encoding is found too.
func base64Texts(data []byte) []packed {
	var found []packed
	for _, at := range base64Text.FindAllIndex(data, -1) {
		text := strings.NewReplacer("-", "+", "_", "/").Replace(string(data[at[0]:at[1]]))
		if len(text)%4 == 1 { // no length of base64: the last character belongs to what follows
			text = text[:len(text)-1]
		}
		body, err := base64.RawStdEncoding.DecodeString(text)
		if err == nil {
			found = append(found, packed{fmt.Sprintf(" > base64 at byte %d", at[0]), body})
		}
	}
	return found
}
