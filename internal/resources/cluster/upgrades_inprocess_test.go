package cluster_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// pair is a production cluster that waits for a development cluster which has been upgraded and soaked for soaked.
type pair struct {
	env      *acctest.Env
	provider *acctest.InProcess
	config   acctest.Attributes
	state    *acctest.State
}

func newPair(t *testing.T, soaked time.Duration, more acctest.Attributes) *pair {
	t.Helper()
	env := acctest.New(t)
	p := &pair{env: env, provider: env.InProcess(t, "twelvefactor_cluster")}
	settled(t, env, p.provider, declaredCluster("", nil))
	p.config = declaredCluster("", nil)
	p.config["name"] = "prod"
	p.config["upgrade_after"] = acctest.Attributes{"cluster": clusterID, "soak": "168h"}
	maps.Copy(p.config, more)
	p.state = p.apply(t, p.plan(t))
	olderVersions(t, env, clusterID, prodID)
	gkeUpgrades(t, env, clusterID, "base", "spot")
	env.Fake.Advance(soaked)
	p.read(t)
	return p
}

// read refreshes, and gives the warnings.
func (p *pair) read(t *testing.T) string {
	t.Helper()
	state, diagnostics := p.provider.Read(t, p.state)
	if state == nil {
		t.Fatalf("the cluster is gone: %s", acctest.DiagnosticsText(diagnostics))
	}
	p.state = state
	return acctest.DiagnosticsText(diagnostics)
}

func (p *pair) plan(t *testing.T) *acctest.Plan {
	t.Helper()
	plan, diagnostics := p.provider.Plan(t, p.state, p.config)
	if plan == nil {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	return plan
}

func (p *pair) apply(t *testing.T, plan *acctest.Plan) *acctest.State {
	t.Helper()
	state, diagnostics := p.provider.Apply(t, plan)
	if text := acctest.DiagnosticsText(diagnostics); text != "" {
		t.Fatal(text)
	}
	return state
}

func (p *pair) check(t *testing.T, held bool, due string) {
	t.Helper()
	var isHeld bool
	var isDue *string
	if err := p.state.Attribute(t, "upgrades", "held").As(&isHeld); err != nil {
		t.Fatal(err)
	}
	if err := p.state.Attribute(t, "upgrades", "due").As(&isDue); err != nil {
		t.Fatal(err)
	}
	if isDue == nil {
		isDue = new(string)
	}
	if isHeld != held || *isDue != due {
		t.Errorf("held %t, due %q; want %t, %q", isHeld, *isDue, held, due)
	}
	if live := exclusionOf(t, p.env, prodID) != nil; live != held {
		t.Errorf("the exclusion is there: %t; want %t", live, held)
	}
	if p.plan(t).Empty() != (due == "") {
		t.Errorf("the plan is empty: %t, and %q is due", due != "", due)
	}
}

// What cannot be read keeps the hold, and says so.
func TestClusterUpgradesWithoutTheOtherCluster(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		fault fakegcp.Fault
		says  string
	}{
		"permission denied":        {fakegcp.Fault{Method: "GetCluster", Resource: clusterID, Code: codes.PermissionDenied}, "container.clusters.get"},
		"gone":                     {fakegcp.Fault{Method: "GetCluster", Resource: clusterID, Code: codes.NotFound}, "does not exist"},
		"upgrade information":      {fakegcp.Fault{Method: "FetchClusterUpgradeInfo", Resource: clusterID, Code: codes.PermissionDenied}, "cannot be read"},
		"information of its nodes": {fakegcp.Fault{Method: "FetchNodePoolUpgradeInfo", Resource: clusterID, Code: codes.PermissionDenied}, "cannot be read"},
		"own upgrade information":  {fakegcp.Fault{Method: "FetchClusterUpgradeInfo", Resource: prodID, Code: codes.PermissionDenied}, "could not be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, 200*time.Hour, nil)
			p.check(t, true, "lift")
			if err := p.env.Fake.Inject(row.fault); err != nil {
				t.Fatal(err)
			}
			warning := p.read(t)
			p.check(t, true, "")
			if !strings.Contains(warning, "WARNING") || !strings.Contains(warning, row.says) {
				t.Errorf("diagnostics %q, want a warning with %q", warning, row.says)
			}
			if before := warning; p.read(t) != before {
				t.Error("the next refresh says something else")
			}
		})
	}
}

// Hours may pass between a plan and its apply: the apply does what the plan showed, and the next refresh looks again.
func TestClusterUpgradesAreAppliedAsPlanned(t *testing.T) {
	t.Parallel()
	p := newPair(t, 200*time.Hour, nil)
	p.check(t, true, "lift")
	plan := p.plan(t)
	olderVersions(t, p.env, clusterID) // development goes back
	p.env.Fake.Advance(10 * time.Hour)
	p.state = p.apply(t, plan)
	if exclusionOf(t, p.env, prodID) != nil {
		t.Error("the planned lift was not applied")
	}
	p.read(t)
	p.check(t, false, "hold")
}

// A plan needs no permission to change anything, here or there.
func TestClusterUpgradesArePlannedWithReadOnlyCredentials(t *testing.T) {
	t.Parallel()
	p := newPair(t, 200*time.Hour, nil)
	reader := p.env.As(t, acctest.WithAccessToken(acctest.ReadOnlyToken)).InProcess(t, "twelvefactor_cluster")
	state, diagnostics := reader.Read(t, p.state)
	if text := acctest.DiagnosticsText(diagnostics); text != "" {
		t.Fatal(text)
	}
	plan, diagnostics := reader.Plan(t, state, p.config)
	if text := acctest.DiagnosticsText(diagnostics); text != "" || plan.Empty() {
		t.Errorf("plan: %s", text)
	}
}

// What people do to the exclusion is seen and put right; what they put beside it stays.
func TestClusterUpgradesDrift(t *testing.T) {
	t.Parallel()
	p := newPair(t, time.Hour, acctest.Attributes{"maintenance": acctest.Attributes{"exclusions": map[string]acctest.Attributes{"freeze": freeze}}})
	p.check(t, true, "")
	change := func(f func(map[string]*containerpb.TimeWindow)) {
		err := p.env.Fake.UpdateCluster(prodID, func(c *containerpb.Cluster) {
			f(c.GetMaintenancePolicy().GetWindow().GetMaintenanceExclusions())
		})
		if err != nil {
			t.Fatal(err)
		}
		p.read(t)
	}
	repair := func() {
		since := len(p.env.Fake.Journal())
		p.state = p.apply(t, p.plan(t))
		if calls := mutatingSince(p.env, since); len(calls) != 1 || calls[0] != "SetMaintenancePolicy" {
			t.Errorf("calls %q, want one SetMaintenancePolicy", calls)
		}
		p.read(t)
		p.check(t, true, "")
		if e := exclusionOf(t, p.env, prodID); e.GetEndTime() != nil || e.GetMaintenanceExclusionOptions().GetScope() != containerpb.MaintenanceExclusionOptions_NO_MINOR_OR_NODE_UPGRADES {
			t.Errorf("exclusion %v", e)
		}
	}
	change(func(all map[string]*containerpb.TimeWindow) { delete(all, exclusion) })
	p.check(t, false, "hold")
	repair()
	change(func(all map[string]*containerpb.TimeWindow) {
		all[exclusion].EndTime = timestamppb.New(p.env.Fake.Now().AddDate(0, 1, 0))
		all[exclusion].GetMaintenanceExclusionOptions().EndTimeBehavior = containerpb.MaintenanceExclusionOptions_END_TIME_BEHAVIOR_UNSPECIFIED
	})
	p.check(t, true, "renew")
	repair()
	var names []string
	change(func(all map[string]*containerpb.TimeWindow) {
		for name := range all {
			names = append(names, name)
		}
	})
	if len(names) != 2 {
		t.Errorf("exclusions %q, want ours and freeze", names)
	}
}

// A new rule begins with a hold; only the next refresh knows more. It needs no call where upgrades are held already.
func TestClusterUpgradeRule(t *testing.T) {
	t.Parallel()
	p := newPair(t, 100*time.Hour, nil)
	for _, change := range []struct {
		rule acctest.Attributes
		due  string
	}{
		{acctest.Attributes{"cluster": clusterID, "soak": "90h"}, "lift"},
		{acctest.Attributes{"cluster": clusterID, "soak": "90h", "granularity": "minor"}, "lift"},
		{acctest.Attributes{"cluster": clusterID, "soak": "200h"}, ""},
	} {
		p.config["upgrade_after"] = change.rule
		since := len(p.env.Fake.Journal())
		p.state = p.apply(t, p.plan(t))
		if calls := mutatingSince(p.env, since); len(calls) > 0 {
			t.Errorf("rule %v took %q", change.rule, calls)
		}
		p.read(t)
		p.check(t, true, change.due)
	}
}

