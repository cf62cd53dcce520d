package kubernetes

import (
	"context"
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestEndpointAnswersWhileKubernetesIsBuilt: a build takes minutes, and a client that gets no answer gives up for good.
func TestEndpointAnswersWhileKubernetesIsBuilt(t *testing.T) {
	built, building := make(chan struct{}), make(chan struct{})
	c, err := New(Options{Name: "slow", Build: func(ctx context.Context) (string, error) {
		close(building)
		select {
		case <-built:
		case <-ctx.Done():
		}
		return t.TempDir(), context.Cause(ctx)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	c.front.patience = 10 * time.Millisecond
	if _, err := c.begin(); err != nil {
		t.Fatal(err)
	}
	<-building
	if code, retry := get(t, c); code != http.StatusServiceUnavailable || retry == "" {
		t.Errorf("%d, Retry-After %q; want 503 and when to try again", code, retry)
	}
	close(built)
	if _, err := c.front.plane(t.Context()); err == nil || !strings.Contains(err.Error(), "etcd") {
		t.Errorf("built into an empty folder: %v, want the missing programs named", err)
	}
}

// get asks an endpoint for its version.
func get(t *testing.T, c *Cluster) (code int, retryAfter string) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: c.authority.pool(), MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+c.Endpoint()+"/version", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer t")
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode, response.Header.Get("Retry-After")
}
