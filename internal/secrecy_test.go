package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// comparers are functions whose time depends on where two values differ. strings.Contains and bytes.Cut look for what is no
// secret in one, or for one in what is shown, and are not among them.
var comparers = map[string]bool{
	"bytes.Equal": true, "bytes.Compare": true, "bytes.EqualFold": true, "bytes.HasPrefix": true, "bytes.HasSuffix": true,
	"strings.Compare": true, "strings.EqualFold": true, "strings.HasPrefix": true, "strings.HasSuffix": true,
	"slices.Equal": true, "slices.Compare": true, "slices.EqualFunc": true, "cmp.Compare": true, "reflect.DeepEqual": true,
}

// TestSecretsAreComparedInConstantTime finds revealed values, and variables made of them, in comparisons other than
// secret.Bytes.Equal.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	t.Parallel()
	for name, content := range sources(t) {
		if !isTest(name) {
			for _, at := range leakyComparisons(t, name, string(content)) {
				t.Errorf("%s: compare with secret.Bytes.Equal: the time that this takes tells how much is the same", at)
			}
		}
	}
}

func TestLeakyComparisonsAreFound(t *testing.T) {
	t.Parallel()
	for body, found := range map[string]bool{
		`return bytes.Equal(a.Reveal(), b)`:                           true,
		`return string(a.Reveal()) == b`:                              true,
		`return b != string(a.Reveal())`:                              true,
		`x := a.Reveal(); y := string(x); return y == b`:              true,
		`x, y := a.Reveal(), 1; return slices.Equal(x, b)`:            true,
		`var x = string(a.Reveal()); if x < b { return true }`:        true,
		`switch string(a.Reveal()) { case b: return true }`:           true,
		`return reflect.DeepEqual(a.Reveal(), b.Reveal())`:            true,
		`for _, p := range a.Reveal() { if p == b[0] { return } }`:    true,
		`return m[string(a.Reveal())]`:                                true,
		`return a.Equal(b)`:                                           false,
		`return len(a.Reveal()) == 0`:                                 false,
		`x := a.Reveal(); return len(x) > 3`:                          false,
		`return subtle.ConstantTimeCompare(a.Reveal(), b) == 1`:       false,
		`x := a.Reveal(); return strings.Contains(text, string(x))`:   false,
		`x := send(a.Reveal()); return x == nil`:                      false,
		`if a.reveal == nil { return nil }; return a.reveal()`:        false,
		`token := string(a.Reveal()); use(token); return other == ""`: false,
	} {
		source := "package p\nfunc f() any {\n" + body + "\n}\n"
		if got := len(leakyComparisons(t, "p.go", source)) > 0; got != found {
			t.Errorf("found %t, want %t: %s", got, found, body)
		}
	}
}

// leakyComparisons gives the places of a file where a revealed value is compared, sorted or looked up. A variable counts as
// revealed when it is assigned the value, a conversion or a part of it, or ranges over it, anywhere in its function.
func leakyComparisons(t *testing.T, name, source string) (places []string) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, declaration := range file.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok || function.Body == nil || !strings.Contains(source, "Reveal") {
			continue
		}
		r := revealed{}
		for known := -1; known != len(r); { // until no more variables are found
			known = len(r)
			ast.Inspect(function.Body, r.collect)
		}
		ast.Inspect(function.Body, func(n ast.Node) bool {
			if r.comparedIn(n) {
				places = append(places, set.Position(n.Pos()).String())
			}
			return true
		})
	}
	return places
}

// revealed are the names of variables that hold secret bytes.
type revealed map[string]bool

func (r revealed) collect(n ast.Node) bool {
	note := func(name ast.Expr, value ast.Expr) {
		if id, ok := name.(*ast.Ident); ok && id.Name != "_" && r.is(value) {
			r[id.Name] = true
		}
	}
	switch n := n.(type) {
	case *ast.AssignStmt:
		for i, value := range n.Rhs {
			if len(n.Lhs) == len(n.Rhs) {
				note(n.Lhs[i], value)
			}
		}
	case *ast.ValueSpec:
		for i, value := range n.Values {
			note(n.Names[i], value)
		}
	case *ast.RangeStmt:
		if n.Value != nil {
			note(n.Value, n.X)
		}
	}
	return true
}

// is tells whether an expression is a secret's bytes: Reveal itself, a conversion, a slice or an element of it, or a variable
// that holds it. What other functions make of it is theirs.
func (r revealed) is(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return r[e.Name]
	case *ast.ParenExpr:
		return r.is(e.X)
	case *ast.SliceExpr:
		return r.is(e.X)
	case *ast.IndexExpr:
		return r.is(e.X)
	case *ast.BinaryExpr:
		return e.Op == token.ADD && (r.is(e.X) || r.is(e.Y))
	case *ast.CallExpr:
		if method, ok := e.Fun.(*ast.SelectorExpr); ok && method.Sel.Name == "Reveal" {
			return true
		}
		return isConversion(e.Fun) && len(e.Args) == 1 && r.is(e.Args[0])
	}
	return false
}

func isConversion(fun ast.Expr) bool {
	id, named := fun.(*ast.Ident)
	_, slice := fun.(*ast.ArrayType)
	return slice || named && id.Name == "string"
}

func (r revealed) comparedIn(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		switch n.Op {
		case token.EQL, token.NEQ, token.LSS, token.GTR, token.LEQ, token.GEQ:
			return r.is(n.X) || r.is(n.Y)
		}
	case *ast.SwitchStmt:
		return n.Tag != nil && r.is(n.Tag)
	case *ast.IndexExpr: // a map is looked up by comparing
		return r.is(n.Index)
	case *ast.CallExpr:
		selector, ok := n.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		pkg, ok := selector.X.(*ast.Ident)
		if !ok || !comparers[pkg.Name+"."+selector.Sel.Name] {
			return false
		}
		for _, argument := range n.Args {
			if r.is(argument) {
				return true
			}
		}
	}
	return false
}
