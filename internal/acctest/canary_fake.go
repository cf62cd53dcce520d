package acctest

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"regexp"
	"testing"
)

// maxPages bounds the pages that are read of one fake.
const maxPages = 400

// fakePages are where the scan of a fake begins: what its control API tells (objects, with Cloud Run's services, revisions
// and worker pools among them, and the journal) and its console, whose links are followed.
var fakePages = []string{
	"/_fake/objects", "/_fake/journal", "/_fake/remaining", "/_fake/operations", "/_fake/tokens", "/_fake/permissions",
	"/console/", "/console/journal?errors=1&changes=1",
}

var pageLink = regexp.MustCompile(`href="(/console/[^"#]*)"`)

// ScanFake scans every page of the fake's control API and console. It gives how many there were.
func (c *Canaries) ScanFake(t testing.TB, env *Env) (leaks []Leak, pages int) {
	t.Helper()
	seen := map[string]bool{}
	for todo := append([]string{}, fakePages...); len(todo) > 0 && pages < maxPages; todo = todo[1:] {
		path := todo[0]
		if seen[path] {
			continue
		}
		seen[path] = true
		pages++
		body := fetch(t, "http://"+env.Fake.Addr()+path)
		leaks = append(leaks, c.Scan(path, []byte(body))...)
		for _, link := range pageLink.FindAllStringSubmatch(body, -1) {
			todo = append(todo, html.UnescapeString(link[1]))
		}
	}
	return leaks, pages
}

// CheckFake fails the test when a canary is on a page of the fake.
func (c *Canaries) CheckFake(t testing.TB, env *Env) {
	t.Helper()
	leaks, pages := c.ScanFake(t, env)
	if pages <= len(fakePages) {
		t.Errorf("the console has %d pages only", pages-len(fakePages))
	}
	for _, leak := range leaks {
		t.Errorf("secret value leaked: %s", leak)
	}
}

// objectPage is the console's page of one object.
const objectPage = "/console/object"

func fetch(t testing.TB, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if answer.StatusCode == http.StatusNotFound && request.URL.Path == objectPage {
		return "" // gone since the page that names it was read, or kept for an account that may come back
	}
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", answer.Status)
	}
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return string(body)
}
