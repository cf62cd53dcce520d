package kubernetes

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// front is a cluster's endpoint: it ends TLS, knows the caller by the bearer token, and forwards to the API server.
type front struct {
	cluster  *Cluster
	listener net.Listener
	server   *http.Server
	served   chan struct{}
	upstream *http.Transport
	patience time.Duration // buildPatience
}

func openFront(c *Cluster) (*front, error) {
	config, err := c.authority.tlsConfig()
	if err != nil {
		return nil, err
	}
	f := &front{cluster: c, served: make(chan struct{}), patience: buildPatience}
	if f.listener, err = c.listen(); err != nil {
		return nil, fmt.Errorf("endpoint of cluster %s: %w", c.options.Name, err)
	}
	f.upstream = &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: c.authority.pool(), MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 100,
	}
	f.server = &http.Server{
		Handler:           f,
		TLSConfig:         config,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // clients that distrust the certificate are not worth a line
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				_, _ = c.begin() // its error is told to the request that follows
			}
		},
	}
	go func() {
		defer close(f.served)
		if err := f.server.ServeTLS(f.listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			c.options.Log.Error("a cluster's endpoint ended", "cluster", c.options.Name, "error", err)
		}
	}()
	return f, nil
}

func (f *front) close() error {
	err := f.server.Close()
	<-f.served
	f.upstream.CloseIdleConnections()
	return err
}

// ServeHTTP authenticates, and serves unless somebody has the requests go through other hands.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || strings.TrimSpace(token) == "" {
		refuse(w, http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "Unauthorized")
		return
	}
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.serve(w, r, token) })
	if through := f.cluster.options.Through; through != nil {
		through(w, r, parseRequest(r), serve)
		return
	}
	serve(w, r)
}

// serve waits for the control plane and forwards.
func (f *front) serve(w http.ResponseWriter, r *http.Request, token string) {
	plane, err := f.plane(r.Context())
	if errors.Is(err, errNotConfigured) {
		// Not 503: a client that tries again would do so in vain.
		refuse(w, http.StatusNotImplemented, metav1.StatusReasonUnknown, err.Error())
		return
	}
	if err != nil {
		if errors.Is(err, errBuilding) {
			w.Header().Set("Retry-After", retryAfterSeconds)
		}
		refuse(w, http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, err.Error())
		return
	}
	if log, ok := parseLogPath(r); ok {
		f.serveLog(w, r, plane, log, f.credential(plane, token))
		return
	}
	if err := readBody(w, r); err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, metav1.StatusReasonRequestEntityTooLarge, err.Error())
		return
	}
	f.proxy(plane, f.credential(plane, token)).ServeHTTP(w, r)
}

// A build takes minutes, longer than clients wait for one answer; they try again after a 503 that says when.
const (
	buildPatience     = 20 * time.Second
	retryAfterSeconds = "5"
)

var errBuilding = errors.New("the programs of Kubernetes are being built, once, which takes about 7 minutes on two cores: try again")

// plane waits for the control plane: as long as the caller does while it starts, for a moment while it is being built.
func (f *front) plane(ctx context.Context) (*ControlPlane, error) {
	if f.cluster.building.Load() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, f.patience, errBuilding)
		defer cancel()
	}
	return f.cluster.ControlPlane(ctx)
}

// maxBodyBytes is above what the API server takes, 3 MiB, so that the refusal is its own.
const maxBodyBytes = 4 << 20

// readBody reads a request to its end before it is forwarded. An API server that refuses a caller does so without having
// read the body; the reverse proxy then waits for a body that the HTTP/2 client waits to send, about once in fifty times.
func readBody(w http.ResponseWriter, r *http.Request) error {
	if r.Body == nil || r.Header.Get("Upgrade") != "" {
		return nil
	}
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	r.Body, r.ContentLength = http.NoBody, int64(len(content))
	if len(content) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(content))
	}
	return nil
}

// credential maps the caller's token to one that the API server knows.
func (f *front) credential(plane *ControlPlane, token string) string {
	if readOnly := f.cluster.options.ReadOnlyToken; readOnly != "" && token == readOnly {
		return plane.viewer
	}
	return plane.admin
}

func (f *front) proxy(plane *ControlPlane, credential string) *httputil.ReverseProxy {
	target := &url.URL{Scheme: "https", Host: plane.apiserver}
	return &httputil.ReverseProxy{
		Transport:     f.upstream,
		FlushInterval: -1, // a watch event must not wait for the next one
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Set("Authorization", "Bearer "+credential)
		},
		ErrorLog: log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() != nil {
				return // the caller has gone
			}
			refuse(w, http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "the API server does not answer: "+err.Error())
		},
	}
}

// fetch asks the API server with a caller's rights.
func (f *front) fetch(ctx context.Context, plane *ControlPlane, credential, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+plane.apiserver+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+credential)
	request.Header.Set("Accept", "application/json")
	return f.upstream.RoundTrip(request)
}

// refuse answers as the API server would, with a Status object.
func refuse(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(metav1.Status{ // a caller that has gone needs no answer
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status:   metav1.StatusFailure,
		Code:     int32(code),
		Reason:   reason,
		Message:  message,
	})
}
