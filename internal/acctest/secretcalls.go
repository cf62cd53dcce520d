package acctest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// clientMethod is a method of the client with the call that it makes.
	clientMethod = regexp.MustCompile(`(?s)\nfunc \(\w+ (Secrets|SecretVersions)\) (\w+)\(.*?\n}\n`)
	clientCall   = regexp.MustCompile(`\bapi\.(\w+)\(`)
	// use is where the code above the client uses it.
	use = regexp.MustCompile(`\.(Secrets|SecretVersions)\(\)\.(\w+)\(`)
)

// MutatingSecretCalls are the methods of Secret Manager that change something and that internal/deploy has code to call:
// read from its sources, so that a call that no test makes is noticed.
// elsewhere are those that other tests make.
func MutatingSecretCalls(t testing.TB, elsewhere ...string) []string {
	t.Helper()
	calls := map[string]string{} // by collection and client method
	for _, text := range goSources(t, "gcp") {
		for _, method := range clientMethod.FindAllStringSubmatch(text, -1) {
			if call := clientCall.FindStringSubmatch(method[0]); call != nil {
				calls[method[1]+"."+method[2]] = call[1]
			}
		}
	}
	var mutating []string
	for _, text := range goSources(t, "deploy") {
		for _, found := range use.FindAllStringSubmatch(text, -1) {
			call := calls[found[1]+"."+found[2]]
			reads := func(verb string) bool { return strings.HasPrefix(call, verb) || strings.HasPrefix(found[2], verb) }
			switch {
			case slices.ContainsFunc([]string{"Get", "List", "Access"}, reads), slices.Contains(elsewhere, call):
			case call == "":
				t.Fatalf("the client's method %s of %s makes no call that its source shows", found[2], found[1])
			case !slices.Contains(mutating, call):
				mutating = append(mutating, call)
			}
		}
	}
	slices.Sort(mutating)
	return mutating
}

// goSources are the texts of a package's files under internal that are not tests.
func goSources(t testing.TB, pkg string) []string {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "internal", pkg, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no sources of %s: %v", pkg, err)
	}
	var texts []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}
