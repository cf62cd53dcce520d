package provider

import (
	"crypto/rand"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// What main serves draws session keys from the operating system's generator, whatever the environment says.
func TestSessionKeysAreDrawnFromCryptoRand(t *testing.T) {
	environment := func(string) string { return "x" }
	p, ok := New("test", WithEnvironment(environment)).(*twelvefactor)
	if !ok {
		t.Fatal("New makes something else")
	}
	var diags diag.Diagnostics
	data := p.data(resolve(t.Context(), model{}, p.getenv, &diags), "1.12.0")
	if data.Cloud.Rand != rand.Reader {
		t.Errorf("keys are drawn from %T", data.Cloud.Rand)
	}
}

// WithRand is for tests: nothing that becomes part of the binary calls it, and nothing replaces rand.Reader.
func TestNothingReplacesTheSourceOfKeys(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(name string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == "acctest" || strings.HasPrefix(entry.Name(), ".") && name != root):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if called, ok := n.Fun.(*ast.SelectorExpr); ok && called.Sel.Name == "WithRand" {
					t.Errorf("%s calls WithRand", set.Position(n.Pos()))
				}
			case *ast.AssignStmt:
				for _, left := range n.Lhs {
					if field, ok := left.(*ast.SelectorExpr); ok && field.Sel.Name == "Reader" {
						t.Errorf("%s sets a Reader", set.Position(n.Pos()))
					}
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
