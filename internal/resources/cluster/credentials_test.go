package cluster_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

const credentialsNoun = "twelvefactor_cluster_credentials"

func credentialsOf(cluster string, lines ...string) string {
	return fmt.Sprintf("ephemeral %q \"it\" {\n  cluster = %s\n  %s\n}\n", credentialsNoun, cluster, strings.Join(lines, "\n  "))
}

// seen is a check of what another provider was configured with.
func seen(attribute string, check func(string) error) statecheck.StateCheck {
	path := tfjsonpath.New("data").AtMapKey(attribute)
	return statecheck.ExpectKnownValue(acctest.EchoAddress, path, knownvalue.StringFunc(check))
}

// Another provider gets what it needs to reach the real Kubernetes behind the cluster, and nothing else is needed.
func TestCredentialsOpenTheKubernetesAPI(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		shared, cluster := acctest.SharedCluster(t, acctest.WithBinary(env.Binary))
		config := rest.Config{}
		keep := func(into *string) func(string) error {
			return func(value string) error { *into = value; return nil }
		}
		var authority string
		shared.Test(t, resource.TestCase{
			ProtoV6ProviderFactories: acctest.EchoFactories(),
			Steps: []resource.TestStep{{
				Config: shared.ConfigWithEcho("ephemeral."+credentialsNoun+".it", credentialsOf(fmt.Sprintf("%q", cluster))),
				ConfigStateChecks: []statecheck.StateCheck{
					seen("host", keep(&config.Host)), seen("token", keep(&config.BearerToken)), seen("cluster_ca_certificate", keep(&authority)),
					statecheck.ExpectKnownValue(acctest.EchoAddress, tfjsonpath.New("data").AtMapKey("expires_at"), knownvalue.Null()),
				},
			}},
		})
		config.CAData = []byte(authority)
		if !strings.HasPrefix(config.Host, "https://") {
			t.Fatalf("host is %q", config.Host)
		}
		client, err := kubernetes.NewForConfig(&config)
		if err != nil {
			t.Fatal(err)
		}
		namespaces, err := client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
		if err != nil || len(namespaces.Items) == 0 {
			t.Errorf("the cluster was not reached: %v", err)
		}
		config.BearerToken = ""
		config.CAData = nil
		if client, err = kubernetes.NewForConfig(&config); err != nil {
			t.Fatal(err)
		}
		if _, err = client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{}); err == nil {
			t.Error("the cluster is open to everybody: the test shows nothing")
		}
	})
}

// The cluster is made in the same apply: nothing is opened at plan time, and what is opened then has an address.
func TestCredentialsOfAClusterMadeInTheSameApply(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		config := env.ConfigWithEcho("ephemeral."+credentialsNoun+".it", cluster(), credentialsOf(address+".id"))
		env.Test(t, resource.TestCase{
			ProtoV6ProviderFactories: acctest.EchoFactories(),
			Steps: []resource.TestStep{
				{
					Config:           config,
					ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionCreate),
					ConfigStateChecks: []statecheck.StateCheck{
						seen("host", func(host string) error {
							if want := "https://" + liveCluster(t, env).GetEndpoint(); host != want || host == "https://" {
								return fmt.Errorf("host is %q, want %q", host, want)
							}
							return nil
						}),
						seen("cluster_ca_certificate", func(text string) error {
							block, rest := pem.Decode([]byte(text))
							if block == nil || len(rest) > 0 {
								return errors.New("that is not one PEM block")
							}
							_, err := x509.ParseCertificate(block.Bytes)
							return err
						}),
					},
				},
				{Config: config, ConfigPlanChecks: acctest.NoChanges()},
				{Config: config, Destroy: true},
			},
		})
	})
}

// The token is the provider's own. It is in nothing that the command leaves behind: state, plan file, outputs, traces.
func TestCredentialsLeaveNoToken(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		canaries := acctest.NewCanaries()
		token := canaries.Text(t, "access token")
		cli := env.As(t, acctest.WithAccessToken(token)).CLI(t, "TF_LOG=TRACE", "TF_LOG_PATH=trace.log")
		handed := `provider "twelvefactor" {
  alias        = "handed"
  access_token = ephemeral.` + credentialsNoun + `.it.token
}

data "twelvefactor_cluster" "seen" {
  provider = twelvefactor.handed
  id       = ` + address + `.id
}
`
		cli.Write(t, "main.tf", env.Config(cluster(), credentialsOf(address+".id"), handed))
		runs := []acctest.Result{
			cli.MustRun(t, "plan", "-no-color", "-input=false", "-out=plan.bin"),
			cli.MustRun(t, "apply", "-no-color", "-input=false", "plan.bin"),
			cli.MustRun(t, "plan", "-no-color", "-input=false", "-detailed-exitcode", "-out=again.bin"),
			cli.MustRun(t, "show", "-json"),
			cli.MustRun(t, "show", "-json", "again.bin"),
			cli.MustRun(t, "destroy", "-no-color", "-auto-approve"),
		}
		canaries.CheckRun(t, cli, runs...)
		if strings.Contains(runs[3].Stdout, "ephemeral") {
			t.Error("the state knows of the ephemeral resource")
		}
		if err := env.CheckNothingLeft(); err != nil {
			t.Error(err)
		}
	})
}

// After an interrupted create the state has the id of a cluster that GKE still makes. The plan of the next apply waits
// for it: an error there would block the very apply that goes on.
func TestCredentialsDoNotBlockTheApplyAfterAnInterrupt(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		cli := env.CLI(t)
		handed := "provider \"twelvefactor\" {\n  alias = \"handed\"\n  access_token = ephemeral." + credentialsNoun + ".it.token\n}\n"
		data := "data \"twelvefactor_cluster\" \"seen\" {\n  provider = twelvefactor.handed\n  id = " + address + ".id\n}\n"
		cli.Write(t, "main.tf", env.Config(cluster(), credentialsOf(address+".id"), handed, data))
		run := cli.Start(t, "apply", "-auto-approve", "-no-color")
		env.WaitForCall(t, "CreateCluster", 1)
		run.Interrupt(t)
		run.Wait(t)
		if shown := cli.MustRun(t, "state", "show", "-no-color", address).Stdout; !strings.Contains(shown, `"creating"`) {
			t.Fatalf("the cluster is not unfinished:\n%s", shown)
		}
		cli.MustRun(t, "apply", "-auto-approve", "-no-color")
		cli.MustRun(t, "plan", "-detailed-exitcode", "-no-color")
		env.CheckEffects(t, "CreateCluster", 1)
	}, acctest.WithOperationTime(longOperation))
}
