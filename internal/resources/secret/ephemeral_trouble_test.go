package secret_test

import (
	"context"
	"maps"
	"net"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// Every failure is told at the attribute that it belongs to, with what is wrong with which object and the next step.
func TestSecretVersion_trouble(t *testing.T) {
	t.Parallel()
	const versionOne = id + "/versions/1"
	byID, named := acctest.Attributes{"version_id": versionOne}, acctest.Attributes{"secret": id, "version": "1"}
	effective := acctest.Attributes{"secret": id}
	state := func(to secretmanagerpb.SecretVersion_State, scheduled *timestamppb.Timestamp) func(*acctest.Env) {
		return func(env *acctest.Env) {
			must(env.Fake.UpdateSecretVersion(versionOne, func(v *secretmanagerpb.SecretVersion) {
				v.State, v.ScheduledDestroyTime = to, scheduled
			}))
		}
	}
	disabled := state(secretmanagerpb.SecretVersion_DISABLED, nil)
	destroyed := state(secretmanagerpb.SecretVersion_DESTROYED, nil)
	due := timestamppb.New(time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC))
	deny := func(permissions ...string) func(*acctest.Env) {
		return func(env *acctest.Env) {
			for _, p := range permissions {
				env.Fake.Deny(p, "")
			}
		}
	}
	both := func(all ...func(*acctest.Env)) func(*acctest.Env) {
		return func(env *acctest.Env) {
			for _, one := range all {
				one(env)
			}
		}
	}
	for name, c := range map[string]struct {
		config acctest.Attributes
		harm   func(*acctest.Env)
		at     string
		want   []string
	}{
		"nothing named":          {config: acctest.Attributes{}, at: "version_id", want: []string{"secret", "version_id"}},
		"both named":             {config: acctest.Attributes{"secret": id, "version_id": versionOne}, at: "version_id"},
		"version beside its id":  {config: acctest.Attributes{"version": "1", "version_id": versionOne}, at: "version"},
		"a name for an id":       {config: acctest.Attributes{"secret": "payments"}, at: "secret", want: []string{"projects/PROJECT/secrets/SECRET"}},
		"a version for a secret": {config: acctest.Attributes{"secret": versionOne}, at: "secret"},
		"a secret for a version": {config: acctest.Attributes{"version_id": id}, at: "version_id", want: []string{"versions/NUMBER"}},
		"an alias in a version id": {
			config: acctest.Attributes{"version_id": id + "/versions/latest"}, at: "version_id", want: []string{`"latest" is not a version number`},
		},
		"a path for a version": {config: acctest.Attributes{"secret": id, "version": "../2"}, at: "version", want: []string{`"latest"`}},
		"access denied": {
			config: byID, harm: deny("secretmanager.versions.access"), at: "version_id",
			want: []string{`May not read the value of secret "payments"`, "secretmanager.versions.access",
				"gcloud secrets add-iam-policy-binding payments --project=acme-dev --member=MEMBER --role=roles/secretmanager.secretAccessor"},
		},
		"may not see the secret": {
			config: effective, harm: deny("secretmanager.secrets.get"), at: "secret",
			want: []string{"which version", "secretmanager.secrets.get", "version_id = twelvefactor_secret.NAME.version_id"},
		},
		"disabled": {
			config: named, harm: disabled, at: "version",
			want: []string{`Version 1 of secret "payments" is disabled`, "gcloud secrets versions enable 1 --project=acme-dev --secret=payments"},
		},
		"effective version disabled": {config: effective, harm: disabled, at: "secret", want: []string{"Version 1", "is disabled"}},
		"disabled, unseen": {
			config: named, harm: both(disabled, deny("secretmanager.versions.get")), at: "version",
			want: []string{`Version "1" of secret "payments" cannot be used`, "disabled or destroyed"},
		},
		"to be destroyed": {
			config: byID, harm: state(secretmanagerpb.SecretVersion_DISABLED, due), at: "version_id",
			want: []string{"about to be destroyed", "2027-01-02T03:04:05Z", "calls the destruction off", "versions enable 1"},
		},
		"destroyed": {
			config: byID, harm: destroyed, at: "version_id", want: []string{`Version 1 of secret "payments" is destroyed`, "gone for good", "value_wo_version"},
		},
		"no such version": {
			config: acctest.Attributes{"secret": id, "version": "7"}, at: "version",
			want: []string{`Secret "payments" has no version "7"`, "gcloud secrets versions list payments --project=acme-dev"},
		},
		"no such alias": {config: acctest.Attributes{"secret": id, "version": "stable"}, at: "version", want: []string{`has no version "stable"`}},
		"no such version id": {
			config: acctest.Attributes{"version_id": id + "/versions/7"}, at: "version_id", want: []string{`has no version "7"`},
		},
		"no such secret": {
			config: acctest.Attributes{"secret": "projects/acme-dev/secrets/other"}, at: "secret",
			want: []string{`Secret "other" does not exist`, "version_id = twelvefactor_secret.NAME.version_id"},
		},
		"no such secret, by version": {
			config: acctest.Attributes{"version_id": "projects/acme-dev/secrets/other/versions/1"}, at: "version_id", want: []string{`Secret "other" does not exist`},
		},
		"no such secret, unseen": {
			config: acctest.Attributes{"version_id": "projects/acme-dev/secrets/other/versions/1"}, harm: deny("secretmanager.secrets.get"),
			at: "version_id", want: []string{"secretmanager.secrets.get", "is not known"},
		},
		"a secret without versions": {
			config: effective, harm: func(env *acctest.Env) { remake(env) }, at: "secret",
			want: []string{`Secret "payments" has no version`, "value_wo_version", "gcloud secrets versions add payments --project=acme-dev --data-file=FILE"},
		},
		"another project": {
			config: acctest.Attributes{"version_id": "projects/other-project/secrets/payments/versions/1"}, at: "version_id", want: []string{"May not read"},
		},
		"no answer": {
			config: byID, harm: func(env *acctest.Env) {
				must(env.Fake.Inject(fakegcp.Fault{Method: "/AccessSecretVersion", Code: codes.Unavailable}))
			}, at: "version_id", want: []string{`Cannot read the value of secret "payments"`, "did not answer properly"},
		},
		"the timeout ends": {
			config: acctest.Attributes{"version_id": versionOne, "timeouts": openTimeout("1s")}, harm: func(env *acctest.Env) {
				must(env.Fake.Inject(fakegcp.Fault{Method: "/AccessSecretVersion", Kind: fakegcp.FaultHang}))
			}, at: "version_id", want: []string{"timeouts"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, client := opened(t)
			canaries := acctest.NewCanaries()
			add(t, client, canaries.Text(t, "value"))
			if c.harm != nil {
				c.harm(env)
			}
			it, diagnostics := env.Open(t, versionNoun, nil, c.config)
			if it != nil {
				t.Fatal("it was opened")
			}
			said := acctest.DiagnosticsText(diagnostics)
			canaries.CheckText(t, "diagnostics", said)
			if at := diagnostics[0].Attribute.String(); at != `AttributeName("`+c.at+`")` {
				t.Errorf("it is told at %s, want %s:\n%s", at, c.at, said)
			}
			for _, want := range c.want {
				if !strings.Contains(said, want) {
					t.Errorf("%q is missing in:\n%s", want, said)
				}
			}
		})
	}
}

