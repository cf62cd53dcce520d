// Package golden compares what a renderer makes with files, for the tests of the renderers.
//
// A directory testdata holds base.txtar, with an input and all objects that come of it, and files that change one thing
// of that input by a merge patch and show only the objects that this changes. -update writes the objects anew.
package golden

import (
	"encoding/json"
	"flag"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what is rendered into testdata")

const (
	base           = "base"
	inputSection   = "input.json"
	changeSection  = "change.json"
	objectsSection = "objects.yaml"
)

// Object is one rendered object.
type Object struct{ Name, YAML string }

// Writer is os.WriteFile.
type Writer func(name string, data []byte, perm fs.FileMode) error

// Inputs gives the whole input of every file as JSON, by the file's name.
func Inputs(t testing.TB) map[string][]byte {
	t.Helper()
	return InputsIn(t, directory)
}

// InputsIn is Inputs for the files of another package, whose testdata directory is given.
func InputsIn(t testing.TB, testdata string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(testdata, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d files in %s, %v", len(paths), testdata, err)
	}
	start := section(t, openIn(t, testdata, base), inputSection)
	inputs := map[string][]byte{}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		inputs[name] = start
		if name != base {
			inputs[name] = merge(t, start, section(t, openIn(t, testdata, name), changeSection))
		}
	}
	return inputs
}

// Declares tells whether an input has something at these keys, zero or not.
func Declares(t testing.TB, input []byte, keys ...string) bool {
	t.Helper()
	var at any
	if err := json.Unmarshal(input, &at); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		fields, _ := at.(map[string]any)
		if at = fields[key]; at == nil {
			return false
		}
	}
	return true
}

// Base is the input of base.txtar.
func Base(t testing.TB) []byte {
	t.Helper()
	return Inputs(t)[base]
}

// Compare renders every input and compares the objects with its file. The caller brings os.WriteFile, as no package of
// the renderers changes anything outside itself.
func Compare(t *testing.T, write Writer, render func(t testing.TB, input []byte) []Object) {
	t.Helper()
	inputs := Inputs(t)
	unchanged := render(t, inputs[base])
	for name, input := range inputs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive := open(t, name)
			if len(archive.Comment) == 0 {
				t.Error("the file does not say what it shows")
			}
			var before []Object
			if name != base {
				before = unchanged
			}
			check(t, write, name, archive, difference(before, render(t, input)))
		})
	}
}

// difference shows the objects that are not the same as before, in their order, and names those that are gone.
func difference(before, after []Object) string {
	var b strings.Builder
	for _, o := range after {
		if !slices.Contains(before, o) {
			b.WriteString("---\n" + o.YAML)
		}
	}
	for _, o := range before {
		if !slices.ContainsFunc(after, func(a Object) bool { return a.Name == o.Name }) {
			b.WriteString("--- # gone: " + o.Name + "\n")
		}
	}
	return b.String()
}

func check(t *testing.T, write Writer, name string, archive *txtar.Archive, got string) {
	t.Helper()
	if !*update {
		if diff := cmp.Diff(string(section(t, archive, objectsSection)), got); diff != "" {
			t.Errorf("(-want, +got); go test -update if it is meant\n%s", diff)
		}
		return
	}
	archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == objectsSection })
	archive.Files = append(archive.Files, txtar.File{Name: objectsSection, Data: []byte(got)})
	if err := write(path(name), txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// directory is that of the package under test.
const directory = "testdata"

func path(name string) string { return filepath.Join(directory, name+".txtar") }

func open(t testing.TB, name string) *txtar.Archive {
	t.Helper()
	return openIn(t, directory, name)
}

func openIn(t testing.TB, testdata, name string) *txtar.Archive {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join(testdata, name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	return archive
}

func section(t testing.TB, archive *txtar.Archive, name string) []byte {
	t.Helper()
	for _, f := range archive.Files {
		if f.Name == name {
			return f.Data
		}
	}
	t.Fatalf("no section %s", name)
	return nil
}

func merge(t testing.TB, target, patch []byte) []byte {
	t.Helper()
	var a, b any
	for _, in := range []struct {
		json []byte
		out  *any
	}{{target, &a}, {patch, &b}} {
		if err := json.Unmarshal(in.json, in.out); err != nil {
			t.Fatalf("%v in %s", err, in.json)
		}
	}
	merged, err := json.Marshal(mergePatch(a, b))
	if err != nil {
		t.Fatal(err)
	}
	return merged
}

// mergePatch is the MergePatch of RFC 7386, section 2.
func mergePatch(target, patch any) any {
	fields, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	merged, ok := target.(map[string]any)
	if !ok {
		merged = map[string]any{}
	}
	for key, value := range fields {
		if value == nil {
			delete(merged, key)
		} else {
			merged[key] = mergePatch(merged[key], value)
		}
	}
	return merged
}
