// Package web is the process that takes requests.
package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"example.com/twelve-factor-app/internal/config"
	"example.com/twelve-factor-app/internal/queue"
	"example.com/twelve-factor-app/internal/serve"
	"example.com/twelve-factor-app/internal/session"
)

const (
	// maxJob is the size of a job's text.
	maxJob = 1 << 20
	// readyTime bounds the look at the store: less than the time that readiness checks have.
	readyTime = 800 * time.Millisecond
)

type app struct {
	queue   *queue.Queue
	ring    session.Ring
	log     *slog.Logger
	leaving atomic.Bool
}

// Run serves until ctx ends.
func Run(ctx context.Context, c config.Config, q *queue.Queue, log *slog.Logger) error {
	a := &app{queue: q, ring: c.Ring, log: log}
	return serve.Until(ctx, c, a.logged(a.routes()), func() { a.leaving.Store(true) }, log)
}

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	// Whether the process is to be restarted: a store that is away is no reason.
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", a.ready)
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("POST /login", a.login)
	mux.HandleFunc("POST /jobs", a.add)
	return http.NewCrossOriginProtection().Handler(mux)
}

// ready tells whether requests are to come here.
func (a *app) ready(w http.ResponseWriter, r *http.Request) {
	if a.leaving.Load() {
		http.Error(w, "draining", http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTime)
	defer cancel()
	if err := a.queue.Check(ctx); err != nil {
		a.log.Warn("not ready", "error", err.Error())
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "ready\n")
}

func (a *app) home(w http.ResponseWriter, r *http.Request) {
	user, ok := a.ring.User(r, time.Now())
	if !ok {
		http.Error(w, "not signed in", http.StatusUnauthorized)
		return
	}
	counts, err := a.queue.Counts(r.Context())
	if err != nil {
		a.fail(w, err)
		return
	}
	answer(w, http.StatusOK, map[string]any{"user": user, "jobs": counts})
}

// login asks for no password: a real app does, or another app, here.
func (a *app) login(w http.ResponseWriter, r *http.Request) {
	user := r.FormValue("user")
	if user == "" || len(user) > 64 {
		http.Error(w, "user: 1 to 64 characters", http.StatusBadRequest)
		return
	}
	if err := a.ring.Save(w, user, time.Now()); err != nil {
		a.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// add takes a job for a worker. The body goes through a file in TMPDIR, the only place that a container may write to.
func (a *app) add(w http.ResponseWriter, r *http.Request) {
	if _, ok := a.ring.User(r, time.Now()); !ok {
		http.Error(w, "not signed in", http.StatusUnauthorized)
		return
	}
	text, err := viaScratch(http.MaxBytesReader(w, r.Body, maxJob))
	if err != nil {
		a.fail(w, err)
		return
	}
	job, err := a.queue.Add(r.Context(), text)
	if err != nil {
		a.fail(w, err)
		return
	}
	answer(w, http.StatusAccepted, map[string]int{"id": job.ID})
}

func viaScratch(body io.Reader) (string, error) {
	file, err := os.CreateTemp("", "job-")
	if err != nil {
		return "", err
	}
	defer func() {
		_ = file.Close()
		_ = os.Remove(file.Name())
	}()
	if _, err := io.Copy(file, body); err != nil {
		return "", fmt.Errorf("read the job: %w", err)
	}
	text, err := os.ReadFile(file.Name())
	return string(text), err
}

func (a *app) fail(w http.ResponseWriter, err error) {
	a.log.Error("request failed", "error", err.Error())
	http.Error(w, "try again", http.StatusServiceUnavailable)
}

func answer(w http.ResponseWriter, status int, content any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(content) // a client that has gone needs no answer
}

// logged writes a line for each request, without anything that the client sent but method and path.
func (a *app) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, seen := time.Now(), &status{ResponseWriter: w, code: http.StatusOK}
		next.ServeHTTP(seen, r)
		a.log.Info("request", "method", r.Method, "path", r.URL.Path, "status", seen.code, "duration", time.Since(began).String())
	})
}

// status remembers the status of an answer.
type status struct {
	http.ResponseWriter
	code int
}

// WriteHeader passes the status on.
func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// Unwrap lets a http.ResponseController reach the connection.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }
