package deploy_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

const (
	runDeployed = "asia-docker.pkg.dev/acme/api/server:9.9.9"
	runPinned   = "asia-docker.pkg.dev/acme/api/server@sha256:4b825dc642cb6eb9a060e54bf8d69288fbee4904deadbeefdeadbeefdeadbeef"
)

// gcloudDeploy does what "gcloud run deploy --image" does in a GitHub action: it reads the service, changes the image,
// names the next revision, notes itself, the client and a commit, and writes the whole service.
func (w serviceWorld) gcloudDeploy(image string, change ...func(*runpb.Service)) {
	w.Helper()
	api := w.GCP.RunServices()
	live, err := api.Get(w.Context(), runService)
	if err != nil {
		w.Fatal(err)
	}
	live.Template.Containers[0].Image = image
	live.Template.Revision = "api-" + randomHex(w.T)
	live.Client, live.ClientVersion = "gcloud", "540.0.0"
	live.Labels["managed-by"], live.Labels["commit-sha"] = "github-actions", "1a2b3c4"
	live.Template.Labels = map[string]string{"managed-by": "github-actions", "commit-sha": "1a2b3c4", "team": live.Template.Labels["team"]}
	live.Template.Annotations = map[string]string{"client.knative.dev/user-image": image}
	for _, c := range change {
		c(live)
	}
	op, err := api.Update(w.Context(), live, gcp.UpdateOptions{})
	if err != nil {
		w.Fatal(err)
	}
	_, _ = op.Wait(w.Context()) // a broken image is a test's business
}

func (w serviceWorld) poolImage(name string) string {
	w.Helper()
	live, err := w.GCP.WorkerPools().Get(w.Context(), name)
	if err != nil {
		w.Fatal(err)
	}
	return live.GetTemplate().GetContainers()[0].GetImage()
}

func newExternalRunWorld(t *testing.T) serviceWorld {
	t.Helper()
	w := newRunWorld(t)
	w.app.ImageOwner = app.ImageExternal
	w.app.Labels = map[string]string{"team": "web"}
	return w
}

func TestRunImageOfAnotherToolStays(t *testing.T) {
	t.Parallel()
	w := newExternalRunWorld(t)
	w.create()
	if image := w.liveRun().Template.Containers[0].Image; image != w.app.Image {
		t.Errorf("the seed is %s", image)
	}
	w.gcloudDeploy(runPinned)
	read := w.read()
	if len(read.Drift) > 0 || read.Status != deploy.ServiceReady || read.App.Image != w.app.Image || "@"+read.ImageDigest != runPinned[strings.Index(runPinned, "@"):] {
		t.Errorf("after the deployment: %s, image %s, digest %s", shown(read), read.App.Image, read.ImageDigest)
	}
	release := read.ReleaseID
	w.app.Image = "asia-docker.pkg.dev/acme/api/server:3.0.0" // another seed
	if state := w.update(w.app); state.ReleaseID != release {
		t.Error("another seed is another release")
	}
	if live := w.liveRun(); live.Template.Containers[0].Image != runPinned {
		t.Errorf("another seed brought back %s", live.Template.Containers[0].Image)
	}
	w.app.Config = map[string]string{"LEVEL": "debug"}
	w.update(w.app)
	live := w.liveRun()
	if c := live.Template.Containers[0]; c.Image != runPinned || c.Env[0].GetValue() != "debug" {
		t.Errorf("after a change of the config: image %s, env %v", c.Image, c.Env)
	}
	if live.Template.Labels["commit-sha"] != "1a2b3c4" || live.Template.Labels["managed-by"] != "github-actions" || live.Labels["managed-by"] != "github-actions" ||
		live.Template.Annotations["client.knative.dev/user-image"] != runPinned || live.Template.Revision != "" {
		t.Errorf("what the other tool noted: %v %v %s", live.Template.Labels, live.Template.Annotations, live.Template.Revision)
	}
	w.gcloudDeploy(runDeployed)
	serving := w.liveRun().GetTrafficStatuses()
	if len(serving) != 1 || serving[0].GetType() != runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST || serving[0].GetPercent() != 100 {
		t.Errorf("the next deployment does not get the traffic: %v", serving)
	}
	w.remove()
}

func TestRunProcessAddedLaterRunsTheImageOfTheOthers(t *testing.T) {
	t.Parallel()
	w := newExternalRunWorld(t)
	w.create()
	w.gcloudDeploy(runDeployed)
	if image := w.poolImage(runWorker); image != w.app.Image {
		t.Errorf("the worker runs %s before anybody deployed it", image)
	}
	w.app.Processes = map[string]app.Process{
		"web": w.app.Processes["web"], "worker": w.app.Processes["worker"],
		"jobs": {Command: []string{"/app", "jobs"}, Scale: app.Scale{Min: 1, Max: 1}},
	}
	w.update(w.app)
	if image := w.poolImage(strings.Replace(runWorker, "api-worker", "api-jobs", 1)); image != runDeployed {
		t.Errorf("the new process runs %s", image)
	}
	w.remove()
}

// Another tool deploys while an update reads and writes: the etag makes the update look again, and the last one stays.
func TestRunDeploymentsDuringAnUpdateAreNotLost(t *testing.T) {
	t.Parallel()
	w := newExternalRunWorld(t)
	w.create()
	var last string
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 200 {
			last = fmt.Sprintf("asia-docker.pkg.dev/acme/api/server:7.0.%d", i)
			if err := w.fake.UpdateRunService(runService, func(s *runpb.Service) { s.Template.Containers[0].Image = last }); err != nil {
				t.Error(err)
			}
			_, _ = w.GCP.RunServices().Get(t.Context(), runService) // takes the time of a call
		}
	}()
	w.app.Config = map[string]string{"LEVEL": "debug"}
	_, _, err := w.UpdateService(t.Context(), w.spec(w.app))
	<-done
	if image := w.liveRun().Template.Containers[0].Image; err != nil || image != last {
		t.Errorf("the image is %s, deployed was %s: %v", image, last, err)
	}
}

