package fakegcp_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// TestConcurrentChangesComeBack has clients and the control API change things at the same time, by the system's clock, while
// operations end in between. The file must have it all in the order in which it happened.
func TestConcurrentChangesComeBack(t *testing.T) {
	const clients, rounds = 6, 25
	options := func(o *fakegcp.Options) {
		o.Clock, o.OperationTime, o.PropagationDelay = nil, 2*time.Millisecond, time.Millisecond
		o.StateFile = filepath.Join(t.TempDir(), "state")
	}
	var file string
	g := start(t, options, func(o *fakegcp.Options) { file = o.StateFile })
	g.secret("shop-key", "one")
	_, err := g.create(service(container(fromSecret("KEY", "shop-key", "latest"))))
	must(t, err)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for round := range rounds {
				busy(g, i, round)
			}
		})
	}
	all.Wait()
	settled(t, g)
	must(t, g.Close(g.ctx()))
	want := (&gke{cloud: g}).snapshot()
	again := start(t, options, func(o *fakegcp.Options) { o.StateFile = file })
	if got := (&gke{cloud: again}).snapshot(); got != want {
		t.Error(firstDifference(got, want))
	}
}

// busy makes changes that compete for the same objects; that some of them are refused is part of it.
func busy(g *cloud, client, round int) {
	_ = g.addVersion(g.ctx())
	_, _ = g.services.UpdateService(g.ctx(), &runpb.UpdateServiceRequest{
		Service:    &runpb.Service{Name: api, Labels: map[string]string{"round": fmt.Sprintf("%d-%d", client, round)}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"labels"}},
	})
	member := "serviceAccount:" + defaultCaller
	if round%2 == 0 {
		member = "allUsers"
	}
	_, _ = g.secrets.SetIamPolicy(g.ctx(), &iampb.SetIamPolicyRequest{
		Resource: shopKey,
		Policy:   &iampb.Policy{Bindings: []*iampb.Binding{{Role: "roles/secretmanager.secretAccessor", Members: []string{member}}}},
	})
	behaviour := []string{"crash", "", "slow"}[(client+round)%3]
	control[any](g, "POST", "images", fmt.Sprintf(`{"image": %q, "behaviour": %q}`, image, behaviour))
	id := fmt.Sprintf("api-%d-%d", client, round)
	_, _ = g.services.CreateService(g.ctx(), &runpb.CreateServiceRequest{Parent: location, ServiceId: id, Service: service(container())})
	if round%3 == 0 {
		_, _ = g.services.DeleteService(g.ctx(), &runpb.DeleteServiceRequest{Name: location + "/services/" + id})
	}
}

// settled waits until every operation has ended.
func settled(t *testing.T, g *cloud) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		all, _ := g.Operations()
		running := 0
		for _, op := range all {
			if !op.Done {
				running++
			}
		}
		if running == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d operations still run", running)
		}
	}
}
