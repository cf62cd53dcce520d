package service_test

import (
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// runGrown is a service as it has grown over years of gcloud and console: sidecars, checks, volumes, a connector, and
// traffic on two tagged revisions.
func runGrown(t *testing.T, env *acctest.Env) {
	t.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	const old = "projects/acme-dev/secrets/legacy"
	_, err := client.Secrets().Create(t.Context(), old, &secretmanagerpb.Secret{
		Replication: &secretmanagerpb.Replication{Replication: &secretmanagerpb.Replication_Automatic_{}},
	})
	if err == nil {
		_, err = client.SecretVersions().Add(t.Context(), old, secret.FromString("hunter2-in-clear"))
	}
	must(t, err)
	policy := gcp.PolicyRef{Kind: gcp.SecretPolicy, Name: old}
	must(t, client.Policies().Add(t.Context(), policy, []gcp.Grant{
		{Role: "roles/secretmanager.secretAccessor", Member: "serviceAccount:123456789012-compute@developer.gserviceaccount.com"},
	}))
	service := &runpb.Service{
		Description: "made by hand", Labels: map[string]string{"team": "legacy"}, Annotations: map[string]string{"example.com/owner": "ops"},
		Template: &runpb.RevisionTemplate{
			Revision: "shop-one", Labels: map[string]string{"cost": "7"},
			VpcAccess: &runpb.VpcAccess{Connector: "projects/acme-dev/locations/asia-northeast1/connectors/old", Egress: runpb.VpcAccess_ALL_TRAFFIC},
			Volumes: []*runpb.Volume{
				{Name: "spool", VolumeType: &runpb.Volume_EmptyDir{EmptyDir: &runpb.EmptyDirVolumeSource{SizeLimit: "64Mi"}}},
				{Name: "keys", VolumeType: &runpb.Volume_Secret{Secret: &runpb.SecretVolumeSource{
					Secret: "legacy", Items: []*runpb.VersionToPath{{Path: "key", Version: "latest"}},
				}}},
				{Name: "assets", VolumeType: &runpb.Volume_Gcs{Gcs: &runpb.GCSVolumeSource{Bucket: "acme-assets", ReadOnly: true}}},
			},
			ExecutionEnvironment: runpb.ExecutionEnvironment_EXECUTION_ENVIRONMENT_GEN2,
			Containers: []*runpb.Container{
				{
					Name: "shop-1", Image: byHand, Ports: []*runpb.ContainerPort{{ContainerPort: 9090}}, DependsOn: []string{"proxy"},
					Env:            []*runpb.EnvVar{{Name: "LEVEL", Values: &runpb.EnvVar_Value{Value: "hunter2-in-clear"}}},
					VolumeMounts:   []*runpb.VolumeMount{{Name: "spool", MountPath: "/spool"}, {Name: "keys", MountPath: "/etc/legacy"}, {Name: "assets", MountPath: "/assets"}},
					ReadinessProbe: &runpb.Probe{ProbeType: &runpb.Probe_HttpGet{HttpGet: &runpb.HTTPGetAction{Path: "/ready", HttpHeaders: []*runpb.HTTPHeader{{Name: "X-Token", Value: "hunter2-in-clear"}}}}},
				},
				{
					Name: "proxy", Image: "proxy:3", Env: []*runpb.EnvVar{{Name: "PROXY_TOKEN", Values: &runpb.EnvVar_Value{Value: "hunter2-in-clear"}}},
					VolumeMounts: []*runpb.VolumeMount{{Name: "spool", MountPath: "/in"}},
					StartupProbe: &runpb.Probe{ProbeType: &runpb.Probe_TcpSocket{TcpSocket: &runpb.TCPSocketAction{Port: 5000}}},
				},
			},
		},
	}
	op, err := client.RunServices().Create(t.Context(), "projects/acme-dev/locations/asia-northeast1", "shop", service)
	if err == nil {
		_, err = op.Wait(t.Context())
	}
	must(t, err)
	live := liveService(t, env, runID)
	live.Template.Revision, live.Template.Containers[0].Image = "shop-two", byHand+"1"
	live.Traffic = []*runpb.TrafficTarget{
		{Type: runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION, Revision: "shop-one", Percent: 90, Tag: "stable"},
		{Type: runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION, Revision: "shop-two", Percent: 10, Tag: "next"},
	}
	op, err = client.RunServices().Update(t.Context(), live, gcp.UpdateOptions{})
	if err == nil {
		_, err = op.Wait(t.Context())
	}
	must(t, err)
}

// The plan of an adoption names all that it would take away and shows no value of it; the apply does that in place, and
// leaves what no attribute is about.
func TestAdoptionOfAGrownServiceOnCloudRun(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	runGrown(t, env)
	cli := env.CLI(t)
	block := "import {\n  to = twelvefactor_service.shop\n  id = \"" + runID + "\"\n}\n"
	config := onRun(set("config", `{ LEVEL = "info" }`))
	planned(t, cli, env.Config(block, config), []string{
		"1 to import, 0 to add, 1 to change, 0 to destroy", `"/spool" = "64Mi"`, `"/etc/legacy/key" =`, `path = "/ready"`, `execution_environment = "gen2"`,
		"template.containers[proxy]: (missing) -> present", "template.vpc_access: (missing) -> present", "template.volumes[assets]: (missing) -> present",
		"volume_mounts[/assets]: (missing) -> present", "http_headers: [] -> [{name: X-Token}]", `depends_on: [] -> [\"proxy\"]`,
		"revision: shop-one, percent: 90, tag: stable", "revision: shop-two, percent: 10, tag: next",
	}, []string{"hunter2", "must be replaced"})
	before := liveService(t, env, runID)
	cli.MustRun(t, "apply", "-auto-approve")
	after := liveService(t, env, runID)
	template := after.GetTemplate()
	if after.GetUid() != before.GetUid() || after.GetDescription() != "made by hand" || after.GetLabels()["team"] != "legacy" ||
		after.GetAnnotations()["example.com/owner"] != "ops" || template.GetLabels()["cost"] != "7" {
		t.Errorf("the service was made anew, or lost what others wrote: %v", after)
	}
	if len(template.GetContainers()) != 1 || len(template.GetVolumes()) > 0 || template.GetVpcAccess() != nil || len(after.GetTraffic()) != 1 {
		t.Errorf("adopted as %v with traffic %v", template, after.GetTraffic())
	}
	planned(t, cli, env.Config(config), []string{"No changes"}, nil)
	cli.MustRun(t, "destroy", "-auto-approve")
	if err := env.Fake.Remove("projects/acme-dev/secrets/legacy"); err != nil {
		t.Error(err)
	}
	if err := env.CheckNothingLeft(); err != nil {
		t.Error(err)
	}
}
