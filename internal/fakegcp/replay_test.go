package fakegcp_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// A session is what a client sent to Google Cloud and what it was answered. Those in testdata/sessions are written for this
// test, from facts with a source, and have to come back exactly; "*" stands for any value. Recordings, which are not part of
// the repository, are replayed from ../shared/gcp-recordings beside a checkout.
type session struct {
	Exchanges []exchange `json:"exchanges"`
}

type exchange struct {
	Method   string          `json:"method"`
	URL      string          `json:"url"`
	Request  json.RawMessage `json:"request"`
	Status   int             `json:"status"`
	Response json.RawMessage `json:"response"`
}

// leastShare is the share of a recording's fields that has to come back.
const leastShare = 0.97

// volatile are fields whose values differ from run to run in the real service too: only that they are there counts.
var volatile = regexp.MustCompile(`(?i)(etag|time|id|link|links|endpoint|certificate|cidr|cidrblock|version|urls|fingerprint|image|name|zone|range|rangename|network|subnetwork|utilization)(\[\d+\])?$`)

func TestSessions(t *testing.T) {
	files, err := filepath.Glob("testdata/sessions/*.json")
	must(t, err)
	if len(files) == 0 {
		t.Fatal("there are no sessions in testdata/sessions")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			r := newReplay(t)
			r.run(file)
			for _, miss := range r.missed {
				t.Error(miss)
			}
		})
	}
}

func TestRecordings(t *testing.T) {
	folder := recordings(t)
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	must(t, err)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			r := newReplay(t)
			r.lenient = true
			r.run(file)
			share := 1 - float64(len(r.missed))/float64(max(r.fields, 1))
			t.Logf("%d fields, %.1f %% come back", r.fields, share*100)
			if share < leastShare {
				t.Errorf("%.1f %% of the fields come back, want %.0f %%:\n%s", share*100, leastShare*100, strings.Join(r.missed, "\n"))
			}
		})
	}
}

// recordings is the folder shared/gcp-recordings beside the module or beside a folder above it.
func recordings(t *testing.T) string {
	t.Helper()
	at, err := os.Getwd()
	must(t, err)
	for {
		folder := filepath.Join(at, "shared", "gcp-recordings")
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			return folder
		}
		up := filepath.Dir(at)
		if up == at {
			t.Skip("no recordings: there is no folder shared/gcp-recordings beside this checkout")
		}
		at = up
	}
}

// replay sends a session's requests to a fake of its own.
type replay struct {
	*cloud
	lenient bool // volatile fields need only be there
	words   map[string]string
	etag    string
	fields  int
	missed  []string
}

func newReplay(t *testing.T) *replay {
	t.Helper()
	return &replay{cloud: start(t), words: map[string]string{
		"projectId": "acme-dev", "projectNumber": "123456789012", "uniqueId": "a1b2c3d4e5", "operationID": "none", "organizationID": "1",
	}}
}

var (
	word     = regexp.MustCompile(`\$\{(\w+)\}`)
	hostPart = regexp.MustCompile(`^https://([^/]+)(/.*)$`)
)

func (r *replay) fill(s string) string {
	s = strings.ReplaceAll(s, "project-${uniqueId}", "${projectId}")
	return word.ReplaceAllStringFunc(s, func(w string) string {
		if value, ok := r.words[word.FindStringSubmatch(w)[1]]; ok {
			return value
		}
		return w
	})
}

func (r *replay) run(file string) {
	r.t.Helper()
	content, err := os.ReadFile(file)
	must(r.t, err)
	var s session
	must(r.t, json.Unmarshal(content, &s))
	for _, e := range s.Exchanges {
		if strings.Contains(e.URL, "//cloudresourcemanager.") && !strings.Contains(e.URL, "IamPolicy") {
			continue // projects are not created here
		}
		r.exchange(e)
	}
	if r.fields == 0 {
		r.t.Errorf("%s has no answer with a field", file)
	}
}

// exchange sends one request and compares its answer. The clock moves before the state of an operation is asked for that was
// done when it was recorded.
func (r *replay) exchange(e exchange) {
	r.t.Helper()
	address := hostPart.FindStringSubmatch(r.fill(e.URL))
	if address == nil {
		r.t.Fatalf("URL %q", e.URL)
	}
	var want any
	if len(e.Response) > 0 {
		must(r.t, json.Unmarshal([]byte(r.fill(string(e.Response))), &want))
	}
	if text(want, "status") == "DONE" {
		r.Advance(5 * time.Minute)
	}
	status, body := r.send(e, address[1], address[2])
	var got any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		r.t.Fatalf("%s %s: %v in %q", e.Method, address[2], err, body)
	}
	if status != e.Status {
		r.t.Errorf("%s %s: status %d, want %d: %s", e.Method, address[2], status, e.Status, body)
	}
	if name := text(got, "name"); strings.HasPrefix(name, "operation-") {
		r.words["operationID"] = name
	}
	if strings.Contains(e.URL, "IamPolicy") {
		r.etag = text(got, "etag")
	}
	r.compare(e.Method+" "+address[2], want, got)
}

func (r *replay) send(e exchange, host, path string) (int, string) {
	r.t.Helper()
	body := r.fill(string(e.Request))
	if strings.Contains(e.URL, "setIamPolicy") && r.etag != "" {
		body = r.withEtag(body)
	}
	q, err := http.NewRequestWithContext(r.ctx(), e.Method, "http://"+r.Addr()+path, strings.NewReader(body))
	must(r.t, err)
	q.Header.Set("X-Goog-Api-Host", host)
	q.Header.Set("Content-Type", "application/json")
	return answerOf(r.t, q)
}

// withEtag puts the policy's etag of this run into a request: a recorded one is another run's.
func (r *replay) withEtag(body string) string {
	var request map[string]any
	must(r.t, json.Unmarshal([]byte(body), &request))
	if policy, ok := request["policy"].(map[string]any); ok {
		policy["etag"] = r.etag
	}
	changed, err := json.Marshal(request)
	must(r.t, err)
	return string(changed)
}

// text is a field of an object that is a string, or nothing.
func text(v any, field string) string {
	object, ok := v.(map[string]any)
	if !ok {
		return ""
	}
	s, ok := object[field].(string)
	if !ok {
		return ""
	}
	return s
}

// compare counts the fields of an answer and notes those that do not come back.
func (r *replay) compare(path string, want, got any) {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if len(want) == 0 {
			r.count(path, ok, want, got)
		}
		for _, key := range slices.Sorted(maps.Keys(want)) {
			r.compare(path+" ."+key, want[key], object[key])
		}
	case []any:
		list, _ := got.([]any)
		for i, element := range want {
			var other any
			if i < len(list) {
				other = list[i]
			}
			r.compare(fmt.Sprintf("%s[%d]", path, i), element, other)
		}
	case nil:
	default:
		same := want == got || want == "*" && got != nil
		r.count(path, same || r.lenient && got != nil && volatile.MatchString(path), want, got)
	}
}

func (r *replay) count(path string, same bool, want, got any) {
	r.fields++
	if !same {
		r.missed = append(r.missed, fmt.Sprintf("%s: want %v, got %v", path, want, got))
	}
}
