package secret_test

import (
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// TestSecret_replacementIsAskedForByName refuses every change that would destroy versions at its attribute, and plans it where
// the secret is named.
func TestSecret_replacementIsAskedForByName(t *testing.T) {
	t.Parallel()
	for attribute, to := range map[string]any{
		"name": "other", "project": "acme-prod", "location": "europe-west3",
		"replicas": map[string]acctest.Attributes{"europe-west1": {}},
	} {
		t.Run(attribute, func(t *testing.T) {
			t.Parallel()
			env := acctest.New(t)
			provider := env.InProcess(t, noun)
			state := mustApply(t, provider, nil, valid(nil))
			for _, named := range []any{nil, "projects/acme-dev/secrets/another"} {
				plan, diagnostics := provider.Plan(t, state, valid(acctest.Attributes{attribute: to, "allow_replacement_of": named}))
				said := acctest.DiagnosticsText(diagnostics)
				if plan != nil || !strings.Contains(said, `AttributeName("`+attribute+`")`) || !strings.Contains(said, `allow_replacement_of = "`+id+`"`) {
					t.Errorf("with %v named: %s", named, said)
				}
			}
			named := valid(acctest.Attributes{attribute: to, "allow_replacement_of": id})
			if plan, diagnostics := provider.Plan(t, state, named); plan == nil || !plan.Replaces || !plan.Unknown(t, "version_id") {
				t.Errorf("asked for by name: %s", acctest.DiagnosticsText(diagnostics))
			}
			protected := mustApply(t, provider, state, valid(acctest.Attributes{"deletion_protection": true}))
			named["deletion_protection"] = true
			plan, diagnostics := provider.Plan(t, protected, named)
			if said := acctest.DiagnosticsText(diagnostics); plan != nil || !strings.Contains(said, "Secret is protected") {
				t.Errorf("protected: %s", said)
			}
		})
	}
}

// TestSecret_protection holds a secret back, in the plan of a command and in the apply, but not one that never had a version.
func TestSecret_protection(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, noun)
	config := valid(acctest.Attributes{"deletion_protection": true})
	must(env.Fake.Inject(fakegcp.Fault{Method: "AddSecretVersion", Code: codes.PermissionDenied}))
	plan, _ := provider.Plan(t, nil, config)
	failed, _ := provider.Apply(t, plan)
	env.Fake.ClearFaults()
	if failed == nil || !failed.Tainted {
		t.Fatal("a create without a version is not tainted")
	}
	if left, diagnostics := provider.Destroy(t, failed); left != nil {
		t.Fatalf("what never had a version is protected: %s", acctest.DiagnosticsText(diagnostics))
	}
	state := mustApply(t, provider, nil, config)
	left, diagnostics := provider.Destroy(t, state)
	if said := acctest.DiagnosticsText(diagnostics); left == nil || !strings.Contains(said, `AttributeName("deletion_protection")`) {
		t.Fatalf("destroyed: %s", said)
	}
	env.CheckEffects(t, "DeleteSecret", 1)
	state = mustApply(t, provider, state, valid(nil))
	if left, _ := provider.Destroy(t, state); left != nil {
		t.Error("not destroyed without protection")
	}
}

// TestAccSecret_protection is the same through both commands: the plan of a destroy fails already.
func TestAccSecret_protection(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		cli := env.CLI(t)
		cli.Write(t, "main.tf", env.Config(block("deletion_protection = true")))
		cli.MustRun(t, "apply", "-no-color", "-auto-approve")
		for _, args := range [][]string{{"plan", "-no-color", "-destroy"}, {"destroy", "-no-color", "-auto-approve"}} {
			if run := cli.Run(t, args...); run.Code == 0 || !strings.Contains(run.Output(), "Secret is protected") {
				t.Errorf("%v ended with %d:\n%s", args, run.Code, run.Output())
			}
		}
		cli.Write(t, "main.tf", env.Config(block(`location = "europe-west3"`)))
		if run := cli.Run(t, "plan", "-no-color"); run.Code == 0 || !strings.Contains(run.Output(), "Secret would be destroyed") {
			t.Errorf("a change of location:\n%s", run.Output())
		}
		cli.Write(t, "main.tf", env.Config(block("")))
		cli.MustRun(t, "apply", "-no-color", "-auto-approve")
		cli.Write(t, "main.tf", env.Config(block("location = \"europe-west3\"\nallow_replacement_of = \"projects/acme-dev/secrets/payments\"")))
		cli.MustRun(t, "apply", "-no-color", "-auto-approve")
		cli.MustRun(t, "plan", "-no-color", "-detailed-exitcode")
		cli.MustRun(t, "destroy", "-no-color", "-auto-approve")
		if err := env.CheckNothingLeft(); err != nil {
			t.Error(err)
		}
	})
}

