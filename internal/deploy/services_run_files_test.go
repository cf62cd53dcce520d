package deploy_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

const filesSecret = "projects/acme-dev/secrets/api-asia-northeast1-files"

// enabledFiles are the numbers of the enabled versions of the service's own secret, nil without the secret.
func (w serviceWorld) enabledFiles() []string {
	w.Helper()
	versions, err := w.GCP.SecretVersions().List(w.Context(), filesSecret, "state:ENABLED")
	if gcp.IsNotFound(err) {
		return nil
	}
	if err != nil {
		w.Fatal(err)
	}
	all := []string{}
	for _, v := range versions {
		all = append(all, v.GetName()[strings.LastIndex(v.GetName(), "/")+1:])
	}
	slices.Sort(all)
	return all
}

// mounted is what a service's template mounts: path of the file to secret and version.
func (w serviceWorld) mounted() map[string]string {
	w.Helper()
	live, err := w.GCP.RunServices().Get(w.Context(), "projects/acme-dev/locations/asia-northeast1/services/api")
	if err != nil {
		w.Fatal(err)
	}
	files := map[string]string{}
	for _, mount := range live.GetTemplate().GetContainers()[0].GetVolumeMounts() {
		for _, volume := range live.GetTemplate().GetVolumes() {
			if volume.GetName() == mount.GetName() {
				for _, item := range volume.GetSecret().GetItems() {
					files[mount.GetMountPath()+"/"+item.GetPath()] = volume.GetSecret().GetSecret() + ":" + item.GetVersion()
				}
			}
		}
	}
	return files
}

func TestRunFiles(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	w.app.ConfigFiles = filesOf("/etc/api/app.conf", "level = info\n", "/etc/api/conf.d/a", "same", "/etc/api/conf.d/b", "same")
	w.app.SecretFiles = map[string]string{"/etc/tls/key": w.secret("tls", "\x00\xffraw")}
	if verdict := w.CheckService(t.Context(), w.spec(w.app)); len(verdict.Refusals) > 0 || w.enabledFiles() != nil {
		t.Errorf("a plan is refused for %v, or wrote %v", verdict.Refusals, w.enabledFiles())
	}
	made := w.create()
	want := map[string]string{
		"/etc/api/app.conf": "api-asia-northeast1-files:1", "/etc/api/conf.d/a": "api-asia-northeast1-files:2",
		"/etc/api/conf.d/b": "api-asia-northeast1-files:2", "/etc/tls/key": "tls:1",
	}
	if got := w.mounted(); !mapsEqual(got, want) {
		t.Errorf("mounted %v, want %v", got, want)
	}
	members, err := w.GCP.Policies().Members(t.Context(), gcp.PolicyRef{Kind: gcp.SecretPolicy, Name: filesSecret}, "roles/secretmanager.secretAccessor")
	if err != nil || len(members) != 1 || !strings.HasPrefix(members[0], "serviceAccount:api-asia-northeast1@") {
		t.Errorf("%v may read the files, %v", members, err)
	}
	if !slices.Contains(made.Objects, filesSecret) {
		t.Errorf("objects %q", made.Objects)
	}
	changed := w.app
	changed.ConfigFiles = filesOf("/etc/api/app.conf", "level = debug\n", "/etc/api/conf.d/a", "same")
	state := w.update(changed)
	if got := w.mounted()["/etc/api/app.conf"]; got != "api-asia-northeast1-files:3" || state.ReleaseID == made.ReleaseID {
		t.Errorf("mounted %s in release %s", got, state.ReleaseID)
	}
	if got := w.enabledFiles(); !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Errorf("enabled versions %v: the revision before refers to version 1", got)
	}
	w.forgetRevisions()
	w.app = changed
	w.app.Config = map[string]string{"LEVEL": "debug"}
	w.update(w.app)
	if got := w.enabledFiles(); !slices.Equal(got, []string{"2", "3"}) {
		t.Errorf("enabled versions %v: no revision refers to version 1", got)
	}
	read := w.read()
	if _, known := read.App.ConfigFiles["/etc/api/app.conf"].Text(); known || !read.App.ConfigFiles["/etc/api/app.conf"].Equal(w.app.ConfigFiles["/etc/api/app.conf"]) {
		t.Errorf("an import reads %v", read.App.ConfigFiles)
	}
	w.remove()
	if w.enabledFiles() != nil {
		t.Error("the secret is left")
	}
}

