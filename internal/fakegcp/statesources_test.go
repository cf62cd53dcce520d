package fakegcp_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// ownSources may read the system's clock and randomness: they are what handlers take both from, or nothing that a state
// file brings back depends on them.
var ownSources = map[string]bool{"clock.go": true, "randoms.go": true, "state.go": true, "statereplay.go": true}

// TestHandlersTakeTimeAndRandomnessFromTheServer keeps handlers repeatable: a state file brings a change back by handling it
// again, which must come out as it did the first time.
func TestHandlersTakeTimeAndRandomnessFromTheServer(t *testing.T) {
	files, err := filepath.Glob("*.go")
	must(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || ownSources[name] {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		must(t, err)
		for _, i := range file.Imports {
			if path := strings.Trim(i.Path.Value, `"`); path == "crypto/rand" || strings.HasPrefix(path, "math/rand") {
				t.Errorf("%s imports %s: take randomness from randoms.go", name, path)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.SelectorExpr); ok {
				if from, ok := call.X.(*ast.Ident); ok && from.Name == "time" && call.Sel.Name == "Now" {
					t.Errorf("%s: time.Now: take the time from Server.now", set.Position(n.Pos()))
				}
			}
			return true
		})
	}
}
