package secret_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

const versionNoun = "twelvefactor_secret_version"

// handOn reads the secret and hands its value to a write-only argument and to a provider.
const handOn = `
ephemeral "twelvefactor_secret_version" "it" {
  version_id = twelvefactor_secret.test.version_id
}

resource "twelvefactor_secret" "copy" {
  name             = "copy"
  value_wo         = ephemeral.twelvefactor_secret_version.it.value
  value_wo_version = twelvefactor_secret.test.version
}

provider "twelvefactor" {
  alias        = "handed"
  project      = "acme-dev"
  access_token = ephemeral.twelvefactor_secret_version.it.value
}

resource "twelvefactor_secret" "by_handed" {
  provider = twelvefactor.handed
  name     = "by-handed"
}
`

// The secret is made in the same apply, its value handed on, changed and handed on again. The value is in nothing that
// the commands leave behind, traces included.
func TestAccSecretVersion_handedOn(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		canaries := acctest.NewCanaries()
		old, next := token(t, canaries, "old"), token(t, canaries, "next")
		cli := env.CLI(t, "TF_LOG=TRACE", "TF_LOG_PATH=trace.log")
		var runs []acctest.Result
		apply := func(value, lines string) {
			t.Helper()
			cli := cli.With("TF_VAR_first="+value, "TF_VAR_second="+value)
			cli.Write(t, "main.tf", env.Config(block(lines), handOn))
			runs = append(runs,
				cli.MustRun(t, "plan", "-no-color", "-input=false", "-out=plan.bin"),
				cli.MustRun(t, "apply", "-no-color", "-input=false", "plan.bin"),
				cli.MustRun(t, "show", "-json", "plan.bin"),
				cli.MustRun(t, "plan", "-no-color", "-input=false", "-detailed-exitcode"),
				cli.MustRun(t, "show", "-json"))
			if got := payloadOf(t, env, "projects/acme-dev/secrets/copy/versions/latest"); got != value {
				t.Errorf("the copy does not hold the value that was written in this apply")
			}
		}
		apply(old, first)
		apply(next, second)
		runs = append(runs, cli.MustRun(t, "destroy", "-no-color", "-auto-approve"))
		if strings.Contains(runs[len(runs)-2].Stdout, `"mode":"ephemeral"`) {
			t.Error("the state holds the ephemeral resource")
		}
		canaries.CheckRun(t, cli, runs...)
		if err := env.CheckNothingLeft(); err != nil {
			t.Error(err)
		}
	})
}

// token is a canary that can be an access token, too: it goes into a header.
func token(t *testing.T, canaries *acctest.Canaries, name string) string {
	t.Helper()
	value := base64.RawURLEncoding.EncodeToString([]byte(canaries.Text(t, name+", decoded")))
	canaries.Add(name, []byte(value))
	return value
}

// A failure tells the object and the way out, and shows nothing of the value, in either command.
func TestAccSecretVersion_failuresLeakNothing(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		canaries := acctest.NewCanaries()
		value := canaries.Text(t, "value")
		cli := env.CLI(t, "TF_LOG=TRACE", "TF_LOG_PATH=trace.log", "TF_VAR_first="+value)
		cli.Write(t, "main.tf", env.Config(block(first)))
		cli.MustRun(t, "apply", "-no-color", "-auto-approve")
		cli.Write(t, "main.tf", env.Config(block(first), handOn))
		var runs []acctest.Result
		for name, trouble := range troubles {
			trouble.Method = "/AccessSecretVersion"
			must(env.Fake.Inject(trouble))
			failed := cli.Run(t, "plan", "-no-color", "-input=false")
			env.Fake.ClearFaults()
			runs = append(runs, failed)
			if failed.Code == 0 || !strings.Contains(failed.Output(), `"payments"`) {
				t.Errorf("%s: ended with %d:\n%s", name, failed.Code, failed.Output())
			}
		}
		runs = append(runs, cli.MustRun(t, "destroy", "-no-color", "-auto-approve"))
		canaries.CheckRun(t, cli, runs...)
	})
}

// opened is a fake with one secret, written by hand, and its client.
func opened(t *testing.T, options ...acctest.Option) (*acctest.Env, *gcp.Client) {
	t.Helper()
	env := acctest.New(t, options...)
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr()})
	t.Cleanup(func() { must(client.Close()) })
	automatic := &secretmanagerpb.Replication_Automatic_{Automatic: &secretmanagerpb.Replication_Automatic{}}
	_, err := client.Secrets().Create(t.Context(), "projects/acme-dev/secrets/payments", &secretmanagerpb.Secret{
		Replication: &secretmanagerpb.Replication{Replication: automatic},
	})
	must(err)
	return env, client
}

