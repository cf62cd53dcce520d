package kube

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"golang.org/x/oauth2"
)

// capped bounds what is read of an answer, so that a broken server cannot fill the memory.
type capped struct{ next http.RoundTripper }

func (c capped) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := c.next.RoundTrip(r)
	if err == nil {
		answer.Body = &cappedBody{ReadCloser: answer.Body, left: maxBody}
	}
	return answer, err
}

type cappedBody struct {
	io.ReadCloser
	left int64
}

func (b *cappedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the answer is longer than %d bytes", int64(maxBody))
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}

// TokenError tells that there was no token to authenticate with. The cluster itself was not asked.
type TokenError struct{ Err error }

// Error names the cause.
func (e *TokenError) Error() string { return "no token for the cluster: " + e.Err.Error() }

// Unwrap gives the token source's error.
func (e *TokenError) Unwrap() error { return e.Err }

type tokens struct{ source oauth2.TokenSource }

func (t tokens) Token() (*oauth2.Token, error) {
	token, err := t.source.Token()
	if err != nil {
		return nil, &TokenError{err}
	}
	return token, nil
}

// warningCollector hands the warnings of a response to the call that it belongs to.
type warningCollector struct{}

type warningsKey struct{}

type warnings struct {
	mu    sync.Mutex
	texts []string
}

func collectWarnings(ctx context.Context) (context.Context, *warnings) {
	w := &warnings{}
	return context.WithValue(ctx, warningsKey{}, w), w
}

// HandleWarningHeaderWithContext keeps a warning for the caller. Code 299 is the only one that API servers send.
func (warningCollector) HandleWarningHeaderWithContext(ctx context.Context, code int, _ string, text string) {
	w, ok := ctx.Value(warningsKey{}).(*warnings)
	if !ok || code != 299 || text == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.texts, text) {
		w.texts = append(w.texts, text)
	}
}

func (w *warnings) list() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.texts)
}
