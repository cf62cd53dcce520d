package secret_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// troubles befall the calls of the tests that are not in the fault matrix.
var troubles = map[string]fakegcp.Fault{
	"refused":     {Code: codes.PermissionDenied},
	"lost before": {Code: codes.Unavailable},
	"lost after":  {When: fakegcp.After, Code: codes.Unavailable},
	"malformed":   {When: fakegcp.After, Kind: fakegcp.FaultMalformed},
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
