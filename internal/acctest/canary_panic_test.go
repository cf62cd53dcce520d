package acctest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// panicVariable says how the process panics that TestPanics has started; the value comes on its standard input.
const panicVariable = "TWELVEFACTOR_PANIC"

// panics are the ways. Each holds the value when it happens.
var panics = map[string]func(t *testing.T, value []byte){
	"in a create": func(t *testing.T, value []byte) {
		panicking(t, nil).Apply(Attributes{"name": "x", "value_wo": string(value), "value_wo_version": "1"})
	},
	"in a draw": func(t *testing.T, value []byte) {
		panicking(t, value).Apply(Attributes{"name": "x", "bytes": int64(len(value)), "encoding": "hex"})
	},
	"with the value, wrapped": func(_ *testing.T, value []byte) {
		b := secret.New(value)
		request := struct{ Value secret.Bytes }{b}
		panic(fmt.Sprintf("%v %+v %#v %s %x %q %v %+v %#v", b, b, b, b, b, b, request, request, &request))
	},
	"with a structure that holds it": func(_ *testing.T, value []byte) { panic(struct{ Value secret.Bytes }{secret.New(value)}) },
	"with an error about it":         func(_ *testing.T, value []byte) { panic(fmt.Errorf("refused: %v", secret.New(value))) },
}

// exposed is the negative control.
const exposed = "with the value itself"

// panicking is a life whose provider panics when it waits, which is after it has stored the value.
func panicking(t *testing.T, drawn []byte) *Life {
	noun, rand := TypePrefix+"secret", io.Reader(nil)
	if drawn != nil {
		noun, rand = TypePrefix+"session_key", bytes.NewReader(drawn)
	}
	env := New(t, WithRand(rand), WithBinary(Binary{Path: "none"}),
		WithProviderClock(func(o *clock.Offset) clock.Clock { return panickingClock{o} }))
	if err := env.Fake.Inject(fakegcp.Fault{Method: "/UpdateSecret", Code: codes.Unavailable}); err != nil {
		t.Fatal(err)
	}
	return env.NewLife(t, noun, NewCanaries())
}

type panickingClock struct{ *clock.Offset }

// Sleep does not return.
func (panickingClock) Sleep(context.Context, time.Duration) error { panic("no time to sleep") }

// TestPanicInAProcess is the process that TestPanics starts.
func TestPanicInAProcess(t *testing.T) {
	how := os.Getenv(panicVariable)
	if how == "" {
		t.Skip("only as a process of TestPanics")
	}
	value, err := io.ReadAll(os.Stdin)
	if err != nil {
		t.Fatal(err)
	}
	if how == exposed {
		panic(string(value))
	}
	panics[how](t, value)
}

// TestPanics has processes panic while they hold a value, with as much in the traceback as Go prints.
func TestPanics(t *testing.T) {
	t.Parallel()
	ways := []string{exposed}
	for how := range panics {
		ways = append(ways, how)
	}
	for _, how := range ways {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			canaries := NewCanaries()
			value := []byte(canaries.Text(t, "value"))
			canaries.Add("value in hex", fmt.Appendf(nil, "%x", value)) // as it is drawn
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPanicInAProcess$")
			cmd.Env = append(os.Environ(), panicVariable+"="+how, "GOTRACEBACK=system")
			cmd.Stdin = bytes.NewReader(value)
			out, err := cmd.CombinedOutput()
			if err == nil || !regexp.MustCompile(`(?m)^panic: `).Match(out) || !strings.Contains(string(out), "goroutine ") {
				t.Fatalf("no panic: %v\n%s", err, out)
			}
			if leaked := len(canaries.Scan("output", out)) > 0; leaked != (how == exposed) {
				t.Errorf("the output shows the value: %t", leaked)
			}
		})
	}
}

// TestPanicValues looks at what the provider's own code panics with: an error or a text, never a structure that Go would
// print field by field, and never a request.
func TestPanicValues(t *testing.T) {
	t.Parallel()
	call := regexp.MustCompile(`\bpanic\((.*)\)`)
	harmless := regexp.MustCompile(`^(?:err|"[^"]*"|fmt\.Sprintf\("[^"%]*%T[^"%]*", \w+\))$`)
	for _, pkg := range []string{"app", "clock", "deploy", "gcp", "kube", "names", "provider", "render/*", "resources/*", "secret", "sessionkey", "tf"} {
		for _, text := range goSources(t, pkg) {
			for _, found := range call.FindAllStringSubmatch(text, -1) {
				if !harmless.MatchString(found[1]) {
					t.Errorf("in %s: %s: its output is not known to hold no secret", pkg, found[0])
				}
			}
		}
	}
}
