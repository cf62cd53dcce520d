package fakegcp_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/run/apiv2/runpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// storyTime is when every story of these tests begins.
var storyTime = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// startOn starts a fake on a state file, with a clock that stands at a time.
func startOn(t *testing.T, file string, at time.Time, changes ...func(*fakegcp.Options)) *gke {
	t.Helper()
	c := start(t, append([]func(*fakegcp.Options){func(o *fakegcp.Options) {
		o.StateFile, o.Clock, o.PropagationDelay = file, &stoppedClock{now: at}, 2*time.Minute
	}}, changes...)...)
	return &gke{cloud: c, manager: newManager(c)}
}

// stop ends the fake as a kill would, as far as the file goes: whatever is not in it yet is lost.
func (g *gke) stop() {
	g.t.Helper()
	must(g.t, g.Close(g.ctx()))
}

// storyStep is a change, after which there are ten seconds.
type storyStep struct {
	name string
	do   func(g *gke) error
}

func step[T any](name string, do func(g *gke) (T, error)) storyStep {
	return storyStep{name, func(g *gke) error { _, err := do(g); return err }}
}

func wait(d time.Duration) storyStep {
	return storyStep{"wait " + d.String(), func(g *gke) error { g.Advance(d); return nil }}
}

func controlled(verb, path, body string) storyStep {
	return storyStep{verb + " " + path, func(g *gke) error { control[any](g.cloud, verb, path, body); return nil }}
}

