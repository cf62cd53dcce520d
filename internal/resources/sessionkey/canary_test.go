package sessionkey_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

var troubles = map[string]fakegcp.Fault{
	"refused":     {Code: codes.PermissionDenied},
	"lost before": {Code: codes.Unavailable},
	"lost after":  {When: fakegcp.After, Code: codes.Unavailable},
	"malformed":   {When: fakegcp.After, Kind: fakegcp.FaultMalformed},
}

// TestSessionKey_failuresLeakNothing makes every call of create, rotation and delete fail once, and scans state, private
// state and diagnostics for every key that was drawn. The next apply converges on one version per rotation.
func TestSessionKey_failuresLeakNothing(t *testing.T) {
	for _, method := range []string{
		"CreateSecret", "GetSecret", "UpdateSecret", "GetIamPolicy", "SetIamPolicy", "ListSecretVersions", "AddSecretVersion",
		"GetSecretVersion", "AccessSecretVersion", "DeleteSecret",
	} {
		for name, trouble := range troubles {
			trouble.Method, trouble.Occurrence = "/"+method, 1
			t.Run(method+" "+name, func(t *testing.T) {
				t.Parallel()
				canaries := acctest.NewCanaries()
				env := acctest.New(t, acctest.WithRand(canaries.Reader()))
				r := &keyRun{T: t, env: env, canaries: canaries, provider: env.InProcess(t, noun)}
				members := []string{"user:alice@example.com"}
				r.withTrouble(trouble, valid(acctest.Attributes{"rotation_trigger": "1", "accessors": members}))
				r.withTrouble(trouble, valid(acctest.Attributes{"rotation_trigger": "2"}))
				if got := versions(t, env); got != 2 || r.state.Get(t, "version") != "2" {
					t.Errorf("version %s of %d", r.state.Get(t, "version"), got)
				}
				if canaries.Count() == 0 {
					t.Error("no key was drawn from the canaries")
				}
				r.destroy(trouble)
			})
		}
	}
}

// keyRun is one resource through its life.
type keyRun struct {
	*testing.T
	env      *acctest.Env
	provider *acctest.InProcess
	canaries *acctest.Canaries
	state    *acctest.State
}

// withTrouble applies twice, once with the trouble, once without; a key that was stored in between stays.
func (r *keyRun) withTrouble(trouble fakegcp.Fault, config acctest.Attributes) {
	r.Helper()
	must(r.env.Fake.Inject(trouble))
	r.apply(config)
	r.env.Fake.ClearFaults()
	durable := hashes(r.T, r.env)
	r.refresh()
	if said := r.apply(config); strings.Contains(said, "ERROR") {
		r.Fatalf("the apply without trouble failed:\n%s", said)
	}
	for _, hash := range durable {
		if !slices.Contains(hashes(r.T, r.env), hash) {
			r.Error("a key that was stored is gone")
		}
	}
	r.refresh()
	if plan, _ := r.provider.Plan(r, r.state, config); plan == nil || !plan.Empty() {
		r.Errorf("the plan after it is not empty: %v", plan)
	}
}

func (r *keyRun) refresh() {
	r.Helper()
	if r.state == nil {
		return
	}
	state, diagnostics := r.provider.Read(r, r.state)
	r.canaries.CheckState(r, state, diagnostics)
	r.state = state
}

// apply replaces what is tainted, plans and applies.
func (r *keyRun) apply(config acctest.Attributes) string {
	r.Helper()
	if r.state != nil && r.state.Tainted {
		r.state, _ = r.provider.Destroy(r, r.state)
	}
	plan, diagnostics := r.provider.Plan(r, r.state, config)
	if plan == nil {
		return acctest.DiagnosticsText(diagnostics)
	}
	state, diagnostics := r.provider.Apply(r, plan)
	r.canaries.CheckState(r, state, diagnostics)
	r.canaries.CheckText(r, "plan", plan.Planned.String())
	r.state = state
	return acctest.DiagnosticsText(diagnostics)
}

