package fakegcp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// controlAPI serves the control methods over HTTP, as a module author's tests need them. Its index lists its routes, and
// every error says what would have been accepted.
type controlAPI struct {
	s      *Server
	routes []controlRoute
}

// ControlInput is a POST of the control API: the route's name, such as "images", and its body.
type ControlInput struct {
	Name  string
	Input json.RawMessage
}

// controlFile is an answer that is not JSON.
type controlFile struct {
	contentType string
	content     []byte
}

func (s *Server) controlHandler() *controlAPI {
	return &controlAPI{s: s, routes: s.controlRoutes()}
}

// ServeHTTP answers loopback clients. It refuses web pages: a browser sends an Origin, and a rebound name is no loopback host.
func (c *controlAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Origin") != "" || !loopbackHost(r.Host) {
		http.Error(w, "the control API answers loopback clients only, not web pages", http.StatusForbidden)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, controlPrefix)
	if name == "" && r.Method == http.MethodGet {
		writeControl(w, http.StatusOK, c.index())
		return
	}
	route, ok := c.find(r.Method, name)
	if !ok {
		writeControl(w, http.StatusNotFound, map[string]any{
			"error":  fmt.Sprintf("there is no %s %s; routes lists what there is", r.Method, r.URL.Path),
			"routes": c.index(),
		})
		return
	}
	answer, err := c.do(route, r)
	if err != nil {
		writeControl(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	writeControl(w, http.StatusOK, answer)
}

func (c *controlAPI) find(verb, name string) (controlRoute, bool) {
	i := slices.IndexFunc(c.routes, func(route controlRoute) bool { return route.pattern == verb+" "+name })
	if i < 0 {
		return controlRoute{}, false
	}
	return c.routes[i], true
}

// index says of each route what it does.
func (c *controlAPI) index() map[string]string {
	all := map[string]string{}
	for _, route := range c.routes {
		all[strings.Replace(route.pattern, " ", " "+controlPrefix, 1)] = route.summary
	}
	return all
}

// do serves a request; a change goes into the state file if there is one.
func (c *controlAPI) do(route controlRoute, r *http.Request) (any, error) {
	if c.s.file == nil || !route.kept() {
		return route.serve(r)
	}
	return c.s.keepChange(route, r)
}

// post serves what a ControlInput says.
func (c *controlAPI) post(in ControlInput) error {
	route, ok := c.find(http.MethodPost, in.Name)
	if !ok {
		var names []string
		for _, route := range c.routes {
			if name, ok := strings.CutPrefix(route.pattern, "POST "); ok {
				names = append(names, name)
			}
		}
		return fmt.Errorf("control: there is no %q; there are %s", in.Name, strings.Join(names, ", "))
	}
	r, err := http.NewRequest(http.MethodPost, controlPrefix+in.Name, bytes.NewReader(in.Input))
	if err != nil {
		return fmt.Errorf("control %s: %w", in.Name, err)
	}
	if _, err := c.do(route, r); err != nil {
		return fmt.Errorf("control %s: %w", in.Name, err)
	}
	return nil
}

// applyControl does what Options.Control says.
func (s *Server) applyControl() error {
	s.applying.Store(true)
	defer s.applying.Store(false)
	for _, in := range s.options.Control {
		if err := s.control.post(in); err != nil {
			return err
		}
	}
	return nil
}

func writeControl(w http.ResponseWriter, code int, answer any) {
	if file, ok := answer.(controlFile); ok {
		w.Header().Set("Content-Type", file.contentType)
		_, _ = w.Write(file.content) // the client has gone if this fails
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if answer == nil {
		answer = struct{}{}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	_ = enc.Encode(answer) // the client has gone if this fails
}

// controlInput decodes a request's body strictly, so that a misspelt field is an error; it names the fields that there are.
func controlInput[T any](r *http.Request) (T, error) {
	var in T
	dec := json.NewDecoder(io.LimitReader(r.Body, maxMessageBytes))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		fields, _ := json.Marshal(*new(T)) // only names what is accepted
		return in, fmt.Errorf("%s: body: %w; accepted, with what is taken for what is left out: %s", r.URL.Path, err, fields)
	}
	return in, nil
}