func mapsEqual(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
}

// forgetRevisions deletes every revision but those that serve, as Cloud Run does with the oldest.
func (w serviceWorld) forgetRevisions() {
	w.Helper()
	for _, parent := range []string{"services/api", "workerPools/api-worker"} {
		revisions, err := w.GCP.Revisions(w.Context(), "projects/acme-dev/locations/asia-northeast1/"+parent)
		if err != nil {
			w.Fatal(err)
		}
		for _, revision := range revisions[1:] {
			if err := w.fake.Remove(revision.GetName()); err != nil {
				w.Fatal(err)
			}
		}
	}
}

// Without config files the secret goes once no revision refers to it, and the grant at once.
func TestRunFilesThatAreNotDeclaredAnyMore(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	w.app.ConfigFiles = filesOf("/etc/api/app.conf", "level = info\n")
	w.create()
	w.app.ConfigFiles = nil
	w.update(w.app)
	if got := w.enabledFiles(); !slices.Equal(got, []string{"1"}) {
		t.Errorf("enabled versions %v: a revision refers to version 1", got)
	}
	members, err := w.GCP.Policies().Members(t.Context(), gcp.PolicyRef{Kind: gcp.SecretPolicy, Name: filesSecret}, "roles/secretmanager.secretAccessor")
	if err != nil || len(members) > 0 {
		t.Errorf("%v may still read the files, %v", members, err)
	}
	w.remove()
	if w.enabledFiles() != nil {
		t.Error("the secret is left")
	}
}

