package fakegcp_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

const (
	project       = "projects/acme-dev"
	numbered      = "projects/123456789012"
	location      = project + "/locations/asia-northeast1"
	defaultCaller = "123456789012-compute@developer.gserviceaccount.com"
	readOnlyToken = "read-only-token"
)

// stoppedClock moves when a test says so, and only then.
type stoppedClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *stoppedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *stoppedClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// cloud is a fake with a stopped clock and clients for it.
type cloud struct {
	*fakegcp.Server
	t          *testing.T
	secrets    secretmanagerpb.SecretManagerServiceClient
	accounts   adminpb.IAMClient
	projects   resourcemanagerpb.ProjectsClient
	services   runpb.ServicesClient
	pools      runpb.WorkerPoolsClient
	revisions  runpb.RevisionsClient
	operations longrunningpb.OperationsClient
	conn       *grpc.ClientConn
}

func start(t *testing.T, changes ...func(*fakegcp.Options)) *cloud {
	t.Helper()
	o := fakegcp.Options{
		Clock:         &stoppedClock{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)},
		OperationTime: time.Minute,
		ReadOnlyToken: readOnlyToken,
	}
	for _, change := range changes {
		change(&o)
	}
	s, err := fakegcp.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	conn, err := grpc.NewClient(s.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &cloud{
		Server: s, t: t, conn: conn,
		secrets:    secretmanagerpb.NewSecretManagerServiceClient(conn),
		accounts:   adminpb.NewIAMClient(conn),
		projects:   resourcemanagerpb.NewProjectsClient(conn),
		services:   runpb.NewServicesClient(conn),
		pools:      runpb.NewWorkerPoolsClient(conn),
		revisions:  runpb.NewRevisionsClient(conn),
		operations: longrunningpb.NewOperationsClient(conn),
	}
}

func (c *cloud) ctx() context.Context { return c.t.Context() }

func (c *cloud) readOnly() context.Context {
	return metadata.AppendToOutgoingContext(c.ctx(), "authorization", "Bearer "+readOnlyToken)
}

// secret makes projects/acme-dev/secrets/ID with one version per payload.
func (c *cloud) secret(id string, payloads ...string) {
	c.t.Helper()
	_, err := c.secrets.CreateSecret(c.ctx(), &secretmanagerpb.CreateSecretRequest{
		Parent: project, SecretId: id, Secret: &secretmanagerpb.Secret{Replication: automatic()},
	})
	must(c.t, err)
	for _, p := range payloads {
		_, err := c.secrets.AddSecretVersion(c.ctx(), &secretmanagerpb.AddSecretVersionRequest{
			Parent: project + "/secrets/" + id, Payload: &secretmanagerpb.SecretPayload{Data: []byte(p)},
		})
		must(c.t, err)
	}
}

func automatic() *secretmanagerpb.Replication {
	return &secretmanagerpb.Replication{Replication: &secretmanagerpb.Replication_Automatic_{
		Automatic: &secretmanagerpb.Replication_Automatic{},
	}}
}

// grantSecret gives a member a role on a secret, over what is there.
func (c *cloud) grantSecret(id, role, member string) {
	c.t.Helper()
	_, err := c.secrets.SetIamPolicy(c.ctx(), &iampb.SetIamPolicyRequest{
		Resource: project + "/secrets/" + id,
		Policy:   &iampb.Policy{Bindings: []*iampb.Binding{{Role: role, Members: []string{member}}}},
	})
	must(c.t, err)
}

func (c *cloud) account(id string) *adminpb.ServiceAccount {
	c.t.Helper()
	a, err := c.accounts.CreateServiceAccount(c.ctx(), &adminpb.CreateServiceAccountRequest{Name: project, AccountId: id})
	must(c.t, err)
	return a
}

// curl sends a request to the REST side.
func (c *cloud) curl(verb, path, body string) (int, string) {
	c.t.Helper()
	q, err := http.NewRequestWithContext(c.ctx(), verb, "http://"+c.Addr()+path, strings.NewReader(body))
	must(c.t, err)
	return answerOf(c.t, q)
}

// answerOf sends a request and reads the whole answer.
func answerOf(t *testing.T, q *http.Request) (int, string) {
	t.Helper()
	r, err := http.DefaultClient.Do(q)
	must(t, err)
	defer func() { _ = r.Body.Close() }()
	answer, err := io.ReadAll(r.Body)
	must(t, err)
	return r.StatusCode, string(answer)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantError checks an error's code and that its text has the part.
func wantError(t *testing.T, err error, code codes.Code, part string) {
	t.Helper()
	if status.Code(err) != code || !strings.Contains(status.Convert(err).Message(), part) {
		t.Errorf("got %v: %q\nwant %v: …%s…", status.Code(err), status.Convert(err).Message(), code, part)
	}
}
