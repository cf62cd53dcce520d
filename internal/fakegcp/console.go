package fakegcp

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
)

// consolePrefix begins the paths of the console.
const consolePrefix = "/console/"

// Bounds of what a page shows; a filter finds the rest.
const (
	maxConsoleRows    = 200
	maxConsoleInner   = 20 // versions of a secret, revisions of a service
	maxConsoleJournal = 500
)

//go:embed console
var consoleFiles embed.FS

// consolePages are the pages by the last part of their paths, in the order of the menu; their templates are in console/.
var consolePages = []consolePage{
	{"", "Overview"}, {"clusters", "Clusters"}, {"run", "Cloud Run"}, {"secrets", "Secrets"}, {"identities", "Identities"},
	{"operations", "Operations"}, {"journal", "Journal"},
}

type consolePage struct{ Path, Title string }

// consoleData is what a template gets.
type consoleData struct {
	Title        string
	Page         string
	Menu         []consolePage
	Project      string
	Filter       string
	View         consoleView
	Picture      picture
	Journal      []Call
	Errors       bool // of the journal only
	Changes      bool
	One          objectView
	Why          string // there is nothing to show
	Limit, Inner int
}

// consoleServer serves the console: pages that show what exists and what was called, and change nothing.
type consoleServer struct {
	s         *Server
	templates map[string]*template.Template
	static    http.Handler
}

func (s *Server) consoleHandler() (*consoleServer, error) {
	c := &consoleServer{s: s, templates: map[string]*template.Template{}}
	for _, name := range []string{"overview", "clusters", "run", "secrets", "identities", "operations", "journal", "object", "missing"} {
		t, err := template.New("layout.html").Funcs(consoleFunctions).ParseFS(consoleFiles, "console/layout.html", "console/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("console: %w", err)
		}
		c.templates[name] = t
	}
	files, err := fs.Sub(consoleFiles, "console")
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	c.static = http.StripPrefix(consolePrefix, http.FileServerFS(files))
	return c, nil
}

var consoleFunctions = template.FuncMap{
	"last":  lastSegment,
	"link":  objectLink,
	"share": shareOf,
	"lower": words,
	"when":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
	"short": func(method string) string { return method[strings.LastIndexByte(method, '.')+1:] },
	"limit": func(n, total int) string {
		if total <= n {
			return fmt.Sprint(total)
		}
		return fmt.Sprintf("%d of %d", n, total)
	},
}

// words is a state as the console shows it: CONDITION_SUCCEEDED is succeeded.
func words(state any) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(fmt.Sprint(state), "CONDITION_"), "_", " "))
}

// objectLink is the page of an object.
func objectLink(name string) string {
	return consolePrefix + "object?" + url.Values{"name": {name}}.Encode()
}

// consolePolicy lets a page load what comes from here and nothing else.
const consolePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// ServeHTTP answers browsers on this machine.
func (c *consoleServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", consolePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	if !loopbackHost(r.Host) {
		http.Error(w, "the console answers under loopback addresses only", http.StatusForbidden)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "the console only shows; the control API under "+controlPrefix+" changes", http.StatusMethodNotAllowed)
		return
	}
	path := strings.TrimPrefix(r.URL.Path, consolePrefix)
	if strings.HasSuffix(path, ".css") || strings.HasSuffix(path, ".js") {
		c.static.ServeHTTP(w, r)
		return
	}
	c.page(w, r, path)
}

// loopbackHost says whether a Host header names this machine: a rebound name does not.
func loopbackHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c *consoleServer) page(w http.ResponseWriter, r *http.Request, path string) {
	d := consoleData{
		Page: path, Menu: consolePages, Project: c.s.options.Project, Filter: r.URL.Query().Get("filter"), Limit: maxConsoleRows, Inner: maxConsoleInner,
		Errors: r.URL.Query().Get("errors") != "", Changes: r.URL.Query().Get("changes") != "",
	}
	name, code := path, http.StatusOK
	i := slices.IndexFunc(consolePages, func(p consolePage) bool { return p.Path == path })
	switch {
	case path == "object":
		name, code = c.object(&d, r.URL.Query().Get("name"))
	case i < 0:
		name, code, d.Title, d.Why = "missing", http.StatusNotFound, "Not found", "There is no such page."
	default:
		d.Title = consolePages[i].Title
		c.fill(&d)
		if path == "" {
			name = "overview"
		}
	}
	var out bytes.Buffer
	if err := c.templates[name].Execute(&out, d); err != nil {
		c.s.options.Log.Error("console page", "page", path, "error", err)
		http.Error(w, "the page could not be rendered", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(out.Bytes()) // the client has gone if this fails
}

// fill takes what the page shows.
func (c *consoleServer) fill(d *consoleData) {
	d.View = c.s.console(d.Page)
	d.View.narrow(d.Filter)
	switch d.Page {
	case "":
		d.Picture = draw(d.View)
	case "journal":
		for _, call := range slices.Backward(c.s.Journal()) {
			if len(d.Journal) == maxConsoleJournal {
				break
			}
			if d.shows(call) {
				d.Journal = append(d.Journal, call)
			}
		}
	}
}

func (d *consoleData) shows(call Call) bool {
	if d.Errors && call.Code == "OK" || d.Changes && !call.Mutating {
		return false
	}
	return matches(d.Filter, call.Method, call.Resource, call.Principal, call.Code)
}

// matches says whether one of the texts contains the filter.
func matches(filter string, texts ...string) bool {
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(filter)) })
}

// narrow leaves what the filter finds by name.
func (v *consoleView) narrow(filter string) {
	if filter == "" {
		return
	}
	v.Clusters = slices.DeleteFunc(v.Clusters, func(c clusterView) bool { return !matches(filter, c.Name) })
	v.Accounts = slices.DeleteFunc(v.Accounts, func(a accountView) bool { return !matches(filter, a.GetEmail()) })
	v.Secrets = slices.DeleteFunc(v.Secrets, func(s secretView) bool { return !matches(filter, s.GetName()) })
	v.Services = slices.DeleteFunc(v.Services, func(s serviceView) bool { return !matches(filter, s.GetName()) })
	v.Workers = slices.DeleteFunc(v.Workers, func(w *runpb.WorkerPool) bool { return !matches(filter, w.GetName()) })
	v.Jobs = slices.DeleteFunc(v.Jobs, func(j jobView) bool { return !matches(filter, j.GetName()) })
	v.Grants = slices.DeleteFunc(v.Grants, func(g grantView) bool { return !matches(filter, g.Resource, g.Role, g.Member) })
	v.Operations = slices.DeleteFunc(v.Operations, func(o operationView) bool { return !matches(filter, o.Name, o.Kind, o.Target) })
}