func add(t *testing.T, client *gcp.Client, value string) {
	t.Helper()
	_, err := client.SecretVersions().Add(t.Context(), id, secret.FromString(value))
	must(err)
}

func payloadOf(t *testing.T, env *acctest.Env, version string) string {
	t.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr()})
	defer func() { must(client.Close()) }()
	value, err := client.SecretVersions().Access(t.Context(), version)
	must(err)
	return string(value.Reveal())
}

// A value comes back byte for byte, whatever it is; as text only where Terraform's text is the same bytes.
func TestSecretVersion_values(t *testing.T) {
	t.Parallel()
	env, client := opened(t)
	for i, c := range []struct {
		value string
		text  bool
	}{
		{"plain", true}, {"line\nbreak\x00 and \"quotes\" ${not} %{templates}", true}, {"caf\u00e9 \U0001F511", true},
		{"not UTF-8: \xff\xfe", false}, {"decomposed cafe\u0301", false}, {strings.Repeat("x", 64<<10), true},
	} {
		add(t, client, c.value)
		it, diagnostics := env.Open(t, versionNoun, nil, acctest.Attributes{"secret": id})
		if it == nil {
			t.Fatal(acctest.DiagnosticsText(diagnostics))
		}
		if isText := !it.Result["value"].IsNull(); isText != c.text || isText && it.Get(t, "value") != c.value {
			t.Errorf("value %d: text %v, want %v, or it is another one", i, isText, c.text)
		}
		if it.Get(t, "value_base64") != base64.StdEncoding.EncodeToString([]byte(c.value)) {
			t.Errorf("value %d is not the same in base64", i)
		}
		if len(it.Private) > 0 || !it.RenewAt.IsZero() {
			t.Errorf("value %d: something is kept: %q, %s", i, it.Private, it.RenewAt)
		}
	}
}

