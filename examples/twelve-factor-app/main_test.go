package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// app is the program, built once.
var app string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "twelve-factor-app-")
	if err == nil {
		app = filepath.Join(dir, "app")
		var out []byte
		if out, err = exec.Command("go", "build", "-o", app, ".").CombinedOutput(); err != nil {
			err = fmt.Errorf("%w\n%s", err, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

const (
	key      = "0123456789abcdef0123456789abcdef"
	older    = "fedcba9876543210fedcba9876543210"
	password = "store-password"
	patience = 20 * time.Second
)

// line is one of the log.
type line struct {
	Severity, Message, Address, Error string
	Job                               int
}

// process is a running process of the app.
type process struct {
	*testing.T
	cmd   *exec.Cmd
	lines chan line
	ended chan error
	mu    sync.Mutex
	text  strings.Builder
}

// start starts a process with these variables and no others. It ends with the test at the latest.
func start(t *testing.T, name string, variables ...string) *process {
	t.Helper()
	p := &process{T: t, cmd: exec.Command(app, name), lines: make(chan line, 1000), ended: make(chan error, 1)}
	p.cmd.Env = append([]string{"HOST=127.0.0.1", "PORT=0", "TMPDIR=" + t.TempDir()}, variables...)
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			p.mu.Lock()
			p.text.WriteString(scanner.Text() + "\n")
			p.mu.Unlock()
			var l line
			if err := json.Unmarshal(scanner.Bytes(), &l); err != nil || l.Severity == "" || l.Message == "" {
				t.Errorf("%s wrote what is no event: %s", name, scanner.Text())
			}
			p.lines <- l
		}
	}()
	go func() {
		<-read
		p.ended <- p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // one that has ended already is not there any more
		<-p.ended
	})
	return p
}

// await waits for an event.
func (p *process) await(message string) line {
	p.Helper()
	late := time.After(patience)
	for {
		select {
		case l := <-p.lines:
			if l.Message == message {
				return l
			}
		case <-late:
			p.Fatalf("no event %q:\n%s", message, p.output())
		}
	}
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// end waits for the end, which has to be a good one.
func (p *process) end() {
	p.Helper()
	select {
	case err := <-p.ended:
		if err != nil {
			p.Fatalf("ended with %v:\n%s", err, p.output())
		}
	case <-time.After(patience):
		p.Fatalf("has not ended:\n%s", p.output())
	}
}

func (p *process) terminate() {
	p.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.Fatal(err)
	}
}

// newStore starts a store with the schema, and gives the variable that attaches it.
func newStore(t *testing.T) string {
	t.Helper()
	store := start(t, "store", "STORE_PASSWORD="+password)
	attached := "STORE_URL=http://app:" + password + "@" + store.await("listening").Address
	start(t, "migrate", attached).end()
	return attached
}

// client is a user of the app.
type client struct {
	*testing.T
	address string
	cookie  *http.Cookie
}

