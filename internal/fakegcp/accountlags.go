package fakegcp

import (
	"fmt"
	"net/http"
	"time"
)

// lag is for how long a new service account cannot be read by those who ask for it: at first it is unknown, then the
// permission to read it is. Source: hashicorp/terraform-provider-google#10227 and #15042.
type lag struct {
	unknown, denied time.Time
}

// at says whether the account is still hidden.
func (l lag) at(now time.Time) bool { return now.Before(l.denied) }

// refusal is what a read gets.
func (l lag) refusal(now time.Time, name, permission string) error {
	switch {
	case now.Before(l.unknown):
		return notFound("Unknown service account")
	case l.at(now):
		return permissionDenied(iamService, permission, name)
	}
	return nil
}

// created notes when a new account becomes known to policies, and when to readers.
func (st *accountState) created(name string, now time.Time, propagation, reading time.Duration) {
	if st.known == nil {
		st.known, st.hidden = map[string]time.Time{}, map[string]lag{}
	}
	st.known[name] = now.Add(propagation)
	if reading > 0 {
		st.hidden[name] = lag{unknown: now.Add(reading / 2), denied: now.Add(reading)}
	}
}

// SetAccountReadDelay sets for how long service accounts made from now on cannot be read: GetServiceAccount answers NOT_FOUND
// for the first half of it and PERMISSION_DENIED for the second, and lists leave them out. Changes are taken at once.
func (s *Server) SetAccountReadDelay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	s.options.AccountReadDelay = d
}

func (s *Server) controlReadDelay(*http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return map[string]string{"delay": s.options.AccountReadDelay.String()}, nil
}

func (s *Server) controlSetReadDelay(r *http.Request) (any, error) {
	in, err := controlInput[struct {
		Delay string `json:"delay"`
	}](r)
	if err != nil {
		return nil, err
	}
	d, err := time.ParseDuration(in.Delay)
	if err != nil {
		return nil, fmt.Errorf("delay %q: want a duration such as 10s: %w", in.Delay, err)
	}
	s.SetAccountReadDelay(d)
	return nil, nil
}