func (r *keyRun) destroy(trouble fakegcp.Fault) {
	r.Helper()
	must(r.env.Fake.Inject(trouble))
	state, diagnostics := r.provider.Destroy(r, r.state)
	r.canaries.CheckState(r, state, diagnostics)
	r.env.Fake.ClearFaults()
	if state != nil {
		if state, diagnostics = r.provider.Destroy(r, state); state != nil {
			r.Fatal(acctest.DiagnosticsText(diagnostics))
		}
	}
	if err := r.env.CheckNothingLeft(); err != nil {
		r.Error(err)
	}
}

// TestAccSessionKey_failuresLeakNothing is a sample of the same through both commands, with the provider as a process of
// its own and everything traced. The keys are drawn over there, so they become canaries when they have been stored.
func TestAccSessionKey_failuresLeakNothing(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		cli := env.CLI(t, "TF_LOG=TRACE", "TF_LOG_PATH=trace.log")
		var runs []acctest.Result
		run := func(method, lines string) {
			t.Helper()
			cli.Write(t, "main.tf", env.Config(block(lines)))
			if method != "" {
				must(env.Fake.Inject(fakegcp.Fault{Method: method, Occurrence: 1, Code: codes.PermissionDenied}))
			}
			planned := cli.Run(t, "plan", "-no-color", "-out=plan.bin")
			applied := cli.Run(t, "apply", "-no-color", "plan.bin")
			env.Fake.ClearFaults()
			runs = append(runs, planned, applied)
			if (applied.Code != 0) != (method != "") {
				t.Errorf("with %q failing, apply ended with %d:\n%s", method, applied.Code, applied.Stdout)
			}
		}
		run("AddSecretVersion", `rotation_trigger = "1"`)
		run("", `rotation_trigger = "1"`)
		run("UpdateSecret", `rotation_trigger = "2"`)
		run("AccessSecretVersion", `rotation_trigger = "2"`)
		run("AddSecretVersion", `rotation_trigger = "2"`)
		run("", `rotation_trigger = "2"`)
		canaries := stored(t, env)
		runs = append(runs, cli.MustRun(t, "plan", "-no-color", "-detailed-exitcode"), cli.MustRun(t, "destroy", "-no-color", "-auto-approve"))
		canaries.CheckRun(t, cli, runs...)
		if err := env.CheckNothingLeft(); err != nil {
			t.Error(err)
		}
	})
}

// stored makes canaries of the keys that the secret holds.
func stored(t *testing.T, env *acctest.Env) *acctest.Canaries {
	t.Helper()
	canaries := acctest.NewCanaries()
	for n := range versions(t, env) {
		for key := range strings.SplitSeq(payload(t, env, strconv.Itoa(n+1)), ",") {
			canaries.Add("stored key", []byte(key))
		}
	}
	return canaries
}

// payload reads a version as an application would.
func payload(t *testing.T, env *acctest.Env, version string) string {
	t.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr()})
	defer func() { must(client.Close()) }()
	value, err := client.SecretVersions().Access(t.Context(), id+"/versions/"+version)
	must(err)
	return string(value.Reveal())
}

// makeByHand makes a secret with one version that the provider knows nothing of.
func makeByHand(t *testing.T, env *acctest.Env, value string) {
	t.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr()})
	defer func() { must(client.Close()) }()
	automatic := &secretmanagerpb.Replication_Automatic_{Automatic: &secretmanagerpb.Replication_Automatic{}}
	_, err := client.Secrets().Create(t.Context(), "projects/acme-dev/secrets/shop", &secretmanagerpb.Secret{
		Replication: &secretmanagerpb.Replication{Replication: automatic},
	})
	must(err)
	_, err = client.SecretVersions().Add(t.Context(), id, secret.FromString(value))
	must(err)
}
