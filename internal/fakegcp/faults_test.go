package fakegcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

func (c *cloud) addVersion(ctx context.Context) error {
	_, err := c.secrets.AddSecretVersion(ctx, &secretmanagerpb.AddSecretVersionRequest{
		Parent: shopKey, Payload: &secretmanagerpb.SecretPayload{Data: []byte("x")},
	})
	return err
}

func (c *cloud) versions() int {
	c.t.Helper()
	list, err := c.secrets.ListSecretVersions(c.ctx(), &secretmanagerpb.ListSecretVersionsRequest{Parent: shopKey})
	must(c.t, err)
	return len(list.GetVersions())
}

func TestFaults(t *testing.T) {
	const method = "AddSecretVersion"
	tests := []struct {
		name     string
		fault    fakegcp.Fault
		want     codes.Code
		versions int
	}{
		{"error before the effect", fakegcp.Fault{Code: codes.ResourceExhausted}, codes.ResourceExhausted, 0},
		{"error after the effect", fakegcp.Fault{When: fakegcp.After, Code: codes.DeadlineExceeded}, codes.DeadlineExceeded, 1},
		{"reset before the effect", fakegcp.Fault{Kind: fakegcp.FaultReset}, codes.Unavailable, 0},
		{"reset after the effect", fakegcp.Fault{Kind: fakegcp.FaultReset, When: fakegcp.After}, codes.Unavailable, 1},
		{"hang before the effect", fakegcp.Fault{Kind: fakegcp.FaultHang}, codes.DeadlineExceeded, 0},
		{"hang after the effect", fakegcp.Fault{Kind: fakegcp.FaultHang, When: fakegcp.After}, codes.DeadlineExceeded, 1},
		{"malformed answer", fakegcp.Fault{Kind: fakegcp.FaultMalformed, When: fakegcp.After}, codes.Internal, 1},
		{"truncated answer", fakegcp.Fault{Kind: fakegcp.FaultTruncated, When: fakegcp.After}, codes.Internal, 1},
		{"truncated answer before the effect", fakegcp.Fault{Kind: fakegcp.FaultTruncated}, codes.Internal, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := start(t)
			c.secret("shop-key")
			test.fault.Method, test.fault.Resource, test.fault.Occurrence = method, "shop-key", 1
			must(t, c.Inject(test.fault))
			ctx, cancel := context.WithTimeout(c.ctx(), 300*time.Millisecond)
			defer cancel()
			if err := c.addVersion(ctx); status.Code(err) != test.want {
				t.Errorf("struck call: %v, want %v", err, test.want)
			}
			if got := c.versions(); got != test.versions {
				t.Errorf("%d versions, want %d", got, test.versions)
			}
			if err := c.addVersion(c.ctx()); err != nil {
				t.Errorf("the call after the fault: %v", err)
			}
		})
	}
}

// TestPayloadFaults has versions that the server does not confirm, right and damaged ones.
func TestPayloadFaults(t *testing.T) {
	for kind, want := range map[fakegcp.FaultKind]string{fakegcp.FaultUnchecked: "one", fakegcp.FaultDamaged: "ooe"} {
		c := start(t)
		c.secret("shop-key")
		must(t, c.Inject(fakegcp.Fault{Method: "AddSecretVersion", Occurrence: 1, Kind: kind}))
		add := func() bool {
			v, err := c.secrets.AddSecretVersion(c.ctx(), &secretmanagerpb.AddSecretVersionRequest{
				Parent: shopKey, Payload: &secretmanagerpb.SecretPayload{Data: []byte("one"), DataCrc32C: sumOf("one")},
			})
			must(t, err)
			return v.GetClientSpecifiedPayloadChecksum()
		}
		if add() || !add() {
			t.Errorf("%s: only the first version is not confirmed", kind)
		}
		if got, err := c.access("1"); err != nil || got != want {
			t.Errorf("%s: stored %q, want %q, %v", kind, got, want, err)
		}
		if err := c.Inject(fakegcp.Fault{Method: "GetSecret", Kind: kind}); err == nil {
			t.Errorf("%s is taken for a method without a payload", kind)
		}
	}
}

// TestTruncatedOverREST reads half of an answer: the client is told a length that does not come.
func TestTruncatedOverREST(t *testing.T) {
	for when, versions := range map[fakegcp.When]int{fakegcp.Before: 0, fakegcp.After: 1} {
		c := start(t)
		c.secret("shop-key")
		must(t, c.Inject(fakegcp.Fault{Method: "AddSecretVersion", Occurrence: 1, When: when, Kind: fakegcp.FaultTruncated}))
		q, err := http.NewRequestWithContext(c.ctx(), http.MethodPost, "http://"+c.Addr()+"/v1/"+shopKey+":addVersion", strings.NewReader(`{"payload":{"data":"eA=="}}`))
		must(t, err)
		r, err := http.DefaultClient.Do(q)
		must(t, err)
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close() // the answer is broken already
		if r.StatusCode != http.StatusOK || !errors.Is(err, io.ErrUnexpectedEOF) || int64(len(body)) >= r.ContentLength || json.Valid(body) {
			t.Errorf("%s: status %d, %d of %d bytes, %v", when, r.StatusCode, len(body), r.ContentLength, err)
		}
		if got := c.versions(); got != versions {
			t.Errorf("%s: %d versions, want %d", when, got, versions)
		}
	}
}

