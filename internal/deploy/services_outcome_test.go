package deploy

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

// seenTarget is a service whose last look gives this.
type seenTarget struct {
	serviceTarget
	state *ServiceState
	err   error
}

func (s seenTarget) read(context.Context) (*ServiceState, []Notice, error) {
	return s.state, nil, s.err
}

// What an apply brings about is told by the last look; one that saw nothing leaves no state without a status.
func TestOutcomeOfALastLook(t *testing.T) {
	t.Parallel()
	a := app.App{Name: "shop", Image: "acme/shop:1", GKE: &app.GKE{Cluster: "projects/acme-dev/locations/asia-northeast1/clusters/dev"}}
	ready := func() *ServiceState { return &ServiceState{ID: "x", Status: ServiceReady, Serves: true} }
	away := func() *ServiceState { return &ServiceState{ID: "x", Unreachable: true} }
	failed := errors.New("the update failed")
	for name, row := range map[string]struct {
		target  seenTarget
		failure error
		status  string // empty without a state
		err     string // empty without an error
		notices int
	}{
		"seen":                       {seenTarget{state: ready()}, nil, ServiceReady, "", 0},
		"cluster away":               {seenTarget{state: away()}, nil, ServiceDegraded, "", 1},
		"gone":                       {seenTarget{}, nil, "", "is gone", 0},
		"no look":                    {seenTarget{err: failed}, nil, "", "Cannot read service", 0},
		"failed, serves":             {seenTarget{state: ready()}, failed, ServiceDegraded, "Cannot update service", 0},
		"failed, gone":               {seenTarget{}, failed, "", "Cannot update service", 0},
		"failed, cluster gone away":  {seenTarget{state: away()}, failed, "", "Cannot update service", 0},
		"failed, and no look either": {seenTarget{err: errors.New("away")}, failed, "", "Cannot update service", 0},
	} {
		state, notices, err := serviceUpdated(t.Context(), row.target, a, row.failure)
		status := ""
		if state != nil {
			status = state.Status
		}
		if status != row.status || (state == nil) != (row.status == "") || len(notices) != row.notices {
			t.Errorf("%s: state %+v, notices %v", name, state, notices)
		}
		if (err == nil) != (row.err == "") || err != nil && !strings.Contains(err.Error(), row.err) {
			t.Errorf("%s: error %v, want %q", name, err, row.err)
		}
	}
	state, notices, err := (&Cloud{}).serviceCreated(t.Context(), seenTarget{state: away()}, a, nil)
	if err != nil || state.Status != ServiceCreating || len(notices) != 1 || strings.Contains(notices[0].Detail, "Stopped by: ") {
		t.Errorf("a create that was not seen: %+v, %v, error %v", state, notices, err)
	}
}