// story has each kind of operation in it and each thing that is scheduled.
func story() []storyStep {
	labels := &containerpb.SetLabelsRequest{Name: devCluster, ResourceLabels: map[string]string{"team": "till"}}
	shop := secretmanagerpb.Secret{
		Name: shopKey, Replication: automatic(), VersionDestroyTtl: durationpb.New(24 * time.Hour),
		Expiration: &secretmanagerpb.Secret_Ttl{Ttl: durationpb.New(100 * time.Hour)},
	}
	return []storyStep{
		step("create cluster", func(g *gke) (any, error) {
			return g.manager.CreateCluster(g.ctx(), &containerpb.CreateClusterRequest{Parent: location, Cluster: declared()})
		}),
		step("create secret", func(g *gke) (any, error) {
			return g.secrets.CreateSecret(g.ctx(), &secretmanagerpb.CreateSecretRequest{Parent: project, SecretId: "shop-key", Secret: &shop})
		}),
		{"add version", func(g *gke) error { return g.addVersion(g.ctx()) }},
		step("create account", func(g *gke) (any, error) {
			return g.accounts.CreateServiceAccount(g.ctx(), &adminpb.CreateServiceAccountRequest{Name: project, AccountId: "shop-runner"})
		}),
		step("grant", func(g *gke) (any, error) {
			return g.secrets.SetIamPolicy(g.ctx(), &iampb.SetIamPolicyRequest{Resource: shopKey, Policy: &iampb.Policy{Bindings: []*iampb.Binding{
				{Role: "roles/secretmanager.secretAccessor", Members: []string{"serviceAccount:" + defaultCaller}},
			}}})
		}),
		wait(time.Minute),
		controlled("POST", "images", `{"image": "slow:1", "behaviour": "slow"}`),
		step("create service", func(g *gke) (any, error) {
			return g.cloud.create(service(container(fromSecret("KEY", "shop-key", "1"))))
		}),
		step("create worker pool", func(g *gke) (any, error) {
			c := container()
			c.Image = "slow:1"
			return g.pools.CreateWorkerPool(g.ctx(), &runpb.CreateWorkerPoolRequest{Parent: location, WorkerPoolId: "mail", WorkerPool: &runpb.WorkerPool{
				Template: &runpb.WorkerPoolRevisionTemplate{Containers: []*runpb.Container{c}},
			}})
		}),
		step("create job", func(g *gke) (any, error) {
			c := container()
			c.Image = "exits:1"
			return runpb.NewJobsClient(g.conn).CreateJob(g.ctx(), &runpb.CreateJobRequest{Parent: location, JobId: "migrate", Job: job(c)})
		}),
		wait(2 * time.Minute),
		controlled("POST", "images", `{"image": "exits:1", "behaviour": "exit:3"}`),
		step("run job", func(g *gke) (any, error) {
			return runpb.NewJobsClient(g.conn).RunJob(g.ctx(), &runpb.RunJobRequest{Name: migrate})
		}),
		step("set labels", func(g *gke) (any, error) {
			labels.LabelFingerprint = g.cluster().GetLabelFingerprint()
			return g.manager.SetLabels(g.ctx(), labels)
		}),
		step("update service", func(g *gke) (any, error) {
			return g.services.UpdateService(g.ctx(), &runpb.UpdateServiceRequest{
				Service:    &runpb.Service{Name: api, Labels: map[string]string{"team": "till"}},
				UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"labels"}},
			})
		}),
		wait(time.Minute),
		controlled("POST", "stockout", `{"zone": "asia-northeast1-a", "on": true}`),
		step("create pool", func(g *gke) (any, error) {
			return g.manager.CreateNodePool(g.ctx(), &containerpb.CreateNodePoolRequest{Parent: devCluster, NodePool: pool("more", 1)})
		}),
		controlled("POST", "clock", `{"advance": "5m"}`),
		controlled("POST", "stockout", `{"zone": "asia-northeast1-a", "on": false}`),
		step("resize pool", func(g *gke) (any, error) {
			return g.manager.SetNodePoolSize(g.ctx(), &containerpb.SetNodePoolSizeRequest{Name: basePool, NodeCount: 2})
		}),
		wait(time.Minute),
		step("upgrade pool", func(g *gke) (any, error) {
			return g.manager.UpdateNodePool(g.ctx(), &containerpb.UpdateNodePoolRequest{Name: basePool, MachineType: "e2-standard-4"})
		}),
		wait(time.Minute),
		step("delete pool", func(g *gke) (any, error) {
			return g.manager.DeleteNodePool(g.ctx(), &containerpb.DeleteNodePoolRequest{Name: spotPool})
		}),
		step("destroy version", func(g *gke) (any, error) {
			return g.secrets.DestroySecretVersion(g.ctx(), &secretmanagerpb.DestroySecretVersionRequest{Name: shopKey + "/versions/1"})
		}),
		controlled("POST", "faults", `{"method": "operation", "resource": "/workerPools/mail", "occurrence": 1, "code": "INTERNAL"}`),
		controlled("POST", "operations", `{"target": "/services/api", "occurrence": 1, "hold": true, "code": "ABORTED"}`),
		step("delete service", func(g *gke) (any, error) {
			return g.services.DeleteService(g.ctx(), &runpb.DeleteServiceRequest{Name: api})
		}),
		step("delete worker pool", func(g *gke) (any, error) {
			return g.pools.DeleteWorkerPool(g.ctx(), &runpb.DeleteWorkerPoolRequest{Name: location + "/workerPools/mail"})
		}),
		wait(time.Minute),
		controlled("POST", "release", `{"target": "/services/api"}`),
		step("delete job", func(g *gke) (any, error) {
			return runpb.NewJobsClient(g.conn).DeleteJob(g.ctx(), &runpb.DeleteJobRequest{Name: migrate})
		}),
		controlled("PATCH", "objects?name="+devCluster, `{"resourceLabels": {"drift": "yes"}}`),
		step("delete account", func(g *gke) (any, error) {
			return g.accounts.DeleteServiceAccount(g.ctx(), &adminpb.DeleteServiceAccountRequest{Name: project + "/serviceAccounts/shop-runner@acme-dev.iam.gserviceaccount.com"})
		}),
		step("delete cluster", func(g *gke) (any, error) {
			return g.manager.DeleteCluster(g.ctx(), &containerpb.DeleteClusterRequest{Name: devCluster})
		}),
		controlled("POST", "operations", `{"kind": "CREATE_CLUSTER", "occurrence": 1, "code": "INTERNAL"}`),
		step("create cluster in vain", func(g *gke) (any, error) {
			g.Advance(time.Minute)
			return g.manager.CreateCluster(g.ctx(), &containerpb.CreateClusterRequest{Parent: location, Cluster: declared()})
		}),
	}
}

// endpointParts are what a cluster has from its endpoint, which is not in the state file.
var endpointParts = regexp.MustCompile(`127\.0\.0\.1:\d+|"clusterCaCertificate":\s*"[^"]*"`)

// snapshot is everything that shows.
func (g *gke) snapshot() string {
	g.t.Helper()
	objects, err := g.Objects()
	must(g.t, err)
	operations, _ := g.Operations()
	sizes := map[string]any{}
	for name := range objects {
		if strings.Contains(name, "/clusters/") {
			counts, err := g.NodeCounts(name)
			sizes[name] = fmt.Sprint(counts, err)
		}
	}
	all, err := json.MarshalIndent(map[string]any{
		"objects": objects, "operations": operations, "sizes": sizes, "images": g.Images(), "stockouts": g.Stockouts(),
		"effective": g.Effective("serviceAccount:"+defaultCaller, "secretmanager.versions.access", shopKey),
	}, "", " ")
	must(g.t, err)
	return endpointParts.ReplaceAllString(string(all), "")
}

