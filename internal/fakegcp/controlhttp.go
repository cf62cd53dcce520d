package fakegcp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// controlPrefix begins the paths of the control API.
const controlPrefix = "/_fake/"

// controlRoute is one request of the control API: it decodes its own input and returns what is sent as JSON, nil for
// nothing.
type controlRoute func(r *http.Request) (any, error)

// controlHandler serves the control methods over HTTP, as a module author's tests need them.
func (s *Server) controlHandler() http.Handler {
	routes := map[string]controlRoute{
		"GET objects":      func(*http.Request) (any, error) { return s.Objects() },
		"DELETE objects":   func(r *http.Request) (any, error) { return nil, s.Remove(r.URL.Query().Get("name")) },
		"PATCH objects":    s.controlMerge,
		"GET remaining":    func(*http.Request) (any, error) { return s.Remaining() },
		"GET journal":      func(*http.Request) (any, error) { return s.Journal(), nil },
		"POST faults":      s.controlInject,
		"DELETE faults":    func(*http.Request) (any, error) { s.ClearFaults(); return nil, nil },
		"GET clock":        func(*http.Request) (any, error) { return map[string]time.Time{"now": s.Now()}, nil },
		"POST clock":       s.controlAdvance,
		"POST propagation": s.controlPropagation,
		"POST permissions": s.controlPermissions,
		"POST readdelay":   s.controlReadDelay,
		"POST tokens":      s.controlTokens,
		"POST apis":        s.controlAPIs,
		"POST images":      s.controlImages,
		"POST preempt":     s.controlPreempt,
		"POST stockout":    s.controlStockout,
	}
	mux := http.NewServeMux()
	for pattern, route := range routes {
		mux.HandleFunc(strings.Replace(pattern, " ", " "+controlPrefix, 1), route.serve)
	}
	mux.HandleFunc("GET "+controlPrefix+"kubeconfig", s.controlKubeconfig)
	return onlyFromHere(mux)
}

// onlyFromHere refuses web pages: a browser sends an Origin, and a rebound name is no loopback host.
func onlyFromHere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		ip := net.ParseIP(host)
		if r.Header.Get("Origin") != "" || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "the control API answers loopback clients only, not web pages", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (route controlRoute) serve(w http.ResponseWriter, r *http.Request) {
	answer, err := route(r)
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]string{"error": err.Error()}
	}
	if answer == nil {
		answer = struct{}{}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(answer) // the client has gone if this fails
}

// controlInput decodes a request's body strictly, so that a misspelt field is an error.
func controlInput[T any](r *http.Request) (T, error) {
	var in T
	dec := json.NewDecoder(io.LimitReader(r.Body, maxMessageBytes))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return in, fmt.Errorf("%s: body: %w", r.URL.Path, err)
	}
	return in, nil
}

func (s *Server) controlInject(r *http.Request) (any, error) {
	f, err := controlInput[Fault](r)
	if err != nil {
		return nil, err
	}
	return nil, s.Inject(f)
}

func (s *Server) controlAdvance(r *http.Request) (any, error) {
	in, err := controlInput[struct {
		Advance string `json:"advance"`
	}](r)
	if err != nil {
		return nil, err
	}
	d, err := time.ParseDuration(in.Advance)
	if err != nil || d < 0 {
		return nil, errors.Join(fmt.Errorf("advance %q: want a positive duration such as 720h", in.Advance), err)
	}
	s.Advance(d)
	return map[string]time.Time{"now": s.Now()}, nil
}

func (s *Server) controlPropagation(r *http.Request) (any, error) {
	in, err := controlInput[struct {
		Delay string `json:"delay"`
	}](r)
	if err != nil {
		return nil, err
	}
	d, err := time.ParseDuration(in.Delay)
	if err != nil {
		return nil, fmt.Errorf("delay %q: want a duration such as 2m: %w", in.Delay, err)
	}
	s.SetPropagationDelay(d)
	return nil, nil
}

func (s *Server) controlPermissions(r *http.Request) (any, error) {
	in, err := controlInput[struct {
		Permission string `json:"permission"`
		Principal  string `json:"principal"`
		Denied     bool   `json:"denied"`
	}](r)
	if err != nil {
		return nil, err
	}
	if in.Permission == "" {
		return nil, errors.New(`permission is missing: name one such as "container.clusters.update"`)
	}
	set := s.Allow
	if in.Denied {
		set = s.Deny
	}
	set(in.Permission, in.Principal)
	return nil, nil
}

func (s *Server) controlAPIs(r *http.Request) (any, error) {
	in, err := controlInput[struct {
		API     string `json:"api"`
		Enabled bool   `json:"enabled"`
	}](r)
	if err != nil {
		return nil, err
	}
	s.SetAPIEnabled(in.API, in.Enabled)
	return nil, nil
}

func (s *Server) controlImages(r *http.Request) (any, error) {
	in, err := controlInput[struct {
		Image     string    `json:"image"`
		Behaviour Behaviour `json:"behaviour"`
	}](r)
	if err != nil {
		return nil, err
	}
	return nil, s.SetImage(in.Image, in.Behaviour)
}

func (s *Server) controlPreempt(r *http.Request) (any, error) {
	in, err := controlInput[struct {
		Cluster string `json:"cluster"`
		Pool    string `json:"pool"`
	}](r)
	if err != nil {
		return nil, err
	}
	return nil, s.Preempt(in.Cluster, in.Pool)
}

func (s *Server) controlStockout(r *http.Request) (any, error) {
	in, err := controlInput[struct {
		Zone string `json:"zone"`
		On   bool   `json:"on"`
	}](r)
	if err != nil {
		return nil, err
	}
	return nil, s.SetStockout(in.Zone, in.On)
}

func (s *Server) controlKubeconfig(w http.ResponseWriter, r *http.Request) {
	config, err := s.Kubeconfig(r.URL.Query().Get("cluster"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(config) // the client has gone if this fails
}