func TestFaultOccurrence(t *testing.T) {
	c := start(t)
	c.secret("shop-key")
	must(t, c.Inject(fakegcp.Fault{Method: "AddSecretVersion", Occurrence: 2, Code: codes.Aborted}))
	var got []codes.Code
	for range 3 {
		got = append(got, status.Code(c.addVersion(c.ctx())))
	}
	if got[0] != codes.OK || got[1] != codes.Aborted || got[2] != codes.OK {
		t.Errorf("codes %v, want the second to be struck", got)
	}
	must(t, c.Inject(fakegcp.Fault{Method: "AddSecretVersion", Code: codes.Aborted}))
	for range 2 {
		wantError(t, c.addVersion(c.ctx()), codes.Aborted, "injected fault")
	}
	c.ClearFaults()
	must(t, c.addVersion(c.ctx()))
	if err := c.Inject(fakegcp.Fault{Kind: "typo"}); err == nil {
		t.Error("a fault of no kind was armed")
	}
}

func TestOperationFault(t *testing.T) {
	c := start(t)
	must(t, c.Inject(fakegcp.Fault{Method: fakegcp.OperationMethod, Resource: "/services/api", Occurrence: 1, Code: codes.Internal, Message: "it broke"}))
	op := c.done(c.create(service(container())))
	wantError(t, status.FromProto(op.GetError()).Err(), codes.Internal, "it broke")
	if c.get().GetReconciling() {
		t.Error("reconciling after the operation has failed")
	}
}

func TestJournal(t *testing.T) {
	c := start(t)
	c.secret("shop-key")
	must(t, c.Inject(fakegcp.Fault{Method: "AddSecretVersion", Occurrence: 1, When: fakegcp.After, Code: codes.Unavailable}))
	_ = c.addVersion(c.ctx()) // is to fail
	c.curl("GET", "/v1/projects/acme-dev/secrets/none", "")
	calls := c.Journal()
	if len(calls) != 3 {
		t.Fatalf("journal: %+v", calls)
	}
	want := []struct {
		method, resource, code string
		mutating               bool
	}{
		{"CreateSecret", project + "/secrets/shop-key", "OK", true},
		{"AddSecretVersion", project + "/secrets/shop-key", "UNAVAILABLE", true},
		{"GetSecret", project + "/secrets/none", "NOT_FOUND", false},
	}
	for i, w := range want {
		got := calls[i]
		if !strings.HasSuffix(got.Method, "/"+w.method) || got.Resource != w.resource || got.Code != w.code || got.Mutating != w.mutating || got.Seq != i+1 {
			t.Errorf("call %d: %+v, want %+v", i, got, w)
		}
	}
	if calls[1].Fault == "" {
		t.Error("the journal does not tell that a fault struck")
	}
}

func TestUnservedMethodsSayTheirName(t *testing.T) {
	c := start(t)
	_, err := runpb.NewBuildsClient(c.conn).SubmitBuild(c.ctx(), &runpb.SubmitBuildRequest{Parent: location})
	wantError(t, err, codes.Unimplemented, "google.cloud.run.v2.Builds/SubmitBuild is not served")
	_, err = c.accounts.ListRoles(c.ctx(), &adminpb.ListRolesRequest{})
	wantError(t, err, codes.Unimplemented, "ListRoles")
	if calls := c.Journal(); len(calls) != 2 || calls[0].Code != "UNIMPLEMENTED" {
		t.Errorf("journal: %+v", calls)
	}
}

func TestReadOnlyCaller(t *testing.T) {
	c := start(t)
	c.secret("shop-key", "one")
	_, err := c.secrets.GetSecret(c.readOnly(), &secretmanagerpb.GetSecretRequest{Name: shopKey})
	must(t, err)
	_, err = c.secrets.AccessSecretVersion(c.readOnly(), &secretmanagerpb.AccessSecretVersionRequest{Name: shopKey + "/versions/latest"})
	wantError(t, err, codes.PermissionDenied, "Permission 'secretmanager.versions.access' denied for resource '"+shopKey+"/versions/latest' (or it may not exist).")
	wantError(t, c.addVersion(c.readOnly()), codes.PermissionDenied, "secretmanager.versions.add")
	_, err = c.secrets.DeleteSecret(c.readOnly(), &secretmanagerpb.DeleteSecretRequest{Name: shopKey})
	wantError(t, err, codes.PermissionDenied, "secretmanager.secrets.delete")

	c.Deny("secretmanager.versions.add", "")
	wantError(t, c.addVersion(c.ctx()), codes.PermissionDenied, "secretmanager.versions.add")
	c.Allow("secretmanager.versions.add", "")
	must(t, c.addVersion(c.ctx()))
	c.SetAPIEnabled("secretmanager.googleapis.com", false)
	wantError(t, c.addVersion(c.ctx()), codes.PermissionDenied, "has not been used in project 123456789012 before or it is disabled.")
}