func TestRunImageOfAnotherToolThatFailsIsNamed(t *testing.T) {
	t.Parallel()
	w := newExternalRunWorld(t)
	w.create()
	if err := w.fake.SetImage(runDeployed, fakegcp.ImageCrashes); err != nil {
		t.Fatal(err)
	}
	w.gcloudDeploy(runDeployed)
	state, notices, err := w.ReadService(t.Context(), w.app)
	if err != nil || state.Status != deploy.ServiceDegraded || len(state.Drift) > 0 || len(notices) != 1 || !strings.Contains(notices[0].Detail, runDeployed) {
		t.Errorf("%s, notices %v, error %v", shown(state), notices, err)
	}
	_, _, err = w.UpdateService(t.Context(), w.spec(w.app))
	if err == nil || !strings.Contains(err.Error(), "image_owner") {
		t.Errorf("the update says %v", err)
	}
	w.gcloudDeploy(runPinned)
	if state := w.read(); state.Status != deploy.ServiceReady || len(state.Drift) > 0 {
		t.Errorf("after one that works: %s", shown(state))
	}
	w.remove()
}

func TestRunImageChangesHandsAndComesBack(t *testing.T) {
	t.Parallel()
	w := newExternalRunWorld(t)
	w.app.ImageOwner = ""
	w.create()
	w.gcloudDeploy(runDeployed)
	if drift := w.read().Drift; !slices.ContainsFunc(drift, func(d string) bool { return strings.Contains(d, "image: "+w.app.Image+" -> "+runDeployed) }) {
		t.Errorf("drift %q", drift)
	}
	w.app.ImageOwner = app.ImageExternal // what runs is kept
	w.update(w.app)
	if image := w.liveRun().Template.Containers[0].Image; image != runDeployed {
		t.Errorf("handed over as %s", image)
	}
	w.app.ImageOwner = app.ImageTerraform
	w.update(w.app)
	if image := w.liveRun().Template.Containers[0].Image; image != w.app.Image {
		t.Errorf("taken back as %s", image)
	}
	w.remove()
}

// A tool that pins the traffic is drift: the next deployment would get none.
func TestRunTrafficThatIsPinnedIsDriftUnlessItIsLeft(t *testing.T) {
	t.Parallel()
	w := newExternalRunWorld(t)
	w.create()
	first := w.liveRun().GetLatestReadyRevision()
	pin := func(s *runpb.Service) {
		s.Traffic = []*runpb.TrafficTarget{{
			Type: runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION, Revision: first[strings.LastIndexByte(first, '/')+1:], Percent: 100,
		}}
	}
	w.gcloudDeploy(runDeployed, pin)
	if drift := w.read().Drift; len(drift) != 2 || !strings.Contains(drift[0], "traffic[0].type") || !strings.Contains(drift[1], "traffic[0].revision") {
		t.Errorf("drift %q", drift)
	}
	w.update(w.app)
	w.app.DriftIgnore = []string{"Service traffic"}
	w.update(w.app)
	w.gcloudDeploy(runDeployed, pin)
	if drift := w.read().Drift; len(drift) > 0 {
		t.Errorf("ignored drift %q", drift)
	}
	w.app.Config = map[string]string{"LEVEL": "debug"}
	w.update(w.app)
	if traffic := w.liveRun().GetTraffic(); len(traffic) != 1 || traffic[0].GetRevision() == "" {
		t.Errorf("the ignored traffic became %v", traffic)
	}
}

// What others note about revisions stays, whoever owns the image; what is not declared any more goes.
func TestRunNotesOfOthersOnRevisionsStay(t *testing.T) {
	t.Parallel()
	for _, owner := range []app.ImageOwner{app.ImageTerraform, app.ImageExternal} {
		t.Run(string(owner), func(t *testing.T) {
			t.Parallel()
			w := newRunWorld(t)
			w.app.ImageOwner = owner
			w.app.Labels, w.app.Annotations = map[string]string{"team": "web"}, map[string]string{"example.com/docs": "here"}
			w.create()
			note := func(labels, annotations map[string]string) (map[string]string, map[string]string) {
				labels["cost"], annotations["example.com/commit"] = "7", "1a2b3c4"
				return labels, annotations
			}
			err := w.fake.UpdateRunService(runService, func(s *runpb.Service) { note(s.Template.Labels, s.Template.Annotations) })
			if err == nil {
				err = w.fake.UpdateWorkerPool(runWorker, func(p *runpb.WorkerPool) { note(p.Template.Labels, p.Template.Annotations) })
			}
			if drift := w.read().Drift; err != nil || len(drift) > 0 {
				t.Errorf("notes of others are drift: %q, %v", drift, err)
			}
			w.app.Labels, w.app.Annotations = nil, nil
			w.update(w.app)
			pool, err := w.GCP.WorkerPools().Get(t.Context(), runWorker)
			if err != nil {
				t.Fatal(err)
			}
			labels, annotations := note(map[string]string{}, map[string]string{})
			for _, template := range []interface {
				GetLabels() map[string]string
				GetAnnotations() map[string]string
			}{w.liveRun().GetTemplate(), pool.GetTemplate()} {
				if !maps.Equal(template.GetLabels(), labels) || !maps.Equal(template.GetAnnotations(), annotations) {
					t.Errorf("the revision has %v and %v, want %v and %v", template.GetLabels(), template.GetAnnotations(), labels, annotations)
				}
			}
			w.remove()
		})
	}
}