// newWeb starts web and signs in.
func newWeb(t *testing.T, variables ...string) (*process, *client) {
	t.Helper()
	web := start(t, "web", append([]string{"SESSION_KEYS=" + key}, variables...)...)
	c := &client{T: t, address: "http://" + web.await("listening").Address}
	resp, err := http.PostForm(c.address+"/login", url.Values{"user": {"alice"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent || len(resp.Cookies()) != 1 {
		t.Fatalf("login: %s", resp.Status)
	}
	c.cookie = resp.Cookies()[0]
	return web, c
}

// ask gives status and text of an answer.
func (c *client) ask(method, path string, body io.Reader) (int, string) {
	c.Helper()
	request, err := http.NewRequestWithContext(c.Context(), method, c.address+path, body)
	if err != nil {
		c.Fatal(err)
	}
	if c.cookie != nil {
		request.AddCookie(c.cookie)
	}
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	text, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode, string(text)
}

func (c *client) want(status int, method, path string, body io.Reader) string {
	c.Helper()
	got, text := c.ask(method, path, body)
	if got != status {
		c.Fatalf("%s %s: %d %s, want %d", method, path, got, text, status)
	}
	return text
}

// awaitDone waits until all jobs are done.
func (c *client) awaitDone(jobs int) {
	c.Helper()
	want := fmt.Sprintf(`"jobs":{"waiting":0,"claimed":0,"done":%d}`, jobs)
	for late := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		text := c.want(http.StatusOK, http.MethodGet, "/", nil)
		if strings.Contains(text, want) {
			return
		}
		if time.Now().After(late) {
			c.Fatalf("the jobs are %s, want %s", text, want)
		}
	}
}

func TestJobsGoFromWebToWorker(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	web, user := newWeb(t, store)
	user.want(http.StatusOK, http.MethodGet, "/healthz", nil)
	user.want(http.StatusOK, http.MethodGet, "/readyz", nil)
	user.want(http.StatusAccepted, http.MethodPost, "/jobs", strings.NewReader("one"))
	worker := start(t, "worker", store)
	worker.await("job done")
	user.awaitDone(1)
	stranger := &client{T: t, address: user.address}
	stranger.want(http.StatusUnauthorized, http.MethodPost, "/jobs", strings.NewReader("two"))
	for _, p := range []*process{web, worker} {
		p.terminate()
		p.end()
		if strings.Contains(p.output(), key) || strings.Contains(p.output(), password) {
			t.Errorf("the log holds a secret:\n%s", p.output())
		}
	}
}

// A request that is being sent when SIGTERM comes is answered; readiness says no meanwhile, and liveness yes.
func TestWebDrains(t *testing.T) {
	t.Parallel()
	web, user := newWeb(t, newStore(t), "DRAIN_DELAY=2s")
	body, sender := io.Pipe()
	answered := make(chan string, 1)
	go func() {
		status, text := user.ask(http.MethodPost, "/jobs", body)
		answered <- fmt.Sprint(status, " ", text)
	}()
	if _, err := io.WriteString(sender, "half a job, "); err != nil { // taken by the connection
		t.Fatal(err)
	}
	web.terminate()
	web.await("draining")
	user.want(http.StatusServiceUnavailable, http.MethodGet, "/readyz", nil)
	user.want(http.StatusOK, http.MethodGet, "/healthz", nil)
	user.want(http.StatusAccepted, http.MethodPost, "/jobs", strings.NewReader("late, and still taken"))
	for { // until nobody is let in any more
		if status, _ := (&client{T: t, address: user.address}).ask(http.MethodGet, "/healthz", nil); status == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := io.WriteString(sender, "the other half"); err != nil {
		t.Fatal(err)
	}
	_ = sender.Close()
	if got := <-answered; !strings.HasPrefix(got, "202 ") {
		t.Errorf("the request at hand was answered with %s", got)
	}
	web.end()
}

// A worker that is told to end finishes its job and gives the others back; one that is killed loses none.
func TestWorkersLoseNoJob(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	_, user := newWeb(t, store)
	for range 6 {
		user.want(http.StatusAccepted, http.MethodPost, "/jobs", strings.NewReader("job"))
	}
	first := start(t, "worker", store, "WORK_TIME=300ms", "LEASE=1h")
	first.await("job begun")
	first.terminate()
	first.await("job done")
	first.await("job given back")
	first.end()

	killed := start(t, "worker", store, "WORK_TIME=1h", "LEASE=500ms")
	killed.await("job begun")
	if err := killed.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	start(t, "worker", store)
	user.awaitDone(6)
}

func TestMigrationsMayRunAgain(t *testing.T) {
	t.Parallel()
	store := start(t, "store")
	attached := "STORE_URL=http://" + store.await("listening").Address
	_, user := newWeb(t, attached)
	if text := user.want(http.StatusServiceUnavailable, http.MethodGet, "/readyz", nil); !strings.Contains(text, "migrate") {
		t.Errorf("readiness before the migration: %s", text)
	}
	user.want(http.StatusOK, http.MethodGet, "/healthz", nil)
	for i, want := range []string{`"applied":true`, `"applied":false`} {
		migrate := start(t, "migrate", attached)
		migrate.end()
		if n := strings.Count(migrate.output(), want); n != 2 {
			t.Errorf("run %d: %d migrations with %s, want 2:\n%s", i+1, n, want, migrate.output())
		}
	}
	user.want(http.StatusOK, http.MethodGet, "/readyz", nil)
}

// A rotation puts a new key in front, and signs nobody out before the old one goes.
func TestSessionsOutliveARotation(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	_, old := newWeb(t, store)
	_, rotated := newWeb(t, store, "SESSION_KEYS="+older+","+key)
	_, later := newWeb(t, store, "SESSION_KEYS="+older)
	rotated.cookie, later.cookie = old.cookie, old.cookie
	rotated.want(http.StatusOK, http.MethodGet, "/", nil)
	later.want(http.StatusUnauthorized, http.MethodGet, "/", nil)
}

// A store that is away makes web unready, and ends nothing.
func TestStoreMayBeAway(t *testing.T) {
	t.Parallel()
	store := start(t, "store")
	attached := "STORE_URL=http://app:" + password + "@" + store.await("listening").Address
	start(t, "migrate", attached).end()
	web, user := newWeb(t, attached)
	worker := start(t, "worker", attached)
	store.terminate()
	store.end()
	user.want(http.StatusServiceUnavailable, http.MethodGet, "/readyz", nil)
	user.want(http.StatusOK, http.MethodGet, "/healthz", nil)
	worker.await("no jobs")
	for _, p := range []*process{web, worker} {
		p.terminate()
		p.end()
		if strings.Contains(p.output(), password) {
			t.Errorf("the log holds the store's password:\n%s", p.output())
		}
	}
}

// What is missing or wrong is said at the start, all of it, without a value that may be secret.
func TestStartIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		process   string
		variables []string
		want      []string
	}{
		"nothing set":  {"web", nil, []string{"STORE_URL", "SESSION_KEYS"}},
		"all wrong":    {"web", []string{"PORT=web", "STORE_URL=" + password, "SESSION_KEYS=short", "DRAIN_DELAY=2"}, []string{"PORT", "STORE_URL", "key 1", "DRAIN_DELAY"}},
		"no address":   {"worker", []string{"STORE_URL=ftp://" + password}, []string{"STORE_URL"}},
		"no migration": {"migrate", []string{"STORE_URL=http://app:" + password + "@127.0.0.1:1"}, []string{"does not answer"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, c.process, c.variables...)
			ended := p.await("ended")
			if err := <-p.ended; err == nil || ended.Severity != "ERROR" {
				t.Fatalf("ended with %v:\n%s", err, p.output())
			}
			for _, want := range c.want {
				if !strings.Contains(ended.Error, want) {
					t.Errorf("%q does not name %s", ended.Error, want)
				}
			}
			if strings.Contains(p.output(), password) {
				t.Errorf("it repeats what may be secret: %s", p.output())
			}
		})
	}
}
