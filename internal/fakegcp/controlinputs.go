package fakegcp

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"time"
)

func (s *Server) controlRemove(r *http.Request) (any, error) {
	return nil, s.Remove(r.URL.Query().Get("name"))
}

func (s *Server) controlInject(r *http.Request) (any, error) {
	f, err := controlInput[Fault](r)
	if err != nil {
		return nil, err
	}
	return nil, s.Inject(f)
}

func (s *Server) controlClearFaults(*http.Request) (any, error) {
	s.ClearFaults()
	return nil, nil
}

func (s *Server) controlSetOperation(r *http.Request) (any, error) {
	in, err := controlInput[operationRuleJSON](r)
	if err != nil {
		return nil, err
	}
	d, err := optionalDuration("duration", in.Duration)
	if err != nil {
		return nil, err
	}
	return nil, s.SetOperation(OperationRule{
		Kind: in.Kind, Target: in.Target, Occurrence: in.Occurrence, Times: in.Times, Duration: d, Hold: in.Hold,
		Code: in.Code, Message: in.Message, Conditions: in.Conditions,
	})
}

func (s *Server) controlClearOperations(*http.Request) (any, error) {
	s.ClearOperations()
	return nil, nil
}

func (s *Server) controlRelease(r *http.Request) (any, error) {
	in, err := controlInput[struct {
		Target string `json:"target"`
	}](r)
	if err != nil {
		return nil, err
	}
	released, err := s.ReleaseOperations(in.Target)
	return map[string][]string{"released": released}, err
}

func (s *Server) controlLatency(r *http.Request) (any, error) {
	in, err := controlInput[latencyJSON](r)
	if err != nil {
		return nil, err
	}
	d, err := optionalDuration("duration", in.Duration)
	if err != nil {
		return nil, err
	}
	return nil, s.SetLatency(Latency{Method: in.Method, Resource: in.Resource, Duration: d})
}

func (s *Server) controlSetClock(r *http.Request) (any, error) {
	in, err := controlInput[struct {
		Advance string    `json:"advance"`
		Now     time.Time `json:"now"`
		Speed   *float64  `json:"speed"`
	}](r)
	if err != nil {
		return nil, err
	}
	d, err := optionalDuration("advance", in.Advance)
	switch {
	case err != nil || d < 0:
		return nil, errors.Join(fmt.Errorf("advance %q: want a positive duration such as 720h", in.Advance), err)
	case in.Advance != "" && !in.Now.IsZero():
		return nil, errors.New("advance and now: want one of them")
	case in.Advance == "" && in.Now.IsZero() && in.Speed == nil:
		return nil, errors.New(`clock: want "advance", such as "720h", "now", a later time in RFC 3339, or "speed", such as 60`)
	case !in.Now.IsZero():
		if d = in.Now.Sub(s.Now()); d < 0 && !s.clock.isPinned() {
			return nil, fmt.Errorf("now %s: the clock says %s and does not go back; POST reset does", in.Now.Format(time.RFC3339Nano), s.Now().Format(time.RFC3339Nano))
		}
	}
	if in.Speed != nil {
		if err := s.SetSpeed(*in.Speed); err != nil {
			return nil, err
		}
	}
	s.Advance(max(0, d))
	return s.controlClock(r)
}

// optionalDuration is 0 for an empty text.
func optionalDuration(field, text string) (time.Duration, error) {
	d, err := time.ParseDuration(cmp.Or(text, "0s"))
	if err != nil {
		return 0, fmt.Errorf("%s %q: want a duration such as 2m: %w", field, text, err)
	}
	return d, nil
}

func (s *Server) controlSetPropagation(r *http.Request) (any, error) {
	in, err := controlInput[struct {
		Delay string `json:"delay"`
	}](r)
	if err != nil {
		return nil, err
	}
	d, err := time.ParseDuration(in.Delay)
	if err != nil || d < 0 {
		return nil, errors.Join(fmt.Errorf("delay %q: want a duration such as 2m", in.Delay), err)
	}
	s.SetPropagationDelay(d)
	return nil, nil
}

// deniedPermission is one that a principal, or with none everyone, does not have.
type deniedPermission struct {
	Permission string `json:"permission"`
	Principal  string `json:"principal"`
	Denied     bool   `json:"denied"`
}

func (s *Server) controlSetPermission(r *http.Request) (any, error) {
	in, err := controlInput[deniedPermission](r)
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

func (s *Server) controlSetAPI(r *http.Request) (any, error) {
	in, err := controlInput[struct {
		API     string `json:"api"`
		Enabled bool   `json:"enabled"`
	}](r)
	if err != nil {
		return nil, err
	}
	if !servedAPI(in.API) {
		return nil, fmt.Errorf("api %q is none of %q", in.API, servedAPIs())
	}
	s.SetAPIEnabled(in.API, in.Enabled)
	return nil, nil
}

func (s *Server) controlSetImage(r *http.Request) (any, error) {
	in, err := controlInput[struct {
		Image     string    `json:"image"`
		Behaviour Behaviour `json:"behaviour"`
	}](r)
	if err != nil {
		return nil, err
	}
	if in.Image == "" {
		return nil, errors.New("image is missing: name it as containers do, such as registry.example/app:1")
	}
	return nil, s.SetImage(in.Image, in.Behaviour)
}

func (s *Server) controlSetStockout(r *http.Request) (any, error) {
	in, err := controlInput[struct {
		Zone string `json:"zone"`
		On   bool   `json:"on"`
	}](r)
	if err != nil {
		return nil, err
	}
	return nil, s.SetStockout(in.Zone, in.On)
}

func (s *Server) controlAddProject(r *http.Request) (any, error) {
	in, err := controlInput[projectJSON](r)
	if err != nil {
		return nil, err
	}
	return nil, s.AddProject(in.ID, in.Number)
}

func (s *Server) controlPreempt(r *http.Request) (any, error) {
	in, err := controlInput[struct {
		Cluster string   `json:"cluster"`
		Pool    string   `json:"pool"`
		Nodes   []string `json:"nodes"`
		Count   int      `json:"count"`
	}](r)
	if err != nil {
		return nil, err
	}
	return nil, s.PreemptNodes(in.Cluster, Preemption{Pool: in.Pool, Nodes: in.Nodes, Count: in.Count})
}

func (s *Server) controlReset(*http.Request) (any, error) { return nil, s.Reset() }
