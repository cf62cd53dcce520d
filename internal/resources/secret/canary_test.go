package secret_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

var troubles = map[string]fakegcp.Fault{
	"refused":     {Code: codes.PermissionDenied},
	"lost before": {Code: codes.Unavailable},
	"lost after":  {When: fakegcp.After, Code: codes.Unavailable},
	"malformed":   {When: fakegcp.After, Kind: fakegcp.FaultMalformed},
}

// TestSecret_failuresLeakNothing makes every call of create, update and delete fail once, and scans state, private state
// and diagnostics. The next apply converges on one version per value.
func TestSecret_failuresLeakNothing(t *testing.T) {
	for _, method := range []string{
		"CreateSecret", "GetSecret", "UpdateSecret", "GetIamPolicy", "SetIamPolicy", "ListSecretVersions", "AddSecretVersion",
		"GetSecretVersion", "AccessSecretVersion", "DeleteSecret",
	} {
		canaries := acctest.NewCanaries()
		one, two := canaries.Text(t, "one"), canaries.Text(t, "two")
		for name, trouble := range troubles {
			trouble.Method = "/" + method
			t.Run(method+" "+name, func(t *testing.T) {
				t.Parallel()
				s := &secretRun{T: t, canaries: canaries, env: acctest.New(t)}
				s.provider = s.env.InProcess(t, noun)
				members := []string{"user:alice@example.com"}
				s.withTrouble(trouble, acctest.Attributes{"name": "payments", "value_wo": one, "value_wo_version": "1", "accessors": members})
				s.withTrouble(trouble, acctest.Attributes{"name": "payments", "value_wo": two, "value_wo_version": "2"})
				if got := versions(t, s.env); got != 2 || s.state.Get(t, "version") != "2" {
					t.Errorf("version %s of %d", s.state.Get(t, "version"), got)
				}
				s.destroy(trouble)
			})
		}
	}
}

// versions counts what the fake holds.
func versions(t *testing.T, env *acctest.Env) (n int) {
	t.Helper()
	objects, err := env.Fake.Objects()
	must(err)
	for name := range objects {
		if strings.Contains(name, "/versions/") {
			n++
		}
	}
	return n
}

// TestSecret_echoIsNotShown lets the API quote the value that it refuses.
func TestSecret_echoIsNotShown(t *testing.T) {
	t.Parallel()
	env, canaries := acctest.New(t), acctest.NewCanaries()
	value := canaries.Text(t, "value")
	must(env.Fake.Inject(fakegcp.Fault{Method: "AddSecretVersion", Code: codes.InvalidArgument, Message: "Cannot store \"" + value + "\"."}))
	provider := env.InProcess(t, noun)
	plan, _ := provider.Plan(t, nil, valid(acctest.Attributes{"value_wo": value}))
	state, diagnostics := provider.Apply(t, plan)
	canaries.CheckState(t, state, diagnostics)
	if said := acctest.DiagnosticsText(diagnostics); state == nil || !state.Tainted || !strings.Contains(said, "is not shown") {
		t.Errorf("state %v, diagnostics:\n%s", state, said)
	}
}

// secretRun is one resource through its life.
type secretRun struct {
	*testing.T
	env      *acctest.Env
	provider *acctest.InProcess
	canaries *acctest.Canaries
	state    *acctest.State
}

// withTrouble applies twice: once with the trouble, once without.
func (s *secretRun) withTrouble(trouble fakegcp.Fault, config acctest.Attributes) {
	s.Helper()
	trouble.Occurrence = 1
	must(s.env.Fake.Inject(trouble))
	s.apply(config)
	s.env.Fake.ClearFaults()
	s.refresh()
	if said := s.apply(config); strings.Contains(said, "ERROR") {
		s.Fatalf("the apply without trouble failed:\n%s", said)
	}
	s.refresh()
	plan, _ := s.provider.Plan(s, s.state, config)
	if plan == nil || !plan.Empty() {
		s.Errorf("the plan after it is not empty: %v", plan)
	}
}

func (s *secretRun) refresh() {
	s.Helper()
	if s.state == nil {
		return
	}
	state, diagnostics := s.provider.Read(s, s.state)
	s.canaries.CheckState(s, state, diagnostics)
	s.state = state
}

// apply replaces what is tainted, plans and applies.
func (s *secretRun) apply(config acctest.Attributes) string {
	s.Helper()
	if s.state != nil && s.state.Tainted {
		s.state, _ = s.provider.Destroy(s, s.state)
	}
	plan, diagnostics := s.provider.Plan(s, s.state, config)
	s.canaries.CheckState(s, nil, diagnostics)
	if plan == nil {
		return acctest.DiagnosticsText(diagnostics)
	}
	s.canaries.CheckText(s, "plan", plan.Planned.String())
	state, diagnostics := s.provider.Apply(s, plan)
	s.canaries.CheckState(s, state, diagnostics)
	s.state = state
	return acctest.DiagnosticsText(diagnostics)
}

func (s *secretRun) destroy(trouble fakegcp.Fault) {
	s.Helper()
	trouble.Occurrence = 1
	must(s.env.Fake.Inject(trouble))
	state, diagnostics := s.provider.Destroy(s, s.state)
	s.canaries.CheckState(s, state, diagnostics)
	s.env.Fake.ClearFaults()
	if state != nil {
		if state, diagnostics = s.provider.Destroy(s, state); state != nil {
			s.Fatal(acctest.DiagnosticsText(diagnostics))
		}
	}
	if err := s.env.CheckNothingLeft(); err != nil {
		s.Error(err)
	}
}

// TestAccSecret_failuresLeakNothing is a sample of the same through both commands, with the provider as a process of its
// own and everything traced: write-only values and errors of create and update.
func TestAccSecret_failuresLeakNothing(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		canaries := acctest.NewCanaries()
		one, two := canaries.Text(t, "one"), canaries.Text(t, "two")
		cli := env.CLI(t, "TF_VAR_first="+one, "TF_VAR_second="+two, "TF_LOG=TRACE", "TF_LOG_PATH=trace.log")
		var runs []acctest.Result
		run := func(method, lines string) {
			t.Helper()
			cli.Write(t, "main.tf", env.Config(block(lines)))
			if method != "" {
				must(env.Fake.Inject(fakegcp.Fault{Method: method, Occurrence: 1, Code: codes.PermissionDenied}))
			}
			planned := cli.Run(t, "plan", "-no-color", "-input=false", "-out=plan.bin")
			applied := cli.Run(t, "apply", "-no-color", "-input=false", "plan.bin")
			env.Fake.ClearFaults()
			runs = append(runs, planned, applied)
			if (applied.Code != 0) != (method != "") {
				t.Errorf("with %q failing, apply ended with %d:\n%s", method, applied.Code, applied.Stdout)
			}
		}
		run("AddSecretVersion", first)
		run("", first)
		run("AddSecretVersion", second)
		run("UpdateSecret", second)
		run("", second)
		runs = append(runs, cli.MustRun(t, "plan", "-no-color", "-detailed-exitcode"), cli.MustRun(t, "destroy", "-no-color", "-auto-approve"))
		canaries.CheckRun(t, cli, runs...)
		if err := env.CheckNothingLeft(); err != nil {
			t.Error(err)
		}
	})
}