// moments are those at which the story's effects are due, and between them.
var moments = []time.Duration{0, 12 * time.Second, time.Minute, 10 * time.Minute, 2 * time.Hour, 30 * time.Hour, 31 * 24 * time.Hour}

// watch takes snapshots at moments from now on.
func (g *gke) watch() []string {
	g.t.Helper()
	var all []string
	for _, d := range moments {
		g.Advance(d)
		all = append(all, g.snapshot())
	}
	return all
}

// TestKilledAtEveryMoment ends the fake after each step of the story. The one that starts on the file afterwards must go on
// as the first one would have.
func TestKilledAtEveryMoment(t *testing.T) {
	steps := story()
	for last := range steps {
		t.Run(fmt.Sprintf("%02d %s", last+1, steps[last].name), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "state")
			first := startOn(t, file, storyTime)
			for i, s := range steps[:last+1] {
				if err := s.do(first); err != nil {
					t.Fatalf("%s: %v", s.name, err)
				}
				if i != last {
					first.Advance(10 * time.Second)
				}
			}
			killed := first.Now()
			left, err := os.ReadFile(file)
			must(t, err)
			want := first.watch()
			first.stop()

			must(t, os.WriteFile(file+"2", left, 0o600))
			second := startOn(t, file+"2", killed)
			for i, got := range second.watch() {
				if got != want[i] {
					t.Fatalf("%s after the restart:\n%s", moments[i], firstDifference(got, want[i]))
				}
			}
		})
	}
}

// firstDifference is where two texts part.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d\ngot  %s\nwant %s", i, strings.Join(g[max(0, i-4):min(len(g), i+3)], "\n"), strings.Join(w[max(0, i-4):min(len(w), i+3)], "\n"))
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

func TestStateGoesOnAfterManyRestarts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	at := storyTime
	for i := range 4 {
		g := startOn(t, file, at, func(o *fakegcp.Options) { o.OperationTime = time.Duration(i+1) * time.Minute })
		g.secret(fmt.Sprintf("key-%d", i), "one")
		op, err := g.services.CreateService(g.ctx(), &runpb.CreateServiceRequest{Parent: location, ServiceId: fmt.Sprintf("api-%d", i), Service: service(container())})
		must(t, err)
		if all, _ := g.Operations(); len(all) != i+1 || all[i].Name != op.GetName() || all[i].Ends.Sub(all[i].Accepted) != time.Duration(i+1)*time.Minute {
			t.Errorf("start %d: operations %+v", i, all)
		}
		g.Advance(30 * time.Second)
		at = g.Now()
		g.stop()
	}
	g := startOn(t, file, at)
	for i := range 4 {
		answer, err := g.secrets.AccessSecretVersion(g.ctx(), &secretmanagerpb.AccessSecretVersionRequest{Name: fmt.Sprintf("%s/secrets/key-%d/versions/latest", project, i)})
		must(t, err)
		if string(answer.GetPayload().GetData()) != "one" {
			t.Errorf("payload %d is lost", i)
		}
	}
}

func TestStateFileIsPrivateAndOfOneProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	g := startOn(t, file, storyTime)
	info, err := os.Stat(file)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %s, want only the owner to read payloads", info.Mode())
	}
	if _, err := fakegcp.Start(fakegcp.Options{StateFile: file}); err == nil || !strings.Contains(err.Error(), "one fake with a state file") {
		t.Errorf("a second fake: %v", err)
	}
	g.secret("shop-key", "one") // the first one goes on
	g.stop()
	g = startOn(t, file, storyTime)
	if g.versions() != 1 {
		t.Error("the version is lost")
	}
}

func TestForeignStateFilesAreRefusedAndKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	g := startOn(t, file, storyTime)
	g.secret("shop-key", "one", "two")
	g.stop()
	good, err := os.ReadFile(file)
	must(t, err)
	lines := strings.SplitAfter(string(good), "\n")
	for name, test := range map[string]struct{ content, want string }{
		"empty":         {"", "damaged"},
		"other":         {"resources: []\n", "damaged"},
		"flipped bit":   {strings.Replace(string(good), "AddSecret", "AddSecreu", 1), "line"},
		"missing start": {lines[0] + strings.Join(lines[2:], ""), "damaged"},
		"missing line":  {lines[0] + lines[1] + strings.Join(lines[3:], ""), "NOT_FOUND now"},
	} {
		must(t, os.WriteFile(file, []byte(test.content), 0o600))
		_, err := fakegcp.Start(fakegcp.Options{StateFile: file})
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v, want %s with the file's name", name, err, test.want)
		}
		if now, _ := os.ReadFile(file); string(now) != test.content {
			t.Errorf("%s: the file was changed", name)
		}
	}
	must(t, os.WriteFile(file, good, 0o600))
	if _, err := fakegcp.Start(fakegcp.Options{StateFile: file, Project: "acme-prod", ProjectNumber: "210987654321"}); err == nil || !strings.Contains(err.Error(), "acme-dev") {
		t.Errorf("another project: %v", err)
	}
	last := strings.Join(lines[:len(lines)-2], "")                 // without the line of the orderly end, and what follows the last newline
	must(t, os.WriteFile(file, []byte(last[:len(last)-5]), 0o600)) // killed while the last line was written
	g = startOn(t, file, storyTime)
	if g.versions() != 1 {
		t.Errorf("%d versions, want the one that was written", g.versions())
	}
	must(t, g.addVersion(g.ctx()))
	g.stop()
	if g = startOn(t, file, storyTime); g.versions() != 2 {
		t.Errorf("%d versions, want 2", g.versions())
	}
}

func TestResetBeginsTheStateFileAnew(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	g := startOn(t, file, storyTime)
	g.secret("old-key", "one")
	must(t, g.Reset())
	g.secret("new-key", "one")
	want := g.snapshot()
	g.stop()
	g = startOn(t, file, storyTime)
	if got := g.snapshot(); got != want {
		t.Error(firstDifference(got, want))
	}
}

func TestStateThatCannotBeWrittenRefusesChanges(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	file := filepath.Join(t.TempDir(), "state")
	g := startOn(t, file, storyTime)
	must(t, fakegcp.FillDisk(g.Server))
	_, err := g.secrets.CreateSecret(g.ctx(), &secretmanagerpb.CreateSecretRequest{Parent: project, SecretId: "k", Secret: &secretmanagerpb.Secret{Replication: automatic()}})
	wantError(t, err, codes.Internal, "state file takes no more changes")
	code, body := g.curl("POST", "/_fake/images", `{"image": "a", "behaviour": "crash"}`)
	if code == 200 || !strings.Contains(body, "state file") {
		t.Errorf("a change by the control API: %d %s", code, body)
	}
	_, err = g.secrets.ListSecrets(g.ctx(), &secretmanagerpb.ListSecretsRequest{Parent: project})
	must(t, err)
	if err := g.Close(g.ctx()); err == nil {
		t.Error("Close does not tell that changes are lost")
	}
}

func TestClockGoesOnFromWhereItWas(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	system := func(o *fakegcp.Options) { o.Clock = nil }
	g := startOn(t, file, storyTime, system)
	control[any](g.cloud, "POST", "clock", `{"advance": "100h"}`)
	before := g.Now()
	g.stop()
	g = startOn(t, file, storyTime, system)
	if passed := g.Now().Sub(before); passed < 0 || passed > time.Minute {
		t.Errorf("after a restart the clock is %s further", passed)
	}
	control[any](g.cloud, "POST", "clock", `{"speed": 0}`)
	before = g.Now()
	g.stop()
	g = startOn(t, file, storyTime, system, func(o *fakegcp.Options) { o.Now = storyTime })
	if g.Speed() != 0 || !g.Now().Equal(before) {
		t.Errorf("a stopped clock says %s at speed %v after a restart, want %s", g.Now(), g.Speed(), before)
	}
}

func TestRefusedCallsAndReadsAreNotKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	g := startOn(t, file, storyTime)
	g.secret("shop-key", "one")
	before, err := os.ReadFile(file)
	must(t, err)
	for range 10 {
		_, err := g.secrets.CreateSecret(g.ctx(), &secretmanagerpb.CreateSecretRequest{Parent: project, SecretId: "shop-key", Secret: &secretmanagerpb.Secret{Replication: automatic()}})
		wantError(t, err, codes.AlreadyExists, "shop-key")
		g.versions()
	}
	after, err := os.ReadFile(file)
	must(t, err)
	if len(after) != len(before) {
		t.Errorf("%d bytes more for nothing", len(after)-len(before))
	}
}

func TestTimeGoesOnWhileTheFakeIsDown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	g := startOn(t, file, storyTime)
	_, err := g.cloud.create(service(container()))
	must(t, err)
	g.stop()
	g = startOn(t, file, storyTime.Add(time.Hour))
	all, _ := g.Operations()
	if len(all) != 1 || !all[0].Done || !all[0].Ends.Equal(storyTime.Add(time.Minute)) {
		t.Errorf("operations %+v, want one that ended at its time", all)
	}
}