// Without a version it is the one that the provider recorded, whatever others add; of a secret without a managed value,
// the latest.
func TestSecretVersion_which(t *testing.T) {
	t.Parallel()
	env, client := opened(t)
	add(t, client, "by hand 1")
	add(t, client, "by hand 2")
	must(env.Fake.UpdateSecret(id, func(s *secretmanagerpb.Secret) { s.VersionAliases = map[string]int64{"stable": 1} }))
	managed := env.InProcess(t, "twelvefactor_secret")
	plan, _ := managed.Plan(t, nil, acctest.Attributes{"name": "ours", "value_wo": "ours 1", "value_wo_version": "1"})
	if state, diagnostics := managed.Apply(t, plan); state == nil {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	const ours = "projects/acme-dev/secrets/ours"
	_, err := client.SecretVersions().Add(t.Context(), ours, secret.FromString("added by hand"))
	must(err)
	for _, c := range []struct {
		config                acctest.Attributes
		value, number, target string
	}{
		{acctest.Attributes{"secret": ours}, "ours 1", "1", ours + "/versions/1"},
		{acctest.Attributes{"secret": ours, "version": "latest"}, "added by hand", "latest", ours + "/versions/2"},
		{acctest.Attributes{"secret": id}, "by hand 2", "2", id + "/versions/2"},
		{acctest.Attributes{"secret": id, "version": "stable"}, "by hand 1", "stable", id + "/versions/1"},
		{acctest.Attributes{"secret": id, "version": "1"}, "by hand 1", "1", id + "/versions/1"},
		{acctest.Attributes{"version_id": id + "/versions/1"}, "by hand 1", "1", id + "/versions/1"},
	} {
		it, diagnostics := env.Open(t, versionNoun, nil, c.config)
		if it == nil {
			t.Errorf("%v: %s", c.config, acctest.DiagnosticsText(diagnostics))
			continue
		}
		if it.Get(t, "value") != c.value || it.Get(t, "version") != c.number || it.Get(t, "version_id") != c.target || it.Get(t, "create_time") == "" {
			t.Errorf("%v gave version %s, %s of %s", c.config, it.Get(t, "version"), it.Get(t, "version_id"), it.Get(t, "create_time"))
		}
	}
}

// secretmanager.versions.access on the one secret is enough for a version that is named.
func TestSecretVersion_leastPrivilege(t *testing.T) {
	t.Parallel()
	env, client := opened(t)
	add(t, client, "value")
	must(env.Fake.AddToken("least", "user:least@example.com"))
	grant := func(role string) {
		t.Helper()
		ref := gcp.PolicyRef{Kind: gcp.SecretPolicy, Name: id}
		must(client.Policies().Add(t.Context(), ref, []gcp.Grant{{Role: role, Member: "user:least@example.com"}}))
	}
	least := env.As(t, acctest.WithAccessToken("least"))
	open := func(config acctest.Attributes) (*acctest.Opened, string) {
		t.Helper()
		it, diagnostics := least.Open(t, versionNoun, nil, config)
		return it, acctest.DiagnosticsText(diagnostics)
	}
	byID, bySecret := acctest.Attributes{"version_id": id + "/versions/1"}, acctest.Attributes{"secret": id}
	it, said := open(byID)
	if it != nil || !strings.Contains(said, "roles/secretmanager.secretAccessor") {
		t.Errorf("without any role: %s", said)
	}
	grant("roles/secretmanager.secretAccessor")
	for _, named := range []acctest.Attributes{byID, {"secret": id, "version": "latest"}} {
		if it, said = open(named); it == nil || it.Get(t, "value") != "value" || !it.Result["create_time"].IsNull() {
			t.Errorf("%v with access alone: %s", named, said)
		}
	}
	if it, said = open(bySecret); it != nil || !strings.Contains(said, "secretmanager.secrets.get") || !strings.Contains(said, "version_id = ") {
		t.Errorf("the effective version with access alone: %s", said)
	}
	grant("roles/secretmanager.viewer")
	if it, said = open(bySecret); it == nil || it.Get(t, "create_time") == "" {
		t.Errorf("the effective version with both roles: %s", said)
	}
}

// The value is read once, and nothing is read that is not needed.
func TestSecretVersion_calls(t *testing.T) {
	t.Parallel()
	env, client := opened(t)
	add(t, client, "value")
	for want, config := range map[string]acctest.Attributes{
		"AccessSecretVersion GetSecretVersion":           {"version_id": id + "/versions/1"},
		"GetSecret AccessSecretVersion GetSecretVersion": {"secret": id},
	} {
		before := len(env.Fake.Journal())
		if it, diagnostics := env.Open(t, versionNoun, nil, config); it == nil {
			t.Fatal(acctest.DiagnosticsText(diagnostics))
		}
		if got := methods(env.Fake.Journal()[before:]); got != want {
			t.Errorf("%v made the calls %s, want %s", config, got, want)
		}
	}
}

func methods(calls []fakegcp.Call) string {
	var all []string
	for _, c := range calls {
		all = append(all, c.Method[strings.LastIndex(c.Method, "/")+1:])
	}
	return strings.Join(all, " ")
}

// While an argument is unknown nothing is read; it is read in the apply, once everything is known.
func TestAccSecretVersion_unknownArguments(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		canaries := acctest.NewCanaries()
		value := canaries.Text(t, "value")
		cli := env.CLI(t, "TF_LOG=TRACE", "TF_LOG_PATH=trace.log", "TF_VAR_first="+value)
		cli.Write(t, "main.tf", env.Config(block(first)))
		cli.MustRun(t, "apply", "-no-color", "-auto-approve")
		var runs []acctest.Result
		const late = "${terraform_data.late.output}"
		for n, arguments := range []string{
			fmt.Sprintf("secret = %q", strings.Replace(id, "payments", late, 1)),
			fmt.Sprintf("secret = %q\n  version = terraform_data.one.output", id),
			fmt.Sprintf("version_id = %q", strings.Replace(id, "payments", late, 1)+"/versions/1"),
			fmt.Sprintf("secret = %q\n  timeouts = { open = \"%sm\" }", id, "${terraform_data.one.output}"),
		} {
			name := fmt.Sprint("copy-", n)
			before := env.Effects("AccessSecretVersion")
			cli.Write(t, "main.tf", env.Config(block(first), fmt.Sprintf(`
resource "terraform_data" "late" { input = "payments" }
resource "terraform_data" "one" { input = "1" }
ephemeral "twelvefactor_secret_version" "it" {
  %s
}
resource "twelvefactor_secret" "copy" {
  name             = %q
  value_wo         = ephemeral.twelvefactor_secret_version.it.value
  value_wo_version = "1"
}
`, arguments, name)))
			runs = append(runs, cli.MustRun(t, "plan", "-no-color", "-input=false", "-out=plan.bin"))
			if got := env.Effects("AccessSecretVersion"); got != before {
				t.Errorf("%s: the plan read the value", arguments)
			}
			runs = append(runs, cli.MustRun(t, "apply", "-no-color", "-input=false", "plan.bin"))
			if got := payloadOf(t, env, "projects/acme-dev/secrets/"+name+"/versions/1"); got != value {
				t.Errorf("%s: the copy holds another value", arguments)
			}
			runs = append(runs, cli.MustRun(t, "destroy", "-no-color", "-auto-approve", "-target=twelvefactor_secret.copy", "-target=terraform_data.late",
				"-target=terraform_data.one"))
		}
		canaries.CheckRun(t, cli, append(runs, cli.MustRun(t, "destroy", "-no-color", "-auto-approve"))...)
	})
}
