package fakegcp

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
)

// keepChange makes a change of the control API while no call is handled, and puts it into the state file.
func (s *Server) keepChange(route controlRoute, r *http.Request) (any, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxMessageBytes))
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.order.Lock()
	defer s.order.Unlock()
	if err := s.file.failure(); err != nil {
		return nil, err
	}
	at := s.clock.Now().Round(0)
	if !route.movesClock() {
		s.clock.pin(at)
		s.Settle()
		defer s.clock.pin(time.Time{})
	}
	answer, err := s.serveSeeded(route, r)
	if err != nil {
		return answer, err
	}
	if route.movesClock() {
		at = s.clock.Now().Round(0)
	}
	s.file.add(stateLine{At: at, Real: s.clock.base.Now(), Change: &stateChange{r.Method, r.URL.RequestURI(), body, s.applying.Load()}})
	return answer, s.file.flush()
}

func (s *Server) serveSeeded(route controlRoute, r *http.Request) (any, error) {
	defer ids.restore(ids.use(s.file.seed("record", s.file.next())))
	return route.serve(r)
}

// clusterDir is where the Kubernetes of a cluster keeps what is in it, beside the state file; empty without one. The caller
// holds the lock.
func (s *Server) clusterDir(n containerName) string {
	c, ok := lookup[*containerpb.Cluster](s.store, n.clusterName())
	if s.file == nil || !ok {
		return ""
	}
	return filepath.Join(s.file.name+".kubernetes", c.GetId())
}

// closeState notes how far the clock has come, and closes the state file.
func (s *Server) closeState() error {
	if s.file != nil && s.file.file != nil {
		s.file.add(stateLine{At: s.clock.Now().Round(0), Real: s.clock.base.Now(), End: &struct{}{}})
	}
	return s.file.close()
}