// remake leaves the secret without versions.
func remake(env *acctest.Env) {
	deleteSecret(env)
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr()})
	defer func() { must(client.Close()) }()
	automatic := &secretmanagerpb.Replication_Automatic_{Automatic: &secretmanagerpb.Replication_Automatic{}}
	_, err := client.Secrets().Create(context.Background(), "projects/acme-dev/secrets/payments", &secretmanagerpb.Secret{
		Replication: &secretmanagerpb.Replication{Replication: automatic},
	})
	must(err)
}

func openTimeout(d string) tftypes.Value {
	object := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"open": tftypes.String}}
	return tftypes.NewValue(object, map[string]tftypes.Value{"open": tftypes.NewValue(tftypes.String, d)})
}

// dishonest is a Secret Manager that answers what it is told to.
type dishonest struct {
	secretmanagerpb.UnimplementedSecretManagerServiceServer
	answer *secretmanagerpb.AccessSecretVersionResponse
}

// AccessSecretVersion gives the answer, whatever was asked.
func (d *dishonest) AccessSecretVersion(context.Context, *secretmanagerpb.AccessSecretVersionRequest) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	return d.answer, nil
}

// GetSecretVersion knows when it was made.
func (d *dishonest) GetSecretVersion(context.Context, *secretmanagerpb.GetSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	return &secretmanagerpb.SecretVersion{Name: d.answer.GetName()}, nil
}