// A destroy that stops after the service leaves the secret that an old revision needed, and the next destroy takes it.
func TestRunFilesThatADestroyLeft(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	w.app.ConfigFiles = filesOf("/etc/api/app.conf", "level = info\n")
	w.create()
	w.app.ConfigFiles = nil
	w.update(w.app)
	if err := w.fake.Inject(fakegcp.Fault{Method: "DeleteSecret", Code: codes.PermissionDenied}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.DeleteService(t.Context(), w.app); err == nil {
		t.Error("a destroy that left the secret succeeded")
	}
	w.fake.ClearFaults()
	if err := w.fake.Remove(runAccount); err != nil { // which would show too
		t.Fatal(err)
	}
	if err := w.fake.Inject(fakegcp.Fault{Method: "GetSecret", Code: codes.Internal}); err != nil {
		t.Fatal(err)
	}
	if state, _, err := w.ReadService(t.Context(), w.app); err == nil {
		t.Errorf("what was not seen is said to be %s", shown(state))
	}
	w.fake.ClearFaults()
	if state, _, err := w.ReadService(t.Context(), w.app); err != nil || state == nil || !slices.Contains(state.Objects, filesSecret) {
		t.Errorf("the secret that is left is not seen: %s, %v", shown(state), err)
	}
	w.remove()
	if w.enabledFiles() != nil {
		t.Error("the secret is left")
	}
}

func TestRunFilesDrift(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	w.app.ConfigFiles = filesOf("/etc/api/app.conf", "level = info\n")
	w.app.SecretFiles = map[string]string{"/etc/tls/key": w.secret("tls", "first")}
	w.secret("tls", "second")
	w.create()
	service := "projects/acme-dev/locations/asia-northeast1/services/api"
	edit := func(change func(*runpb.Service)) func() error {
		return func() error { return w.fake.UpdateRunService(service, change) }
	}
	for want, change := range map[string]func() error{
		service + " template.volumes[secret-files-0].secret.items[key].version: 1 -> 2": edit(func(s *runpb.Service) {
			for _, volume := range s.GetTemplate().GetVolumes() {
				if volume.GetName() == "secret-files-0" {
					volume.GetSecret().Items[0].Version = "2"
				}
			}
		}),
		service + " template.containers[web].volume_mounts[/etc/tls]: present -> (missing)": edit(func(s *runpb.Service) {
			c := s.GetTemplate().GetContainers()[0]
			c.VolumeMounts = slices.DeleteFunc(c.VolumeMounts, func(m *runpb.VolumeMount) bool { return m.GetMountPath() == "/etc/tls" })
		}),
		filesSecret + " labels[managed-by]: twelvefactor -> github-actions": func() error {
			return w.fake.UpdateSecret(filesSecret, func(s *secretmanagerpb.Secret) { s.Labels["managed-by"] = "github-actions" })
		},
		filesSecret + ": present -> (missing)": func() error { return w.GCP.Secrets().Delete(t.Context(), filesSecret) },
		filesSecret + "/versions/1: enabled -> not enabled": func() error {
			_, err := w.GCP.SecretVersions().Disable(t.Context(), filesSecret+"/versions/"+w.enabledFiles()[0])
			return err
		},
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		drift := w.read().Drift
		want = strings.TrimSuffix(want, "1: enabled -> not enabled")
		if !slices.ContainsFunc(drift, func(d string) bool { return strings.HasPrefix(d, want) }) {
			t.Errorf("drift %q, want %s", drift, want)
		}
		w.update(w.app)
	}
	w.remove()
}

func TestRunFilesSecretOfSomebodyElse(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	w.secret("api-asia-northeast1-files", "theirs")
	w.app.ConfigFiles = filesOf("/etc/api/app.conf", "level = info\n")
	state, _, err := w.CreateService(t.Context(), w.spec(w.app))
	var told *deploy.Error
	if state != nil || !errors.As(err, &told) || !slices.Equal(told.Attribute, []string{"config_files"}) || len(w.enabledFiles()) != 1 {
		t.Errorf("state %s, error %v, versions %v", shown(state), err, w.enabledFiles())
	}
	if left := w.left(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// An answer that is lost leaves no version that nothing refers to, and no second secret.
func TestRunFilesWhenAnswersAreLost(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"CreateSecret", "AddSecretVersion", "GetSecret", "ListSecretVersions"} {
		for _, when := range []fakegcp.When{fakegcp.Before, fakegcp.After} {
			t.Run(call+" "+string(when), func(t *testing.T) {
				t.Parallel()
				w := newRunWorld(t)
				w.app.ConfigFiles = filesOf("/etc/api/app.conf", "level = info\n", "/etc/api/other", "x")
				if err := w.fake.Inject(fakegcp.Fault{Method: call, Resource: "files", Occurrence: 1, When: when}); err != nil {
					t.Fatal(err)
				}
				w.create()
				if got := w.enabledFiles(); len(got) != 2 {
					t.Errorf("enabled versions %v, want one for each text", got)
				}
				w.remove()
			})
		}
	}
}

// A create that is refused leaves nothing.
func TestRunFilesOfARefusedCreate(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	w.app.ConfigFiles = filesOf("/etc/api/app.conf", "level = info\n")
	if err := w.fake.Inject(fakegcp.Fault{Method: "Services/CreateService", Occurrence: 1, Code: codes.InvalidArgument}); err != nil {
		t.Fatal(err)
	}
	if state, _, err := w.CreateService(t.Context(), w.spec(w.app)); state != nil || err == nil {
		t.Errorf("state %s, error %v", shown(state), err)
	}
	if w.enabledFiles() != nil || len(w.left()) > 0 {
		t.Errorf("left: %q", w.left())
	}
}
