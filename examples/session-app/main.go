// Command session-app is a web application that signs its users in with a cookie, and whose keys come from a
// twelvefactor_session_key.
//
// It reads PORT, the ring (see package keyring) and SESSION_LIFETIME from the environment, logs to standard output, and on
// SIGTERM finishes the requests that it has. A new ring is read when it starts: a rotation rolls it out.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"example.com/session-app/internal/keyring"
	"example.com/session-app/internal/session"
)

const (
	defaultPort = "8080"
	// defaultLifetime of a session is at most keep times rotate_after of the session key, or rotations end sessions early.
	defaultLifetime = "336h"
	// drainTime is shorter than what Cloud Run (10 s) and Kubernetes (30 s) leave between SIGTERM and SIGKILL.
	drainTime = 8 * time.Second
	// readHeaderTime keeps slow clients from holding connections.
	readHeaderTime = 5 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	if err := run(ctx, os.Getenv, log); err != nil {
		log.Error("ended", "error", err.Error())
		os.Exit(1)
	}
}

// run serves until ctx ends, and then until the requests at hand are answered.
func run(ctx context.Context, getenv func(string) string, log *slog.Logger) error {
	lifetime, err := time.ParseDuration(cmp.Or(getenv("SESSION_LIFETIME"), defaultLifetime))
	if err != nil || lifetime < time.Second {
		return fmt.Errorf("SESSION_LIFETIME is not a duration of a second or more, such as %q", defaultLifetime)
	}
	ring, err := keyring.Load(ctx, getenv)
	if err != nil {
		return err
	}
	store, err := session.NewStore(ring.Keys(), lifetime)
	if err != nil {
		return err
	}
	// HOST is for trying it out on one machine; a container listens on all of its addresses.
	listener, err := net.Listen("tcp", net.JoinHostPort(getenv("HOST"), cmp.Or(getenv("PORT"), defaultPort)))
	if err != nil {
		return err
	}
	log.Info("listening", "address", listener.Addr().String(), "keys", len(ring.Keys()))
	return serve(ctx, listener, logged(log, routes(store)), log)
}

// serve answers requests until ctx ends, takes no more then, and waits for those that it has.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: readHeaderTime}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	log.Info("draining")
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return fmt.Errorf("not every request was finished: %w", err)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	log.Info("ended")
	return nil
}

// routes are the pages of the app.
func routes(store *session.Store) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		s, ok := store.Load(r)
		if !ok {
			http.Error(w, "not signed in", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintf(w, "signed in as %s since %s\n", s.User, s.Since.Format(time.RFC3339))
	})
	// A real app asks for a password, or another app, here.
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		user := r.FormValue("user")
		if user == "" || len(user) > 64 {
			http.Error(w, "user: 1 to 64 characters", http.StatusBadRequest)
			return
		}
		if err := store.Save(w, session.Session{User: user, Since: time.Now().UTC()}); err != nil {
			http.Error(w, "no session", http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, _ *http.Request) {
		store.Clear(w)
		w.WriteHeader(http.StatusNoContent)
	})
	return http.NewCrossOriginProtection().Handler(mux)
}

// logged writes a line for each request, without anything that the client sent but method and path.
func logged(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, answer := time.Now(), &answer{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		log.Info("request", "method", r.Method, "path", r.URL.Path, "status", answer.status, "duration", time.Since(began).String())
	})
}

// answer remembers the status.
type answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader passes the status on.
func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}
