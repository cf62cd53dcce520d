package secret_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// crashRun is a command that holds a value of its own, which it was given in a file outside of its folder.
// pause is between two looks at what a process does.
const pause = 5 * time.Millisecond

type crashRun struct {
	*testing.T
	env      *acctest.Env
	canaries *acctest.Canaries
	cli      *acctest.CLI
	value    string // the file
	temp     string // where the command and the provider put temporary files
}

func newCrashRun(t *testing.T, env *acctest.Env, variables ...string) *crashRun {
	t.Helper()
	r := &crashRun{T: t, env: env, canaries: acctest.NewCanaries(), temp: t.TempDir(), value: filepath.Join(t.TempDir(), "value.tfvars")}
	must(os.WriteFile(r.value, []byte("given = "+hclString(r.canaries.Text(t, "given"))+"\n"), 0o600))
	r.cli = env.CLI(t, append(variables, "TMPDIR="+r.temp, "TF_LOG=TRACE", "TF_LOG_PATH=trace.log")...)
	r.cli.Write(t, "main.tf", env.Config(strings.ReplaceAll(acctest.SecretVariables("first"), "first", "given")+
		"resource \"twelvefactor_secret\" \"test\" {\n  name = \"payments\"\n  value_wo = var.given\n  value_wo_version = \"1\"\n}\n"))
	return r
}

func hclString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", "$${", "%{", "%%{").Replace(s) + `"`
}

// hang starts an apply, which then holds the value in a call that is not answered.
func (r *crashRun) hang(args ...string) *acctest.Process {
	r.Helper()
	must(r.env.Fake.Inject(fakegcp.Fault{Method: "AddSecretVersion", Kind: fakegcp.FaultHang}))
	process := r.cli.Start(r, append([]string{"apply", "-auto-approve", "-no-color", "-input=false", "-var-file=" + r.value}, args...)...)
	for r.env.Fake.Faults()[0].Struck == 0 {
		must(r.env.Clock.Sleep(r.Context(), pause))
	}
	return process
}

// check scans what the run has left: its output, its folder with the traces, and temporary files.
func (r *crashRun) check(ended acctest.Result) {
	r.Helper()
	r.canaries.CheckRun(r, r.cli, ended)
	r.canaries.CheckDir(r, r.temp)
}

// TestAccSecret_crashOutput ends the provider, by signals that make Go print the stacks of all goroutines, while it
// holds a value: neither its own output, nor what the command makes of it, nor the environment of the processes shows it.
func TestAccSecret_crashOutput(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		for _, signal := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT} {
			r := newCrashRun(t, env, "GOTRACEBACK=system")
			process := r.hang()
			leaks, processes := r.canaries.ScanProcesses(t, process)
			for _, leak := range leaks {
				t.Errorf("secret value leaked: %s", leak)
			}
			if processes < 2 {
				t.Errorf("%d processes were looked at", processes)
			}
			must(syscall.Kill(process.Provider(t), signal))
			ended := process.Wait(t)
			env.Fake.ClearFaults()
			trace, err := os.ReadFile(filepath.Join(r.cli.Dir, "trace.log"))
			must(err)
			if ended.Code == 0 || !strings.Contains(string(trace), "goroutine ") || !strings.Contains(string(trace), "AddSecretVersion") {
				t.Errorf("%s: code %d, and the trace shows no stacks with the call:\n%s", signal, ended.Code, ended.Output())
			}
			r.check(ended)
			must(env.Fake.Remove(id))
		}
	})
}

// TestAccSecret_processesOfAnEnvironment is the negative control: a value that the user puts into the environment is found there.
func TestAccSecret_processesOfAnEnvironment(t *testing.T) {
	t.Parallel()
	r := newCrashRun(t, acctest.New(t))
	r.cli = r.cli.With("PLANTED=" + r.canaries.Text(t, "planted"))
	process := r.hang()
	if leaks, _ := r.canaries.ScanProcesses(t, process); len(leaks) < 2 || leaks[0].Canary != "planted" {
		t.Errorf("leaks %v", leaks)
	}
	r.check(process.Kill(t))
}

// TestAccSecret_stateThatCannotBeWritten has the command fall back to errored.tfstate: its backend takes no state.
func TestAccSecret_stateThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			w.WriteHeader(http.StatusNotFound)
		}))
		t.Cleanup(backend.Close)
		r := newCrashRun(t, env)
		r.cli.Write(t, "backend.tf", fmt.Sprintf("terraform {\n  backend \"http\" {\n    address   = %q\n    retry_max = 0\n  }\n}\n", backend.URL))
		// What init does after the backend, looking for providers, is not needed: they are overridden.
		_ = r.cli.Run(t, "init", "-no-color", "-input=false")
		ended := r.cli.Run(t, "apply", "-auto-approve", "-no-color", "-input=false", "-var-file="+r.value)
		state, err := os.ReadFile(filepath.Join(r.cli.Dir, "errored.tfstate"))
		if err != nil || !strings.Contains(string(state), id) {
			t.Fatalf("no errored.tfstate with the secret: %v\n%s", err, ended.Output())
		}
		r.check(ended)
		must(env.Fake.Remove(id))
	})
}

// TestAccSecret_troubledCalls is a sample of the fault matrix through both commands: answers that do not decode, and that
// are lost after the effect.
func TestAccSecret_troubledCalls(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		for _, fault := range []fakegcp.Fault{
			{Method: "/AddSecretVersion", When: fakegcp.After, Kind: fakegcp.FaultMalformed},
			{Method: "/AddSecretVersion", When: fakegcp.After, Code: codes.Unavailable},
		} {
			r := newCrashRun(t, env)
			fault.Occurrence = 1
			must(env.Fake.Inject(fault))
			args := []string{"-auto-approve", "-no-color", "-input=false", "-var-file=" + r.value}
			first := r.cli.Run(t, append([]string{"apply"}, args...)...)
			env.Fake.ClearFaults()
			second := r.cli.MustRun(t, append([]string{"apply"}, args...)...)
			for _, plan := range [][]string{{"plan", "-refresh=false"}, {"plan"}} {
				if rest := r.cli.Run(t, append(plan, "-detailed-exitcode", "-no-color", "-input=false", "-var-file="+r.value)...); rest.Code != 0 {
					t.Errorf("after %s the plan is not empty:\n%s", fault, rest.Output())
				}
			}
			if stored := env.StoredVersions(t); len(stored) != 1 {
				t.Errorf("after %s there are %d versions", fault, len(stored))
			}
			r.check(first)
			r.check(second)
			r.cli.MustRun(t, append([]string{"destroy"}, args...)...)
			if err := env.CheckNothingLeft(); err != nil {
				t.Error(err)
			}
		}
	})
}