// TestSecret_clock covers what the secret's own clock does: a rotation time that the server moves on is no difference, one
// that is past is caught up with, and an expired secret is made anew.
func TestSecret_clock(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, noun)
	start := env.Clock.Now().UTC().Truncate(time.Second)
	config := valid(acctest.Attributes{
		"topics":      []string{topicA},
		"rotation":    rotation(start.Add(time.Hour).Format(time.RFC3339), "2h"),
		"expire_time": start.Add(100 * time.Hour).Format(time.RFC3339),
	})
	plan, diagnostics := provider.Plan(t, nil, config)
	if said := acctest.DiagnosticsText(diagnostics); plan == nil || !strings.Contains(said, "will be deleted by Secret Manager") {
		t.Fatalf("nothing is said of the expiry: %s", said)
	}
	state, _ := provider.Apply(t, plan)
	must(env.Fake.UpdateSecret(id, func(s *secretmanagerpb.Secret) {
		s.Rotation.NextRotationTime = timestamppb.New(start.Add(7 * time.Hour)) // moved on three times
	}))
	state = settles(t, provider, state, config)
	env.Clock.Advance(50 * time.Hour)
	if left, diagnostics := provider.Destroy(t, state); left != nil {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	state = mustApplyDespite(t, provider, config) // next_time is past by now
	state = settles(t, provider, state, config)
	env.Clock.Advance(51 * time.Hour)
	if state, _ = provider.Read(t, state); state != nil && !state.Value.IsNull() {
		t.Error("an expired secret stays in the state")
	}
	plan, _ = provider.Plan(t, nil, config)
	_, diagnostics = provider.Apply(t, plan)
	if said := acctest.DiagnosticsText(diagnostics); !strings.Contains(said, "would have expired already") {
		t.Errorf("a create after the expiry: %s", said)
	}
}

// mustApplyDespite creates with a plan that warns.
func mustApplyDespite(t *testing.T, provider *acctest.InProcess, config acctest.Attributes) *acctest.State {
	t.Helper()
	plan, diagnostics := provider.Plan(t, nil, config)
	if plan == nil {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	state, diagnostics := provider.Apply(t, plan)
	if said := acctest.DiagnosticsText(diagnostics); strings.Contains(said, "ERROR") {
		t.Fatal(said)
	}
	return state
}

func TestSecret_refusesWrongSettings(t *testing.T) {
	t.Parallel()
	provider := acctest.New(t).InProcess(t, noun)
	long := map[string]string{"a": strings.Repeat("x", 9000)}
	for name, test := range map[string]struct {
		change acctest.Attributes
		path   string
		say    string
	}{
		"key in another place":       {acctest.Attributes{"kms_key": northKey + "a"}, "kms_key", "one in global"},
		"key of another region":      {acctest.Attributes{"location": "europe-west3", "kms_key": northKey + "a"}, "kms_key", "one in europe-west3"},
		"replica's key elsewhere":    {acctest.Attributes{"replicas": map[string]acctest.Attributes{"europe-west3": {"kms_key": northKey + "a"}}}, "kms_key", "europe-west3"},
		"not a key":                  {acctest.Attributes{"kms_key": "keys/a"}, "kms_key", "cryptoKeys"},
		"replicas and location":      {acctest.Attributes{"location": "europe-west3", "replicas": replicas(nil)}, "replicas", "location"},
		"replicas and key":           {acctest.Attributes{"kms_key": globalKey + "a", "replicas": replicas(nil)}, "replicas", "kms_key"},
		"no replicas":                {acctest.Attributes{"replicas": map[string]acctest.Attributes{}}, "replicas", "at least 1"},
		"replica in a zone":          {acctest.Attributes{"replicas": map[string]acctest.Attributes{"europe-west3-a": {}}}, "replicas", "zone"},
		"the provider's annotation":  {acctest.Attributes{"annotations": map[string]string{"twelvefactor-spec": "{}"}}, "annotations", "own record"},
		"annotation with a slash":    {acctest.Attributes{"annotations": map[string]string{"a/b": ""}}, "annotations", "not valid"},
		"long annotations":           {acctest.Attributes{"annotations": long}, "annotations", "9001 bytes"},
		"delay that is too short":    {acctest.Attributes{"version_destroy_ttl": "1h"}, "version_destroy_ttl", "too short"},
		"delay that is too long":     {acctest.Attributes{"version_destroy_ttl": "24001h"}, "version_destroy_ttl", "too long"},
		"delay in days":              {acctest.Attributes{"version_destroy_ttl": "7d"}, "version_destroy_ttl", "168h"},
		"topic by its last name":     {acctest.Attributes{"topics": []string{"events"}}, "topics", "projects/"},
		"eleven topics":              {acctest.Attributes{"topics": strings.Split(strings.Repeat(topicA+"x ", 10)+topicA, " ")}, "topics", ""},
		"reminders without topics":   {acctest.Attributes{"rotation": rotation(at(0), "720h")}, "rotation", "topics"},
		"reminders in a short time":  {acctest.Attributes{"topics": []string{topicA}, "rotation": rotation(at(0), "30m")}, "rotation", "too short"},
		"reminder at no time":        {acctest.Attributes{"topics": []string{topicA}, "rotation": rotation("tomorrow", nil)}, "rotation", "RFC 3339"},
		"expiry of what is to stay":  {acctest.Attributes{"expire_time": at(0), "deletion_protection": true}, "expire_time", "deletion_protection"},
		"expiry without a time zone": {acctest.Attributes{"expire_time": "2027-01-01"}, "expire_time", "RFC 3339"},
	} {
		said := acctest.DiagnosticsText(provider.Validate(t, valid(test.change)))
		if !strings.Contains(said, "ERROR") || !strings.Contains(said, `"`+test.path+`"`) || !strings.Contains(said, test.say) {
			t.Errorf("%s: want an error at %s with %q, got:\n%s", name, test.path, test.say, said)
		}
	}
}