// A value whose checksum does not match, or that is another secret's, is not used and not shown.
func TestSecretVersion_damaged(t *testing.T) {
	t.Parallel()
	canaries := acctest.NewCanaries()
	value := []byte(canaries.Text(t, "value"))
	wrong := int64(1)
	for name, c := range map[string]struct {
		answer *secretmanagerpb.AccessSecretVersionResponse
		want   string
	}{
		"damaged": {&secretmanagerpb.AccessSecretVersionResponse{
			Name: "projects/1/secrets/payments/versions/1", Payload: &secretmanagerpb.SecretPayload{Data: value, DataCrc32C: &wrong},
		}, "checksum does not match"},
		"another secret":  {&secretmanagerpb.AccessSecretVersionResponse{Name: "projects/1/secrets/other/versions/1"}, "secrets/other"},
		"another version": {&secretmanagerpb.AccessSecretVersionResponse{Name: "projects/1/secrets/payments/versions/2"}, "versions/2"},
		"no name":         {&secretmanagerpb.AccessSecretVersionResponse{Payload: &secretmanagerpb.SecretPayload{Data: value}}, "answered with"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			must(err)
			server := grpc.NewServer()
			secretmanagerpb.RegisterSecretManagerServiceServer(server, &dishonest{answer: c.answer})
			go func() { _ = server.Serve(listener) }()
			t.Cleanup(server.Stop)
			env := acctest.New(t, acctest.WithoutEmulator())
			it, diagnostics := env.Open(t, versionNoun, acctest.Attributes{
				"access_token": "any", "endpoints": secretManagerAt("http://" + listener.Addr().String()),
			}, acctest.Attributes{"version_id": id + "/versions/1"})
			said := acctest.DiagnosticsText(diagnostics)
			if it != nil || !strings.Contains(said, c.want) {
				t.Errorf("want %q in:\n%s", c.want, said)
			}
			canaries.CheckText(t, "diagnostics", said)
		})
	}
}

// secretManagerAt is the provider's endpoints with that of one API.
func secretManagerAt(address string) tftypes.Value {
	object := tftypes.Object{AttributeTypes: map[string]tftypes.Type{}}
	values := map[string]tftypes.Value{}
	for _, api := range gcp.APIs() {
		object.AttributeTypes[string(api)] = tftypes.String
		values[string(api)] = tftypes.NewValue(tftypes.String, nil)
	}
	values[string(gcp.SecretManager)] = tftypes.NewValue(tftypes.String, address)
	return tftypes.NewValue(object, values)
}

// Each call fails in each way, once: reads are repeated where that can help, else the failure is told. Nothing of the value is
// shown, and without the trouble it is read.
func TestSecretVersion_eachCallFails(t *testing.T) {
	t.Parallel()
	kinds := map[string]fakegcp.Fault{
		"hung":      {Kind: fakegcp.FaultHang},
		"reset":     {When: fakegcp.After, Kind: fakegcp.FaultReset},
		"truncated": {When: fakegcp.After, Kind: fakegcp.FaultTruncated},
	}
	maps.Copy(kinds, troubles)
	cases := 0
	for _, method := range []string{"GetSecret", "AccessSecretVersion", "GetSecretVersion"} {
		for kind, trouble := range kinds {
			cases++
			t.Run(method+" "+kind, func(t *testing.T) {
				t.Parallel()
				env, client := opened(t)
				canaries := acctest.NewCanaries()
				value := canaries.Text(t, "value")
				add(t, client, value)
				trouble.Method, trouble.Occurrence = "/"+method, 1
				must(env.Fake.Inject(trouble))
				config := acctest.Attributes{"secret": id, "timeouts": openTimeout("1s")}
				it, diagnostics := env.Open(t, versionNoun, nil, config)
				said := acctest.DiagnosticsText(diagnostics)
				canaries.CheckText(t, "diagnostics", said)
				if it == nil && !strings.Contains(said, `"payments"`) || it != nil && it.Get(t, "value") != value {
					t.Errorf("opened %v:\n%s", it != nil, said)
				}
				env.Fake.ClearFaults()
				if it, diagnostics = env.Open(t, versionNoun, nil, config); it == nil || it.Get(t, "value") != value {
					t.Errorf("without the trouble: %s", acctest.DiagnosticsText(diagnostics))
				}
			})
		}
	}
	t.Logf("%d cases", cases)
}
