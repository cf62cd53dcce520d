package kubernetes

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientset "k8s.io/client-go/kubernetes"
)

func TestEndpointKnowsCallersByToken(t *testing.T) {
	s := newSession(t)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: shared.authority.pool(), MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(s.ctx, http.MethodGet, "https://"+shared.Endpoint()+"/api/v1/namespaces", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil || response.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %s, want 401", statusOf(err, response))
	}
	if err == nil {
		_ = response.Body.Close()
	}
	viewer, err := clientset.NewForConfig(endpointConfig(viewerToken))
	if err != nil {
		t.Fatal(err)
	}
	s.eventually(10*time.Second, func() error { // the API server needs a moment to see the binding
		_, err := viewer.CoreV1().Pods(s.namespace).List(s.ctx, metav1.ListOptions{})
		return err
	})
	if _, err := viewer.CoreV1().Secrets(s.namespace).List(s.ctx, metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("the read-only token lists secrets: %v, want forbidden", err)
	}
	_, err = viewer.CoreV1().ConfigMaps(s.namespace).Create(s.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "c"}}, metav1.CreateOptions{})
	if !apierrors.IsForbidden(err) {
		t.Errorf("the read-only token creates: %v, want forbidden", err)
	}
}

func TestWatchEventsPassTheEndpointAtOnce(t *testing.T) {
	s := newSession(t)
	watcher, err := s.client.CoreV1().ConfigMaps(s.namespace).Watch(s.ctx, metav1.ListOptions{FieldSelector: "metadata.name=news"})
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Stop()
	s.must(s.client.CoreV1().ConfigMaps(s.namespace).Create(s.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "news"}}, metav1.CreateOptions{}))
	select {
	case event := <-watcher.ResultChan():
		if event.Type != "ADDED" {
			t.Errorf("event %s, want ADDED", event.Type)
		}
	case <-time.After(5 * time.Second):
		t.Error("no event within five seconds")
	}
}

func TestEndpointWithoutProgramsSaysSo(t *testing.T) {
	c, err := New(Options{Name: "bare"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: c.authority.pool(), MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+c.Endpoint()+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer t")
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusNotImplemented || !strings.Contains(string(body), "tools/build.sh kubernetes") {
		t.Errorf("%s %s (%v), want 501 and how to get the programs", response.Status, body, err)
	}
}

// The API server refuses a caller without reading what it sends; see readBody.
func TestRefusedWritesAreAnsweredEachTime(t *testing.T) {
	s := newSession(t)
	viewer, err := clientset.NewForConfig(endpointConfig(viewerToken))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second)
		_, err := viewer.CoreV1().ConfigMaps(s.namespace).Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "c"}}, metav1.CreateOptions{})
		cancel()
		if !apierrors.IsForbidden(err) {
			t.Fatalf("try %d: %v, want forbidden", i, err)
		}
	}
}
