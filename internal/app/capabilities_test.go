package app_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

// A runtime that does not offer something refuses it by a rule, unless the attribute is in the other runtime's block.
func TestCapabilities_everyOneIsOfferedOrRefused(t *testing.T) {
	t.Parallel()
	for _, c := range app.Capabilities {
		for _, on := range []app.Runtime{app.GKERuntime, app.CloudRunRuntime} {
			support := c.On(on)
			switch {
			case support.Offered() == (support.Not != ""):
				t.Errorf("%s on %s: as %q, not %q", c.Name(), on, support.As, support.Not)
			case support.Instead != "":
				if !slices.ContainsFunc(app.Rules, func(r app.Rule) bool { return r.ID == c.Rule && (r.On == "" || r.On == on) }) {
					t.Errorf("%s is not to be had on %s, and no rule %q refuses it there", c.Name(), on, c.Rule)
				}
			}
		}
		if c.GKE.Offered() && c.CloudRun.Offered() && c.Rule != "" {
			t.Errorf("%s: rule %s has nothing to refuse", c.Name(), c.Rule)
		}
	}
}

var update = flag.Bool("update", false, "write the table of capabilities into its guide")

const (
	guide    = "../../templates/guides/runtimes.md.tmpl"
	fromHere = "<!-- the table is made from internal/app/capabilities.go by make docs -->\n"
)

// The guide's table is the one that refuses.
func TestCapabilities_guide(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(text), fromHere)
	_, tail, ended := strings.Cut(rest, "\n\n")
	if !found || !ended {
		t.Fatalf("%s has no place for the table", guide)
	}
	want := head + fromHere + app.CapabilityTable() + "\n" + tail
	switch {
	case want == string(text):
	case *update:
		if err := os.WriteFile(guide, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the table in %s is not that of the capabilities: run 'make docs'", guide)
	}
}
