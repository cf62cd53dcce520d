package fakegcp

import (
	"slices"
	"sync"
	"time"
)

// Call is one line of the journal. It holds names and codes, never a body.
type Call struct {
	// Seq counts from 1.
	Seq int `json:"seq"`
	// Time is the virtual time at which the call ended.
	Time time.Time `json:"time"`
	// Method is the full gRPC method without the leading slash, for REST calls too.
	Method string `json:"method"`
	// Resource is the full name of the object the call is about, as the caller wrote it.
	Resource string `json:"resource"`
	// Principal is the caller's e-mail address.
	Principal string `json:"principal"`
	// Code is the gRPC code's name, such as NOT_FOUND, as the caller got it; "" when a fault took the answer away.
	Code string `json:"code"`
	// Mutating says whether the method changes anything.
	Mutating bool `json:"mutating"`
	// Fault says which injected fault struck, if one did.
	Fault string `json:"fault,omitempty"`
}

type journal struct {
	mu    sync.Mutex
	calls []Call
}

func (j *journal) add(c Call) {
	j.mu.Lock()
	defer j.mu.Unlock()
	c.Seq = len(j.calls) + 1
	j.calls = append(j.calls, c)
}

// Journal lists every call so far.
func (s *Server) Journal() []Call {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return slices.Clone(s.journal.calls)
}
