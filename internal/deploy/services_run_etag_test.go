package deploy

import (
	"context"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// Somebody else writes after we have read and before we write: the write is refused for its etag, everything is read
// again, and both changes are there in the end.
func TestChangeBetweenReadAndWriteIsNeitherLostNorOverwritten(t *testing.T) {
	t.Parallel()
	fake, err := fakegcp.Start(fakegcp.Options{OperationTime: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fake.Close(context.Background()) })
	cloud := &Cloud{
		GCP:   gcp.New(gcp.Options{EmulatorHost: fake.Addr(), PollInterval: 5 * time.Millisecond}),
		Clock: clock.Real{}, Stamp: names.Stamp{Stack: "test"},
	}
	a := app.App{
		Name: "api", Image: "asia-docker.pkg.dev/acme/api/server:2.0.0", CloudRun: &app.CloudRun{Project: "acme-dev", Location: "asia-northeast1"},
		Processes: map[string]app.Process{"web": {}, "worker": {}},
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, _, err := cloud.CreateService(ctx, ServiceSpec{App: a, Timeout: time.Minute}); err != nil {
		t.Fatal(err)
	}
	a.Image = "asia-docker.pkg.dev/acme/api/server:2.0.1"
	s := cloud.serviceOnRun(app.WithDefaults(a))
	web, worker := s.unit(), s.pool(0, "worker", s.pools(0)[0].GetName())
	outside(web, func() error {
		return fake.UpdateRunService(web.name, func(m *runpb.Service) { m.Description, m.Labels["others"] = "by hand", "label" })
	})
	outside(worker, func() error {
		return fake.UpdateWorkerPool(worker.name, func(m *runpb.WorkerPool) { m.Description, m.Labels["others"] = "by hand", "label" })
	})
	for _, bring := range []func(context.Context) error{web.bring, worker.bring} {
		if err := bring(ctx); err != nil {
			t.Fatal(err)
		}
	}
	service, err := web.get(ctx)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := worker.get(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []interface {
		GetName() string
		GetDescription() string
		GetLabels() map[string]string
	}{service, pool} {
		if m.GetDescription() != "by hand" || m.GetLabels()["others"] != "label" {
			t.Errorf("%s has lost the change of another: %v", m.GetName(), m)
		}
	}
	if service.GetTemplate().GetContainers()[0].GetImage() != a.Image || pool.GetTemplate().GetContainers()[0].GetImage() != a.Image {
		t.Errorf("our change is lost: %v, %v", service.GetTemplate(), pool.GetTemplate())
	}
	refused := map[string]int{}
	for _, e := range fake.Journal() {
		if e.Code == "ABORTED" {
			refused[e.Resource]++
		}
	}
	if refused[web.name] != 1 || refused[worker.name] != 1 {
		t.Errorf("writes refused for their etag: %v, want one of each", refused)
	}
}

// outside has the first read followed by somebody else's change.
func outside[T runObject](u *runUnit[T], change func() error) {
	read := u.get
	var once sync.Once
	u.get = func(ctx context.Context) (T, error) {
		live, err := read(ctx)
		once.Do(func() {
			if err == nil {
				err = change()
			}
		})
		return live, err
	}
}
