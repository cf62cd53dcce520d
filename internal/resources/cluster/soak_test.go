package cluster_test

import (
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// The plan says when a pool's soak leaves an update no time, once, and only where it changes one of the two.
func TestClusterPlanSaysThatASoakTakesTooLong(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	cli := env.CLI(t)
	soaks := func(machine, upgrade string, changes ...change) string {
		return env.Config(cluster(append(changes, pool("spot", ""),
			pool("base", `machine_type = "`+machine+`", min_nodes = 1, max_nodes = 2, upgrade = { `+upgrade+` }`))...))
	}
	const long = `blue_green = { batch_percent = 25, batch_soak = "10m", soak = "2h" }`
	said := func(config string) int {
		cli.Write(t, "main.tf", config)
		output := cli.MustRun(t, "plan", "-no-color").Output()
		n := strings.Count(output, "soaks for as long as an update may take")
		if n > 0 && !wrapped(`alone take 2h40m0s. The apply that asks for that waits at most 1h0m0s (timeouts.update)`).MatchString(output) ||
			n > 0 && !wrapped(`timeouts = { update = "4h" }`).MatchString(output) {
			t.Errorf("the plan says:\n%s", output)
		}
		return n
	}
	for _, step := range []struct {
		name, config string
		want         int
	}{
		{"a soak within an hour", soaks("e2-standard-2", `blue_green = { batch_nodes = 1, soak = "50m" }`), 0},
		{"no blue-green", soaks("e2-standard-2", `max_surge = 2`), 0},
		{"more time", soaks("e2-standard-2", long, set("timeouts", `{ update = "4h" }`)), 0},
		{"a create", soaks("e2-standard-2", long), 1},
	} {
		if got := said(step.config); got != step.want {
			t.Errorf("%s: said %d times, want %d", step.name, got, step.want)
		}
	}
	cli.Write(t, "main.tf", soaks("e2-standard-2", long))
	cli.MustRun(t, "apply", "-auto-approve")
	for name, config := range map[string]string{
		"nothing changes":  soaks("e2-standard-2", long),
		"something else":   soaks("e2-standard-2", long, set("labels", `{ team = "shop" }`)),
		"machines, in 4 h": soaks("e2-standard-8", long, set("timeouts", `{ update = "4h" }`)),
	} {
		if got := said(config); got != 0 {
			t.Errorf("%s: said %d times", name, got)
		}
	}
	if got := said(soaks("e2-standard-8", long)); got != 1 {
		t.Errorf("new machines: said %d times", got)
	}
}