// An exclusion that nobody declares any more is shown and removed; one that is declared is taken over as it is.
func TestClusterUpgradesImport(t *testing.T) {
	t.Parallel()
	p := newPair(t, time.Hour, nil)
	state, diagnostics := p.provider.Import(t, prodID, nil)
	if state == nil {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	p.state = state
	p.read(t)
	since := len(p.env.Fake.Journal())
	p.state = p.apply(t, p.plan(t))
	if calls := mutatingSince(p.env, since); len(calls) > 0 {
		t.Errorf("taking the rule over took %q", calls)
	}
	p.read(t)
	p.check(t, true, "")

	p.config["upgrade_after"] = nil
	p.state = state
	p.read(t)
	since = len(p.env.Fake.Journal())
	p.state = p.apply(t, p.plan(t))
	if calls := mutatingSince(p.env, since); len(calls) != 1 || exclusionOf(t, p.env, prodID) != nil {
		t.Errorf("removing the rest of a rule took %q", calls)
	}
}

// An older cluster in no release channel cannot be held. That is said, and not planned again and again.
func TestClusterUpgradesOutsideOfChannels(t *testing.T) {
	t.Parallel()
	p := newPair(t, time.Hour, nil)
	err := p.env.Fake.UpdateCluster(prodID, func(c *containerpb.Cluster) { c.ReleaseChannel, c.MaintenancePolicy = nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	state, diagnostics := p.provider.Import(t, prodID, nil)
	if state == nil {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	p.state = state
	p.read(t)
	since := len(p.env.Fake.Journal())
	p.state = p.apply(t, p.plan(t))
	if warning := p.read(t); !strings.Contains(warning, "is in no release channel") {
		t.Errorf("diagnostics %q", warning)
	}
	p.check(t, false, "")
	if calls := mutatingSince(p.env, since); len(calls) > 0 {
		t.Errorf("calls %q", calls)
	}
	p.config["release_channel"] = "regular"
	p.state = p.apply(t, p.plan(t))
	p.read(t)
	p.check(t, true, "")
}

// What has soaked was found out for the channel of before: in another one GKE wants other versions.
func TestClusterUpgradesAreHeldInANewChannel(t *testing.T) {
	t.Parallel()
	p := newPair(t, 200*time.Hour, nil)
	p.check(t, true, "lift")
	p.config["release_channel"] = "rapid"
	p.state = p.apply(t, p.plan(t))
	if exclusionOf(t, p.env, prodID) == nil {
		t.Error("the exclusion was lifted with the change of the channel")
	}
	p.read(t)
	p.check(t, true, "lift") // the next minor version is the same there
}

// Somebody else changes the policy between the look and the write: GKE refuses, and the next look settles it.
func TestClusterUpgradesMeetAnotherWriter(t *testing.T) {
	t.Parallel()
	p := newPair(t, 200*time.Hour, nil)
	err := p.env.Fake.Inject(fakegcp.Fault{Method: "SetMaintenancePolicy", Occurrence: 1, Code: codes.FailedPrecondition, Message: "out of date"})
	if err != nil {
		t.Fatal(err)
	}
	p.state = p.apply(t, p.plan(t))
	p.read(t)
	p.check(t, false, "")
}

// Two clusters of one configuration that name each other are warned about, whichever is planned first.
func TestClusterUpgradesThatWaitForEachOther(t *testing.T) {
	t.Parallel()
	provider := acctest.New(t).InProcess(t, "twelvefactor_cluster")
	waits := func(name, other string) string {
		config := declaredCluster("", nil)
		config["name"], config["upgrade_after"] = name, acctest.Attributes{"cluster": other, "soak": "168h"}
		_, diagnostics := provider.Plan(t, nil, config)
		return acctest.DiagnosticsText(diagnostics)
	}
	if text := waits("dev", prodID); text != "" {
		t.Errorf("the first: %s", text)
	}
	if text := waits("staging", clusterID); text != "" {
		t.Errorf("a chain: %s", text)
	}
	if text := waits("prod", clusterID); !strings.Contains(text, "WARNING") || !strings.Contains(text, "wait for each other") {
		t.Errorf("the second: %q", text)
	}
}

func TestClusterUpgradeAfterIsChecked(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	var many strings.Builder
	for _, letter := range strings.Split("abcdefghijklmnopqrst", "") {
		many.WriteString(letter + ` = { start = "2026-12-20T00:00:00Z", end = "2026-12-21T00:00:00Z", scope = "no_minor_upgrades" }, `)
	}
	dev := `"` + clusterID + `"`
	for name, row := range map[string]struct{ after, says string }{
		"no cluster":        {`{ soak = "168h" }`, "cluster must be set in upgrade_after"},
		"no soak":           {`{ cluster = ` + dev + ` }`, "soak must be set in upgrade_after"},
		"no id":             {`{ cluster = "dev", soak = "168h" }`, "twelvefactor_cluster.dev.id"},
		"soak in seconds":   {`{ cluster = ` + dev + `, soak = "168s" }`, "is too short"},
		"soak in days":      {`{ cluster = ` + dev + `, soak = "7d" }`, "is not a duration"},
		"itself":            {`{ cluster = "` + prodID + `", soak = "168h" }`, `Cluster "prod" waits for itself`},
		"other granularity": {`{ cluster = ` + dev + `, soak = "168h", granularity = "major" }`, "granularity"},
		"no room":           {`{ cluster = ` + dev + `, soak = "168h" }` + "\n maintenance = { exclusions = { " + many.String() + " } }", "GKE takes 20 exclusions"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env.Test(t, resource.TestCase{Steps: []resource.TestStep{
				{Config: env.Config(prod("upgrade_after = " + row.after)), PlanOnly: true, ExpectError: wrapped(row.says)},
			}})
		})
	}
}
