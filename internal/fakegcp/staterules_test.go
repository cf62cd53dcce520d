package fakegcp_test

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

func TestHeldOperationIsStillHeldAfterARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	g := startOn(t, file, storyTime)
	control[any](g.cloud, "POST", "operations", `{"target": "/services/api", "occurrence": 1, "hold": true, "code": "ABORTED", "message": "it broke"}`)
	op, err := g.cloud.create(service(container()))
	must(t, err)
	g.stop()

	g = startOn(t, file, storyTime.Add(time.Hour))
	if all, _ := g.Operations(); len(all) != 1 || !all[0].Held {
		t.Fatalf("operations %+v, want the one that is held", all)
	}
	control[any](g.cloud, "POST", "release", `{}`)
	g.stop()

	g = startOn(t, file, storyTime.Add(2*time.Hour))
	now, err := g.operations.GetOperation(g.ctx(), &longrunningpb.GetOperationRequest{Name: op.GetName()})
	must(t, err)
	wantError(t, status.FromProto(now.GetError()).Err(), codes.Aborted, "it broke")
}

func TestSettingsOfTheStartComeOnceAndOthersStay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	settings := func(o *fakegcp.Options) {
		o.Control = []fakegcp.ControlInput{
			{Name: "faults", Input: json.RawMessage(`{"method": "operation", "resource": "/first"}`)},
			{Name: "operations", Input: json.RawMessage(`{"target": "/first", "duration": "3m"}`)},
			{Name: "projects", Input: json.RawMessage(`{"id": "acme-prod", "number": "210987654321"}`)},
		}
	}
	g := startOn(t, file, storyTime, settings)
	control[any](g.cloud, "POST", "faults", `{"method": "operation", "resource": "/second"}`)
	control[any](g.cloud, "POST", "faults", `{"method": "GetSecret"}`)
	control[any](g.cloud, "POST", "operations", `{"target": "/second", "duration": "5m"}`)
	for range 2 {
		g.stop()
		g = startOn(t, file, storyTime, settings)
		faults := g.Faults()
		if len(faults) != 2 || faults[0].Fault.Resource != "/second" || faults[1].Fault.Resource != "/first" {
			t.Errorf("faults %+v, want that of an operation, and that of the start once", faults)
		}
		if _, rules := g.Operations(); len(rules) != 2 || rules[0].Rule.Target != "/second" || rules[1].Rule.Target != "/first" {
			t.Errorf("rules %+v, want both once", rules)
		}
	}
}
