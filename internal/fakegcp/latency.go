package fakegcp

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/status"
)

// Latency is how late calls are answered. Such a call has its effect when it arrives; its answer waits, in real time, since
// that is what a caller's deadline is in, and without holding up other calls.
type Latency struct {
	// Method is part of the full gRPC method name; empty matches every method.
	Method string
	// Resource is part of the name that the call is about; empty matches every name.
	Resource string
	// Duration is how long the answer waits; in JSON a text such as "250ms".
	Duration time.Duration
}

// MarshalJSON writes the duration as text.
func (l Latency) MarshalJSON() ([]byte, error) {
	return json.Marshal(latencyJSON{l.Method, l.Resource, l.Duration.String()})
}

// latencyJSON is a Latency in the control API.
type latencyJSON struct {
	Method   string `json:"method"`
	Resource string `json:"resource"`
	Duration string `json:"duration"`
}

// SetLatency has calls answered late; of several that match a call the one set last counts. Duration 0 takes the latency of
// the same method and resource back.
func (s *Server) SetLatency(l Latency) error {
	if l.Duration < 0 {
		return fmt.Errorf("latency of %s: want a duration such as 250ms, or 0 for none", l.Duration)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latencies = slices.DeleteFunc(s.latencies, func(o Latency) bool { return o.Method == l.Method && o.Resource == l.Resource })
	if l.Duration > 0 {
		s.latencies = append(s.latencies, l)
	}
	return nil
}

// Latencies are those set, in that order.
func (s *Server) Latencies() []Latency {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.latencies)
}

func (s *Server) latencyOf(call Call) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range slices.Backward(s.latencies) {
		if strings.Contains(call.Method, l.Method) && strings.Contains(call.Resource, l.Resource) {
			return l.Duration
		}
	}
	return 0
}

// delay waits as long as the call's answer is to be late; the error is that of a caller who has given up meanwhile.
func (s *Server) delay(ctx context.Context, call Call) error {
	d := s.latencyOf(call)
	if d == 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}
