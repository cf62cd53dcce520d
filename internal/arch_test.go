package internal_test

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/twelvefactor/terraform-provider-twelvefactor/"

// layers says which packages are in which layer. A package imports packages of lower layers only. A folder stands for
// every package under it. Tests may also use what is made for tests.
var layers = [][]string{
	{"secret", "clock"},
	{"app", "names", "sessionkey"},
	{"render", "gcp", "kube"},
	{"deploy"},
	{"tf"},
	{"resources"},
	{"provider"},
	{"acctest"}, // test support: the only package that knows both the provider and the fake
}

// standardLibraryOnly are the packages that could be read without knowing any cloud.
var standardLibraryOnly = []string{"secret", "clock", "app", "names", "sessionkey"}

// alone are folders that import nothing of ours outside themselves and are imported by test support and tests only.
var alone = []string{"fakegcp"}

// testSupport are folders that are imported by tests only. They know their own layer.
var testSupport = []string{"render/golden"}

// pure are folders whose packages are functions of their arguments, and what such packages do not import.
var (
	pure   = []string{"app", "names", "render"}
	impure = []string{"context", "crypto/rand", "math/rand", "math/rand/v2", "net", "net/http", "os", "sync"}
)

// maxLines is the size that no file goes over. Up to 300 is the aim.
const maxLines = 400

// sources gives every Go file: path relative to internal, and content.
func sources(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "testdata":
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		files[filepath.ToSlash(name)], err = os.ReadFile(name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no files found: the test looks at the wrong place")
	}
	return files
}

// imports gives what a file imports.
func imports(t *testing.T, name string, content []byte) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, content, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, imported)
	}
	return list
}

func isTest(name string) bool { return strings.HasSuffix(name, "_test.go") }

// within tells whether a package is one of the folders or under one.
func within(pkg string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return pkg == f || strings.HasPrefix(pkg, f+"/") })
}

func layerOf(pkg string) int {
	return slices.IndexFunc(layers, func(packages []string) bool { return within(pkg, packages) })
}

func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

// violation says what is wrong with an import, or nothing. Both packages are relative to internal when they are ours.
func violation(pkg, imported string) string {
	ours, isOurs := strings.CutPrefix(imported, module+"internal/")
	top := func(p string) string { first, _, _ := strings.Cut(p, "/"); return first }
	switch {
	case isOurs && within(pkg, alone):
		if top(ours) != top(pkg) {
			return "could not be lifted into another project"
		}
	case isOurs && within(ours, alone):
		if pkg != "acctest" {
			return "only test support knows the fake"
		}
	case isOurs && within(ours, testSupport):
		return "is for tests"
	case isOurs && layerOf(ours) >= layerOf(pkg) && (!within(pkg, testSupport) || layerOf(ours) > layerOf(pkg)):
		return "imports go down only, never up or sideways"
	case within(pkg, standardLibraryOnly) && !isOurs && !isStandard(imported):
		return "the standard library is enough here"
	case within(pkg, pure) && !within(pkg, testSupport) && slices.Contains(impure, imported):
		return "is to be a function of its arguments"
	}
	return ""
}

// testViolation is violation for a file of tests.
func testViolation(pkg, imported string) string {
	ours, isOurs := strings.CutPrefix(imported, module+"internal/")
	switch {
	case !isOurs || ours == pkg || within(ours, testSupport):
		return ""
	case ours == "acctest" && !within(pkg, alone):
		return ""
	case within(ours, alone) && !within(pkg, alone):
		return ""
	}
	return violation(pkg, imported)
}

func TestImportsGoDownOnly(t *testing.T) {
	for name, content := range sources(t) {
		pkg := path.Dir(name)
		if pkg == "." {
			continue // this file
		}
		if layerOf(pkg) < 0 && !within(pkg, alone) {
			t.Errorf("package %s is in no layer: put it into the table, or its code elsewhere", pkg)
		}
		for _, imported := range imports(t, name, content) {
			check := violation
			if isTest(name) {
				check = testViolation
			}
			if problem := check(pkg, imported); problem != "" {
				t.Errorf("%s imports %s: %s", name, imported, problem)
			}
		}
	}
}

func TestViolationsAreSeen(t *testing.T) {
	for _, bad := range [][2]string{
		{"names", module + "internal/gcp"},
		{"names", "github.com/google/go-cmp/cmp"},
		{"gcp", module + "internal/kube"},
		{"resources/secret", module + "internal/resources/cluster"},
		{"resources/secret", module + "internal/provider"},
		{"provider", module + "internal/fakegcp"},
		{"fakegcp", module + "internal/names"},
		{"render/gke", "os"},
		{"render/gke", module + "internal/render/golden"},
	} {
		if violation(bad[0], bad[1]) == "" {
			t.Errorf("%s may import %s", bad[0], bad[1])
		}
	}
}

func TestMainKnowsTheProviderOnly(t *testing.T) {
	content, err := os.ReadFile("../main.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, imported := range imports(t, "main.go", content) {
		if strings.HasPrefix(imported, module) && imported != module+"internal/provider" {
			t.Errorf("main.go imports %s", imported)
		}
	}
}

func TestFilesStaySmall(t *testing.T) {
	for name, content := range sources(t) {
		if n := bytes.Count(content, []byte("\n")); n > maxLines && !isTest(name) {
			t.Errorf("%s has %d lines, more than %d: split it by noun", name, n, maxLines)
		}
	}
}

func TestNoGenericPackages(t *testing.T) {
	for name := range sources(t) {
		if base := path.Base(path.Dir(name)); slices.Contains([]string{"util", "utils", "common", "helpers", "misc", "shared"}, base) {
			t.Errorf("%s: a package is named after what it holds", path.Dir(name))
		}
	}
}
