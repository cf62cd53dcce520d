package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
)

// A request that is being answered when SIGTERM comes gets its answer.
func TestDrainFinishesRequests(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, terminate := context.WithCancel(t.Context())
	began, finish := make(chan struct{}), make(chan struct{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(began)
		<-finish
		_, _ = io.WriteString(w, "finished")
	})
	ended, answered := make(chan error, 1), make(chan string, 1)
	go func() { ended <- serve(ctx, listener, slow, slog.New(slog.DiscardHandler)) }()
	go func() {
		r, err := http.Get("http://" + listener.Addr().String())
		if err != nil {
			answered <- err.Error()
			return
		}
		body, _ := io.ReadAll(r.Body)
		_ = r.Body.Close()
		answered <- string(body)
	}()
	<-began
	terminate()
	for { // until nobody is let in any more
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	close(finish)
	if got := <-answered; got != "finished" {
		t.Errorf("the request was answered with %q", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// What is missing or wrong is said at the start, without anything of a key.
func TestStartIsRefused(t *testing.T) {
	const key = "0123456789abcdef0123456789abcdef"
	for name, c := range map[string]struct {
		environment map[string]string
		want        string
	}{
		"no ring":          {nil, "SESSION_KEYS_VERSION"},
		"two rings":        {map[string]string{"SESSION_KEYS": key, "SESSION_KEYS_VERSION": "projects/p/secrets/s/versions/1"}, "both set"},
		"no version":       {map[string]string{"SESSION_KEYS_VERSION": "session-key"}, "projects/PROJECT/secrets/NAME/versions/NUMBER"},
		"not this machine": {map[string]string{"SESSION_KEYS_VERSION": "projects/p/secrets/s/versions/1", "SECRETMANAGER_EMULATOR_HOST": "10.0.0.1:80"}, "of this machine"},
		"empty ring":       {map[string]string{"SESSION_KEYS": ",\n"}, "no key"},
		"short key":        {map[string]string{"SESSION_KEYS": key + ",0123456789"}, "key 2"},
		"lifetime":         {map[string]string{"SESSION_KEYS": key, "SESSION_LIFETIME": "14d"}, "336h"},
		"port":             {map[string]string{"SESSION_KEYS": key, "PORT": "web"}, "web"},
	} {
		err := run(t.Context(), func(name string) string { return c.environment[name] }, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), key[:8]) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
