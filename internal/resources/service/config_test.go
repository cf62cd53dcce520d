package service_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/iam/apiv1/iampb"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

const (
	address    = "twelvefactor_service.shop"
	image      = "asia-docker.pkg.dev/acme/shop/web:1a2b3c4"
	nextImage  = "asia-docker.pkg.dev/acme/shop/web:5d6e7f8"
	runID      = "projects/acme-dev/locations/asia-northeast1/services/shop"
	ownAccount = "serviceAccount:shop-" // the beginning of the member that a service on Cloud Run runs as
)

// declared are the arguments of a service and its processes, as HCL.
type declared struct {
	label                string
	arguments, processes map[string]string
}

// change is a difference from a valid service.
type change func(*declared)

// set replaces an argument; an empty value leaves it out.
func set(name, value string) change { return func(d *declared) { d.arguments[name] = value } }

// process adds or replaces a process; "" leaves it out.
func process(name, body string) change { return func(d *declared) { d.processes[name] = body } }

// labelled gives the resource another label than shop.
func labelled(label string) change { return func(d *declared) { d.label = label } }

// onRun is the block of a service on Cloud Run.
func onRun(changes ...change) string {
	d := declared{
		label: "shop",
		arguments: map[string]string{
			"name": `"shop"`, "image": fmt.Sprintf("%q", image), "cloud_run": `{ location = "asia-northeast1" }`,
		},
		processes: map[string]string{"web": "{}"},
	}
	return d.block(changes)
}

// onGKE is the block of a service in a cluster, with a name and a namespace of the test's own.
func onGKE(env *acctest.Env, cluster string, changes ...change) string {
	d := declared{
		label: "shop",
		arguments: map[string]string{
			"name": fmt.Sprintf("%q", env.Name("shop")), "image": fmt.Sprintf("%q", image),
			"gke": fmt.Sprintf("{ cluster = %q, namespace = %q }", cluster, env.Name("web")),
		},
		processes: map[string]string{"web": "{ readiness = { tcp = true } }"}, // what nothing checks has to run for a while
	}
	return d.block(changes)
}

func (d declared) block(changes []change) string {
	for _, c := range changes {
		c(&d)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "resource \"twelvefactor_service\" %q {\n", d.label)
	writeAll(&b, "  %s = %s\n", d.arguments)
	b.WriteString("  processes = {\n")
	writeAll(&b, "    %q = %s\n", d.processes)
	b.WriteString("  }\n}\n")
	return b.String()
}

func writeAll(b *strings.Builder, format string, values map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name] != "" {
			fmt.Fprintf(b, format, name, values[name])
		}
	}
}

// sessionKey is a session key whose trigger rotates it.
func sessionKey(env *acctest.Env, trigger string) string {
	return fmt.Sprintf("resource \"twelvefactor_session_key\" \"shop\" {\n  name = %q\n  rotation_trigger = %q\n}\n", env.Name("shop-key"), trigger)
}

// withKey gives the service the session key.
var withKey = set("secrets", `{ SESSION_KEYS = twelvefactor_session_key.shop.version_id }`)

func at(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

// ready is the check that a service serves as it is declared.
func ready() []statecheck.StateCheck {
	return []statecheck.StateCheck{
		at("status", knownvalue.StringExact("ready")), at("drift", knownvalue.ListExact(nil)), at("objects", knownvalue.NotNull()),
	}
}

// wrapped matches a text that the command may have broken into lines.
func wrapped(text string) *regexp.Regexp {
	return regexp.MustCompile(regexp.MustCompile(` +`).ReplaceAllString(regexp.QuoteMeta(text), `\s+(?:[│|]\s*)?`))
}

// membersOf gives who has a role on a resource, from its policy.
func membersOf(t *testing.T, env *acctest.Env, resource, role string) []string {
	t.Helper()
	var members []string
	err := env.Fake.UpdatePolicy(resource, func(p *iampb.Policy) {
		for _, b := range p.GetBindings() {
			if b.GetRole() == role {
				members = append(members, b.GetMembers()...)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return members
}

// dropRole takes a role away from everybody on a resource.
func dropRole(t *testing.T, env *acctest.Env, resource, role string) {
	t.Helper()
	err := env.Fake.UpdatePolicy(resource, func(p *iampb.Policy) {
		p.Bindings = slices.DeleteFunc(p.Bindings, func(b *iampb.Binding) bool { return b.GetRole() == role })
	})
	if err != nil {
		t.Fatal(err)
	}
}
