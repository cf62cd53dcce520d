// Package golden holds the apps that the renderers are tested with, and what they become, for the tests of the renderers
// and of whoever applies what they render.
//
// An app is a file of testdata. base.txtar describes one, without a runtime, and how to run it on each; the other files
// change one thing of it by a merge patch, and show only what becomes another object by that. Those in testdata/both are
// rendered for both runtimes; where one does not offer what an app asks for, the file shows its refusal. Those in
// testdata/gke and testdata/cloud_run are about what only one runtime has. -update writes what comes out anew.
package golden

import (
	"bytes"
	"embed"
	"encoding/json"
	"io/fs"
	"path"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

//go:embed testdata
var files embed.FS

// Base is the app that the others change.
const Base = "base"

const (
	both          = "both"
	inputSection  = "input.json"
	changeSection = "change.json"
	jsonSuffix    = ".json" // of a runtime's section: what base lacks to run there
	yamlSuffix    = ".yaml" // of a runtime's section: what comes out
)

// archive is one file, read.
type archive struct {
	name, path string
	txtar      *txtar.Archive
}

// archives are the files of a directory of testdata.
func archives(t testing.TB, directory string) []archive {
	t.Helper()
	paths, err := fs.Glob(files, path.Join("testdata", directory, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d files in %s, %v", len(paths), directory, err)
	}
	var all []archive
	for _, p := range paths {
		data, err := files.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, archive{name: strings.TrimSuffix(path.Base(p), ".txtar"), path: p, txtar: txtar.Parse(data)})
	}
	return all
}

// section is a part of the file, and whether it is there.
func (a archive) section(name string) (data []byte, found bool) {
	for _, f := range a.txtar.Files {
		if f.Name == name {
			return f.Data, true
		}
	}
	return nil, false
}

// set writes a section in the place where it is, or at the end.
func (a archive) set(name string, data []byte) {
	for i, f := range a.txtar.Files {
		if f.Name == name {
			a.txtar.Files[i].Data = data
			return
		}
	}
	a.txtar.Files = append(a.txtar.Files, txtar.File{Name: name, Data: data})
}

// input is the whole input of a file for a runtime, as JSON.
func (a archive) input(t testing.TB, r app.Runtime) []byte {
	t.Helper()
	base, err := fs.ReadFile(files, path.Join("testdata", both, Base+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	start := archive{txtar: txtar.Parse(base)}
	input := start.must(t, inputSection)
	input = merge(t, input, start.must(t, string(r)+jsonSuffix))
	if change, found := a.section(changeSection); found {
		input = merge(t, input, change)
	} else if a.name != Base {
		t.Fatalf("%s changes nothing", a.path)
	}
	return input
}

func (a archive) must(t testing.TB, name string) []byte {
	t.Helper()
	data, found := a.section(name)
	if !found {
		t.Fatalf("%s has no section %s", a.path, name)
	}
	return data
}

// merge is the MergePatch of RFC 7386, section 2.
func merge(t testing.TB, target, patch []byte) []byte {
	t.Helper()
	var a, b any
	for _, in := range []struct {
		json []byte
		out  *any
	}{{target, &a}, {patch, &b}} {
		decoder := json.NewDecoder(bytes.NewReader(in.json))
		decoder.UseNumber()
		if err := decoder.Decode(in.out); err != nil {
			t.Fatalf("%v in %s", err, in.json)
		}
	}
	merged, err := json.Marshal(mergePatch(a, b))
	if err != nil {
		t.Fatal(err)
	}
	return merged
}

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
