package kube_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
)

// serve starts an API server that answers as f does, and gives a configuration that reaches it.
func serve(t *testing.T, f http.HandlerFunc) kube.Config {
	t.Helper()
	server := httptest.NewTLSServer(f)
	t.Cleanup(server.Close)
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return kube.Config{
		Endpoint:      strings.TrimPrefix(server.URL, "https://"),
		CACertificate: base64.StdEncoding.EncodeToString(block),
		Token:         oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "test-token"}),
		Clock:         clock.NewInstant(time.Unix(1_800_000_000, 0)),
	}
}

func connect(t *testing.T, config kube.Config) *kube.Client {
	t.Helper()
	client, err := kube.Connect(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

var settings = kube.Ref{GVK: kube.ConfigMap, Namespace: "shop", Name: "settings"}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprint(w, body)
}

const (
	found     = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"shop","name":"settings"}}`
	elsewhere = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"shop","name":"other"}}`
)

func TestEndpointThatIsNotAHostIsRefused(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"", "https://10.0.0.1", "10.0.0.1/path", "user@host", "host:port", "host\nx", "10.0.0.1?x"} {
		_, err := kube.Connect(kube.Config{Endpoint: endpoint, DNS: true, Token: oauth2.StaticTokenSource(nil)})
		if err == nil {
			t.Errorf("endpoint %q was accepted", endpoint)
		}
	}
	for _, endpoint := range []string{"10.0.0.1", "127.0.0.1:6443", "[::1]:443", "gke-1a.us-central1.gke.goog"} {
		_, err := kube.Connect(kube.Config{Endpoint: endpoint, DNS: true, Token: oauth2.StaticTokenSource(nil)})
		if err != nil {
			t.Errorf("endpoint %q: %v", endpoint, err)
		}
	}
}

func TestTokenGoesToTheEndpointOnly(t *testing.T) {
	t.Parallel()
	var stolen atomic.Bool
	thief := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen.Store(true) }))
	t.Cleanup(thief.Close)
	var bearer atomic.Value
	client := connect(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		bearer.Store(r.Header.Get("Authorization"))
		http.Redirect(w, r, thief.URL, http.StatusTemporaryRedirect)
	}))
	if _, err := client.Get(t.Context(), settings); err == nil {
		t.Error("a redirect was taken for an answer")
	}
	if bearer.Load() != "Bearer test-token" || stolen.Load() {
		t.Errorf("authorization %v, redirect followed: %v", bearer.Load(), stolen.Load())
	}
}

func TestServerThatCannotServeIsAskedAgain(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	client := connect(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) < 3 {
			answer(w, http.StatusServiceUnavailable, `{"kind":"Status","code":503,"reason":"ServiceUnavailable"}`)
			return
		}
		answer(w, http.StatusOK, found)
	}))
	if _, err := client.Get(t.Context(), settings); err != nil {
		t.Error(err)
	}
}

func TestUnreachableIsToldFromRefused(t *testing.T) {
	t.Parallel()
	fine := func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, found) }
	otherAuthority := serve(t, fine)
	otherAuthority.CACertificate = selfSigned(t)
	closed := serve(t, fine)
	closed.Endpoint = "127.0.0.1:1"
	noToken := serve(t, fine)
	noToken.Token = failingTokens{}
	tests := map[string]struct {
		config      kube.Config
		unreachable bool
	}{
		"nothing listens":        {closed, true},
		"certificate of another": {otherAuthority, true},
		"always unavailable":     {serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 503, "") }), true},
		"never there":            {serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 501, "") }), true},
		"no token":               {noToken, false},
		"forbidden":              {serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 403, "") }), false},
		"not found":              {serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 404, "") }), false},
		"another object": {
			serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, elsewhere) }), false,
		},
		"longer than an object can be": {serve(t, func(w http.ResponseWriter, _ *http.Request) {
			answer(w, 200, strings.Repeat(" ", 11<<20)+found)
		}), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := connect(t, test.config).Get(t.Context(), settings)
			if err == nil || kube.IsUnreachable(err) != test.unreachable {
				t.Errorf("unreachable = %v, want %v: %v", kube.IsUnreachable(err), test.unreachable, err)
			}
		})
	}
}

type failingTokens struct{}

func (failingTokens) Token() (*oauth2.Token, error) { return nil, errors.New("no credentials") }

func TestMessageThatRepeatsASecretValueIsNotShown(t *testing.T) {
	t.Parallel()
	const value = "hunter2-and-more"
	encoded := base64.StdEncoding.EncodeToString([]byte(value))
	obj := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s", "namespace": "shop"},
		"data": map[string]any{"KEY": encoded},
	}}
	for _, quoted := range []string{value, encoded} {
		client := connect(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
			answer(w, 422, fmt.Sprintf(`{"kind":"Status","code":422,"reason":"Invalid","message":"bad %s"}`, quoted))
		}))
		_, _, err := client.Apply(t.Context(), obj, kube.ApplyOptions{})
		if !apierrors.IsInvalid(err) || strings.Contains(fmt.Sprintf("%v %+v", err, err), quoted) {
			t.Errorf("the error is %v", err)
		}
	}
}

// selfSigned is a certificate authority that signed nothing.
func selfSigned(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
