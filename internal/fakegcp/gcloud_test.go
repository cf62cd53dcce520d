package fakegcp_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// gcloudAPIs are the APIs whose endpoint gcloud is told, as its settings name them. None of its calls may leave the machine.
var gcloudAPIs = []string{"CONTAINER", "SECRETMANAGER", "IAM", "CLOUDRESOURCEMANAGER", "RUN", "SERVICEUSAGE", "COMPUTE"}

// gcloud is an unmodified Google Cloud CLI that talks to a fake.
type gcloud struct {
	t   *testing.T
	env []string
	dir string
}

func startGcloud(t *testing.T) *gcloud {
	t.Helper()
	if testing.Short() {
		t.Skip("each call of gcloud takes seconds")
	}
	if _, err := exec.LookPath("gcloud"); err != nil {
		t.Skip("gcloud is not on the PATH: install the Google Cloud CLI to run this test")
	}
	c := start(t, func(o *fakegcp.Options) {
		o.Clock, o.OperationTime = nil, 20*time.Millisecond // gcloud polls by the machine's clock
	})
	g := &gcloud{t: t, dir: t.TempDir()}
	token := g.file("token", "a-token")
	g.env = append(os.Environ(),
		"CLOUDSDK_CONFIG="+filepath.Join(g.dir, "config"),
		"CLOUDSDK_AUTH_ACCESS_TOKEN_FILE="+token,
		"CLOUDSDK_CORE_PROJECT=acme-dev",
		"CLOUDSDK_CORE_DISABLE_PROMPTS=1",
		"CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=1",
		"CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=1",
		"KUBECONFIG="+filepath.Join(g.dir, "kubeconfig"),
	)
	for _, api := range gcloudAPIs {
		g.env = append(g.env, "CLOUDSDK_API_ENDPOINT_OVERRIDES_"+api+"=http://"+c.Addr()+"/")
	}
	return g
}

