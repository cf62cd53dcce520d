package fakegcp

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (s *Server) controlObjects(r *http.Request) (any, error) {
	if err := onlyParameters(r, "name", "kind"); err != nil {
		return nil, err
	}
	name, kind := r.URL.Query().Get("name"), r.URL.Query().Get("kind")
	numbered := s.numberedName(name)
	return s.objectsWhere(func(n, k string) bool {
		return (strings.HasPrefix(n, name) || strings.HasPrefix(n, numbered)) && strings.Contains(k, kind)
	})
}

func (s *Server) controlRemaining(*http.Request) (any, error) { return s.Remaining() }

// maxJournalWait bounds ?wait: a client that has gone is noticed anyway, one that is forgotten is not.
const maxJournalWait = 10 * time.Minute

func (s *Server) controlJournal(r *http.Request) (any, error) { return controlCalls(r, s.WaitJournal) }

func (s *Server) controlRequests(r *http.Request) (any, error) {
	return controlCalls(r, s.WaitKubernetes)
}

func controlCalls(r *http.Request, find func(context.Context, JournalFilter) []Call) (any, error) {
	if err := onlyParameters(r, "after", "method", "resource", "code", "mutating", "wait"); err != nil {
		return nil, err
	}
	q := r.URL.Query()
	f := JournalFilter{Method: q.Get("method"), Resource: q.Get("resource"), Code: q.Get("code")}
	var err error
	if f.After, err = strconv.Atoi(cmp.Or(q.Get("after"), "0")); err != nil || f.After < 0 {
		return nil, fmt.Errorf("after %q: want the seq of a call, such as 12", q.Get("after"))
	}
	if f.Mutating, err = strconv.ParseBool(cmp.Or(q.Get("mutating"), "false")); err != nil {
		return nil, fmt.Errorf("mutating %q: want true or false", q.Get("mutating"))
	}
	wait, err := optionalDuration("wait", q.Get("wait"))
	if err != nil || wait < 0 || wait > maxJournalWait {
		return nil, fmt.Errorf("wait %q: want a duration up to %s, such as 5s", q.Get("wait"), maxJournalWait)
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	return find(ctx, f), nil
}

// onlyParameters refuses a misspelt parameter.
func onlyParameters(r *http.Request, names ...string) error {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fmt.Errorf("%s: %w", r.URL.Path, err)
	}
	for name := range q {
		if !slices.Contains(names, name) {
			return fmt.Errorf("%s: parameter %q is none of %s", r.URL.Path, name, strings.Join(names, ", "))
		}
	}
	return nil
}

func (s *Server) controlFaults(*http.Request) (any, error) { return s.Faults(), nil }

func (s *Server) controlOperations(*http.Request) (any, error) {
	all, rules := s.Operations()
	return map[string]any{"operations": all, "rules": rules}, nil
}

func (s *Server) controlLatencies(*http.Request) (any, error) { return s.Latencies(), nil }

func (s *Server) controlClock(*http.Request) (any, error) {
	return map[string]any{"now": s.Now(), "speed": s.Speed()}, nil
}

func (s *Server) controlPropagation(*http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return map[string]string{"delay": s.options.PropagationDelay.String()}, nil
}

// apiSuffix ends the names of APIs, which are denied like permissions.
const apiSuffix = ".googleapis.com"

// Denied lists the permissions that are denied, as principals by permission; principal "" is everyone.
func (s *Server) Denied() map[string][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string][]string{}
	for d, on := range s.denied {
		if on && !strings.HasSuffix(d.permission, apiSuffix) {
			all[d.permission] = append(all[d.permission], d.principal)
		}
	}
	for _, principals := range all {
		slices.Sort(principals)
	}
	return all
}

func (s *Server) controlPermissions(*http.Request) (any, error) {
	denied := s.Denied()
	all := []deniedPermission{}
	for _, permission := range slices.Sorted(maps.Keys(denied)) {
		for _, principal := range denied[permission] {
			all = append(all, deniedPermission{permission, principal, true})
		}
	}
	return all, nil
}

// servedAPIs are the APIs that can be disabled.
func servedAPIs() []string {
	var all []string
	for _, h := range apiHosts {
		if !slices.Contains(all, h.api) {
			all = append(all, h.api)
		}
	}
	return all
}

func servedAPI(name string) bool { return slices.Contains(servedAPIs(), name) }

// APIs says of each API whether it is enabled.
func (s *Server) APIs() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]bool{}
	for _, api := range servedAPIs() {
		all[api] = !s.denied[denial{permission: api}]
	}
	return all
}

func (s *Server) controlAPIs(*http.Request) (any, error) { return s.APIs(), nil }

// Images lists the images that SetImage gave a behaviour.
func (s *Server) Images() map[string]Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]Behaviour{}
	maps.Copy(all, s.images)
	return all
}

func (s *Server) controlImages(*http.Request) (any, error) { return s.Images(), nil }

// Stockouts lists the zones that SetStockout has no machines in; "" is every zone.
func (s *Server) Stockouts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []string{}
	for zone, out := range s.clusters.stockout {
		if out {
			all = append(all, zone)
		}
	}
	slices.Sort(all)
	return all
}

func (s *Server) controlStockouts(*http.Request) (any, error) { return s.Stockouts(), nil }

// projectJSON is a project in the control API.
type projectJSON struct {
	ID     string `json:"id"`
	Number string `json:"number"`
}

func (s *Server) controlProjects(*http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []projectJSON{}
	for _, key := range slices.Sorted(maps.Keys(s.projects)) {
		if p := s.projects[key]; p.ID == key {
			all = append(all, projectJSON(p))
		}
	}
	return all, nil
}

func (s *Server) controlKubeconfig(r *http.Request) (any, error) {
	config, err := s.Kubeconfig(r.URL.Query().Get("cluster"))
	return controlFile{"application/yaml", config}, err
}