// file writes a file and returns its path.
func (g *gcloud) file(name, content string) string {
	g.t.Helper()
	path := filepath.Join(g.dir, name)
	must(g.t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// run calls gcloud with arguments that are separated by spaces, and returns all that it prints.
func (g *gcloud) run(args string) (output string, err error) {
	g.t.Helper()
	cmd := exec.CommandContext(g.t.Context(), "gcloud", strings.Fields(args)...)
	cmd.Env, cmd.Dir = g.env, g.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// must is run for a call that is to succeed and to print something.
func (g *gcloud) must(args, want string) string {
	g.t.Helper()
	out, err := g.run(args)
	if err != nil || !strings.Contains(out, want) {
		g.t.Fatalf("gcloud %s: %v\n%s\nwant %q", args, err, out, want)
	}
	return out
}

// refused is run for a call that is to fail and to say why.
func (g *gcloud) refused(args, want string) {
	g.t.Helper()
	if out, err := g.run(args); err == nil || !strings.Contains(out, want) {
		g.t.Errorf("gcloud %s: %v\n%s\nwant a refusal with %q", args, err, out, want)
	}
}

func TestGcloudSecrets(t *testing.T) {
	t.Parallel()
	g := startGcloud(t)
	one, two := g.file("one", "first"), g.file("two", "second")
	g.must("secrets create db --labels=app=shop --data-file="+one, "Created version [1] of the secret [db].")
	g.must("secrets versions add db --data-file="+two, "Created version [2] of the secret [db].")
	g.must("secrets versions access latest --secret=db", "second")
	g.must("secrets versions disable 1 --secret=db", "Disabled version [1]")
	g.refused("secrets versions access 1 --secret=db", "is in DISABLED state")
	g.must("secrets versions enable 1 --secret=db", "Enabled version [1]")
	g.must("secrets versions access 1 --secret=db", "first")
	g.must("secrets versions destroy 1 --secret=db", "Destroyed version [1]")
	g.must("secrets versions list db --format=csv[no-heading](name,state)", "2,enabled\n1,destroyed\n")
	g.must("secrets update db --update-labels=tier=gold", "Updated secret [db].")
	g.must("secrets describe db --format=value(labels)", "app=shop;tier=gold")
	g.must("secrets add-iam-policy-binding db --member=user:a@example.com --role=roles/secretmanager.secretAccessor", "user:a@example.com")
	g.must("secrets list --filter=labels.tier=gold --format=value(name)", "db")
	g.must("secrets delete db", "Deleted secret [db].")
	g.refused("secrets describe db", "Secret [projects/123456789012/secrets/db] not found.")
}

func TestGcloudZonalClusterAndPools(t *testing.T) {
	t.Parallel()
	g := startGcloud(t)
	const at = " --zone=us-central1-a"
	const inCluster = " --cluster=z" + at
	g.must("container get-server-config"+at, "defaultClusterVersion")
	g.must("container clusters create z --spot --num-nodes=1 --workload-pool=acme-dev.svc.id.goog"+at, "RUNNING")
	g.must("container clusters describe z --format=value(workloadIdentityConfig.workloadPool,nodePools[0].config.spot)"+at, "acme-dev.svc.id.goog\tTrue")
	g.must("container node-pools create p --spot --num-nodes=1 --machine-type=e2-standard-2 --node-labels=a=b "+
		"--enable-autoscaling --min-nodes=0 --max-nodes=3"+inCluster, "e2-standard-2")
	g.must("container node-pools update p --node-labels=c=d"+inCluster, "Updated")
	g.must("container node-pools update p --enable-autoscaling --max-nodes=5"+inCluster, "Updated")
	g.must("container node-pools describe p --format=value(config.labels,autoscaling.maxNodeCount,config.spot)"+inCluster, "c=d\t5\tTrue")
	g.must("container clusters resize z --node-pool=p --num-nodes=2"+at, "Updated")
	g.must("container clusters update z --update-labels=x=y"+at, "Updated")
	g.must("container node-pools list --format=value(name)"+inCluster, "default-pool\np\n")
	g.must("container node-pools delete p"+inCluster, "Deleted")
	g.must("container operations list --filter=operationType=DELETE_NODE_POOL --format=value(status)"+at, "DONE")
	g.must("container clusters delete z"+at, "Deleted")
	g.refused("container clusters describe z"+at, "Not found: projects/acme-dev/zones/us-central1-a/clusters/z.")
}

func TestGcloudRegionalCluster(t *testing.T) {
	t.Parallel()
	g := startGcloud(t)
	const at = " --region=asia-northeast1"
	g.must("container clusters create r --num-nodes=1 --release-channel=regular"+at, "RUNNING")
	g.must("container clusters list --format=csv[no-heading](name,location,releaseChannel.channel)", "r,asia-northeast1,REGULAR\n")
	g.must("container clusters delete r"+at, "Deleted")
}

func TestGcloudAccountsAndProjects(t *testing.T) {
	t.Parallel()
	g := startGcloud(t)
	const email = "app-runner@acme-dev.iam.gserviceaccount.com"
	const grant = " --member=serviceAccount:" + email + " --role=roles/logging.logWriter"
	g.must("iam service-accounts create app-runner --display-name=App", "Created service account [app-runner].")
	id := strings.TrimSpace(g.must("iam service-accounts describe --format=value(uniqueId) "+email, ""))
	g.must("iam service-accounts update --description=runs "+email, "Updated serviceAccount")
	g.must("iam service-accounts disable "+email, "Disabled")
	g.must("iam service-accounts list --filter=disabled=true --format=value(email)", email)
	g.must("iam service-accounts enable "+email, "Enabled")
	g.must("iam service-accounts add-iam-policy-binding "+email+" --member=user:a@example.com --role=roles/iam.serviceAccountUser", "user:a@example.com")
	g.must("projects add-iam-policy-binding acme-dev --condition=None"+grant, "Updated IAM policy for project [acme-dev].")
	g.must("projects add-iam-policy-binding acme-dev --condition=title=until,expression=request.time<timestamp('2030-01-01T00:00:00Z')"+grant, "title: until")
	g.must("projects get-iam-policy acme-dev --format=value(version,bindings.len())", "3\t2")
	g.must("projects remove-iam-policy-binding acme-dev --all"+grant, "Updated IAM policy for project [acme-dev].")
	g.must("projects describe acme-dev --format=value(projectNumber)", "123456789012")
	g.must("projects list --format=value(projectId)", "acme-dev")
	g.must("iam service-accounts delete "+email, "deleted service account")
	g.must("beta iam service-accounts undelete "+id, "runs")
}

// gcloud's commands for Cloud Run speak the API v1, of which nothing is served.
func TestGcloudRunIsRefused(t *testing.T) {
	t.Parallel()
	g := startGcloud(t)
	g.refused("run services list", "fakegcp: the Cloud Run Admin API v1")
}
