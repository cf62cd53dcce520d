package fakegcp_test

import (
	"errors"
	"testing"
	"time"

	"google.golang.org/api/cloudbilling/v1"
	"google.golang.org/api/cloudresourcemanager/v1"
	containerapi "google.golang.org/api/container/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iam/v1"
	"google.golang.org/api/option"
)

// The clients that are generated from Google's discovery documents, over REST, in the way that hashicorp/google calls them:
// which method, which fields are there although they are zero, what is read back. Its source: google/services.

// discovery is a fake with the options of such a client.
type discovery struct {
	*cloud
	options []option.ClientOption
}

func startDiscovery(t *testing.T) *discovery {
	t.Helper()
	c := start(t)
	return &discovery{cloud: c, options: []option.ClientOption{option.WithEndpoint("http://" + c.Addr() + "/"), option.WithoutAuthentication()}}
}

// wantHTTP checks the status of an error that a client of this kind returns.
func wantHTTP(t *testing.T, err error, code int) {
	t.Helper()
	if e := new(googleapi.Error); !errors.As(err, &e) || e.Code != code {
		t.Errorf("got %v, want an HTTP status %d", err, code)
	}
}

// clusters is the container client and its clusters.
func (d *discovery) clusters() *containerapi.ProjectsLocationsClustersService {
	d.t.Helper()
	service, err := containerapi.NewService(d.ctx(), d.options...)
	must(d.t, err)
	return service.Projects.Locations.Clusters
}

// ended waits for a container operation as the provider does: by its short name, until its status is DONE.
func (d *discovery) ended(op *containerapi.Operation, err error) {
	d.t.Helper()
	must(d.t, err)
	service, err := containerapi.NewService(d.ctx(), d.options...)
	must(d.t, err)
	d.Advance(5 * time.Minute)
	now, err := service.Projects.Locations.Operations.Get(location + "/operations/" + op.Name).Do()
	must(d.t, err)
	if now.Status != "DONE" || now.StatusMessage != "" {
		d.t.Fatalf("operation %s %s: %q", now.OperationType, now.Status, now.StatusMessage)
	}
}

// bare is a cluster that only exists to have node pools of its own resources.
func bare() *containerapi.Cluster {
	return &containerapi.Cluster{
		Name: "dev", InitialNodeCount: 1,
		LegacyAbac:             &containerapi.LegacyAbac{ForceSendFields: []string{"Enabled"}},
		Autopilot:              &containerapi.Autopilot{ForceSendFields: []string{"Enabled"}},
		ShieldedNodes:          &containerapi.ShieldedNodes{Enabled: true, ForceSendFields: []string{"Enabled"}},
		NetworkConfig:          &containerapi.NetworkConfig{},
		NodeConfig:             &containerapi.NodeConfig{},
		Network:                "projects/acme-dev/global/networks/default",
		ReleaseChannel:         &containerapi.ReleaseChannel{Channel: "REGULAR"},
		ResourceLabels:         map[string]string{"team": "shop"},
		WorkloadIdentityConfig: &containerapi.WorkloadIdentityConfig{WorkloadPool: "acme-dev.svc.id.goog"},
	}
}

func TestDiscoveryClusterWithoutItsDefaultPool(t *testing.T) {
	d := startDiscovery(t)
	clusters := d.clusters()
	d.ended(clusters.Create(location, &containerapi.CreateClusterRequest{Cluster: bare()}).Do())
	d.ended(clusters.NodePools.Delete(devCluster + "/nodePools/default-pool").Do())

	c, err := clusters.Get(devCluster).Do()
	must(t, err)
	switch {
	case c.Status != "RUNNING", len(c.NodePools) != 0, c.CurrentNodeCount != 0:
		t.Errorf("%s with %d pools and %d nodes", c.Status, len(c.NodePools), c.CurrentNodeCount)
	case c.LegacyAbac == nil, c.NetworkConfig == nil, c.IpAllocationPolicy == nil, !c.IpAllocationPolicy.UseIpAliases, c.ControlPlaneEndpointsConfig.IpEndpointsConfig == nil:
		t.Error("a block is missing that the provider reads without looking")
	case !c.ControlPlaneEndpointsConfig.IpEndpointsConfig.EnablePublicEndpoint, c.NetworkConfig.InTransitEncryptionConfig != "":
		t.Error("a default differs from the provider's, which would plan a change for ever")
	}

	d.ended(clusters.SetResourceLabels(devCluster, &containerapi.SetLabelsRequest{
		ResourceLabels: map[string]string{"team": "pay"}, LabelFingerprint: c.LabelFingerprint,
	}).Do())
	d.ended(clusters.Delete(devCluster).Do())
	_, err = clusters.Get(devCluster).Do()
	wantHTTP(t, err, 404)
}

// spotPoolOf is a pool with the zeros that the provider sends.
func spotPoolOf(nodes int64) *containerapi.NodePool {
	return &containerapi.NodePool{
		Name: "workers", InitialNodeCount: nodes,
		Config: &containerapi.NodeConfig{
			MachineType: "e2-standard-2", Spot: true, OauthScopes: []string{"https://www.googleapis.com/auth/cloud-platform"},
			Labels:                 map[string]string{"class": "spot"},
			Taints:                 []*containerapi.NodeTaint{{Key: "spot", Value: "yes", Effect: "NO_SCHEDULE"}},
			WorkloadMetadataConfig: &containerapi.WorkloadMetadataConfig{Mode: "GKE_METADATA"},
		},
		NetworkConfig: &containerapi.NodeNetworkConfig{},
		Autoscaling: &containerapi.NodePoolAutoscaling{
			Enabled: true, MaxNodeCount: 3,
			ForceSendFields: []string{"MinNodeCount", "MaxNodeCount", "TotalMinNodeCount", "TotalMaxNodeCount"},
		},
		Management:      &containerapi.NodeManagement{AutoRepair: true, AutoUpgrade: true},
		UpgradeSettings: &containerapi.UpgradeSettings{Strategy: "SURGE", MaxSurge: 1},
	}
}

func TestDiscoveryNodePool(t *testing.T) {
	d := startDiscovery(t)
	clusters, name := d.clusters(), devCluster+"/nodePools/workers"
	d.ended(clusters.Create(location, &containerapi.CreateClusterRequest{Cluster: bare()}).Do())
	_, err := clusters.NodePools.Get(name).Do()
	wantHTTP(t, err, 404)
	d.ended(clusters.NodePools.Create(devCluster, &containerapi.CreateNodePoolRequest{NodePool: spotPoolOf(1)}).Do())

	read := func() *containerapi.NodePool {
		t.Helper()
		list, err := clusters.NodePools.List(devCluster).Do()
		must(t, err)
		for _, p := range list.NodePools {
			if p.Name == "workers" {
				return p
			}
		}
		t.Fatal("the pool is not in the list")
		return nil
	}
	p := read()
	if a := p.Autoscaling; !a.Enabled || a.MaxNodeCount != 3 || p.Status != "RUNNING" || !p.Config.Spot {
		t.Errorf("new pool %s, autoscaling %+v", p.Status, a)
	}

	update := &containerapi.ClusterUpdate{DesiredNodePoolId: "workers", DesiredNodePoolAutoscaling: &containerapi.NodePoolAutoscaling{
		Enabled: true, MaxNodeCount: 5, LocationPolicy: "ANY", ForceSendFields: []string{"MinNodeCount", "TotalMinNodeCount"},
	}}
	d.ended(clusters.Update(devCluster, &containerapi.UpdateClusterRequest{Update: update}).Do())
	if p := read(); p.Autoscaling.MaxNodeCount != 5 || p.InitialNodeCount != 1 {
		t.Errorf("after an update through the cluster: %+v", p.Autoscaling)
	}

	d.ended(clusters.NodePools.Update(name, &containerapi.UpdateNodePoolRequest{
		NodePoolId: "workers", Labels: &containerapi.NodeLabels{Labels: map[string]string{"class": "cheap"}},
	}).Do())
	d.ended(clusters.NodePools.Update(name, &containerapi.UpdateNodePoolRequest{
		UpgradeSettings: &containerapi.UpgradeSettings{Strategy: "SURGE", MaxSurge: 2},
	}).Do())
	d.ended(clusters.NodePools.SetManagement(name, &containerapi.SetNodePoolManagementRequest{
		Management: &containerapi.NodeManagement{AutoUpgrade: true, AutoRepair: true, ForceSendFields: []string{"AutoRepair", "AutoUpgrade"}},
	}).Do())
	if p := read(); p.Config.Labels["class"] != "cheap" || len(p.Config.Taints) != 1 || p.UpgradeSettings.MaxSurge != 2 {
		t.Errorf("after updates: %+v, %+v", p.Config, p.UpgradeSettings)
	}
	d.ended(clusters.NodePools.Delete(name).Do())
	_, err = clusters.NodePools.Get(name).Do()
	wantHTTP(t, err, 404)
}

func TestDiscoveryServiceAccount(t *testing.T) {
	d := startDiscovery(t)
	d.ended(d.clusters().Create(location, &containerapi.CreateClusterRequest{Cluster: bare()}).Do()) // the identity pool comes with it
	service, err := iam.NewService(d.ctx(), d.options...)
	must(t, err)
	accounts := service.Projects.ServiceAccounts
	a, err := accounts.Create(project, &iam.CreateServiceAccountRequest{AccountId: "app-runner", ServiceAccount: &iam.ServiceAccount{DisplayName: "App"}}).Do()
	must(t, err)
	_, err = accounts.Patch(a.Name, &iam.PatchServiceAccountRequest{
		UpdateMask:     "display_name,description",
		ServiceAccount: &iam.ServiceAccount{DisplayName: "Shop", Etag: a.Etag, ForceSendFields: []string{"Description"}},
	}).Do()
	must(t, err)
	if got, err := accounts.Get(a.Name).Do(); err != nil || got.DisplayName != "Shop" || got.Email != a.Email {
		t.Errorf("after a patch: %+v %v", got, err)
	}

	p, err := accounts.GetIamPolicy(a.Name).OptionsRequestedPolicyVersion(3).Do()
	must(t, err)
	p.Version = 3
	p.Bindings = append(p.Bindings, &iam.Binding{Role: "roles/iam.workloadIdentityUser", Members: []string{"serviceAccount:acme-dev.svc.id.goog[shop/web]"}})
	_, err = accounts.SetIamPolicy(a.Name, &iam.SetIamPolicyRequest{Policy: p}).Do()
	must(t, err)
	if p, err := accounts.GetIamPolicy(a.Name).OptionsRequestedPolicyVersion(3).Do(); err != nil || len(p.Bindings) != 1 {
		t.Errorf("policy %+v %v", p, err)
	}
	_, err = accounts.Delete(a.Name).Do()
	must(t, err)
	_, err = accounts.Get(a.Name).Do()
	wantHTTP(t, err, 404)
}

func TestDiscoveryProjectPolicy(t *testing.T) {
	d := startDiscovery(t)
	d.account("app-runner")
	service, err := cloudresourcemanager.NewService(d.ctx(), d.options...)
	must(t, err)
	if p, err := service.Projects.Get("acme-dev").Do(); err != nil || p.ProjectNumber != 123456789012 {
		t.Errorf("project %+v %v", p, err)
	}
	billing, err := cloudbilling.NewService(d.ctx(), d.options...)
	must(t, err)
	if b, err := billing.Projects.GetBillingInfo(project).Do(); err != nil || b.ProjectId != "acme-dev" || b.BillingAccountName != "" {
		t.Errorf("billing %+v %v", b, err)
	}
	_, err = billing.Projects.GetBillingInfo("projects/none-such").Do()
	wantHTTP(t, err, 403)
	_, err = billing.Projects.UpdateBillingInfo(project, &cloudbilling.ProjectBillingInfo{}).Do()
	wantHTTP(t, err, 501)
	asked := &cloudresourcemanager.GetIamPolicyRequest{Options: &cloudresourcemanager.GetPolicyOptions{RequestedPolicyVersion: 3}}
	p, err := service.Projects.GetIamPolicy("acme-dev", asked).Do()
	must(t, err)
	member, before := "serviceAccount:app-runner@acme-dev.iam.gserviceaccount.com", len(p.Bindings)
	p.Version = 3
	p.Bindings = append(p.Bindings,
		&cloudresourcemanager.Binding{Role: "roles/logging.logWriter", Members: []string{member}},
		&cloudresourcemanager.Binding{Role: "roles/logging.logWriter", Members: []string{member}, Condition: &cloudresourcemanager.Expr{
			Title: "until", Expression: `request.time < timestamp("2027-01-01T00:00:00Z")`,
		}})
	_, err = service.Projects.SetIamPolicy("acme-dev", &cloudresourcemanager.SetIamPolicyRequest{Policy: p, UpdateMask: "bindings,etag,auditConfigs"}).Do()
	must(t, err)
	now, err := service.Projects.GetIamPolicy("acme-dev", asked).Do()
	must(t, err)
	if len(now.Bindings) != before+2 || now.Etag == p.Etag {
		t.Errorf("%d bindings, want %d; etag %q", len(now.Bindings), before+2, now.Etag)
	}
	_, err = service.Projects.SetIamPolicy("acme-dev", &cloudresourcemanager.SetIamPolicyRequest{Policy: p, UpdateMask: "bindings,etag,auditConfigs"}).Do()
	wantHTTP(t, err, 409)
}

// The provider tries again when, and only when, an error of status 400 has this reason (google/tpgresource,
// IsFailedPreconditionError).
func TestDiscoveryIncompatibleOperation(t *testing.T) {
	d := startDiscovery(t)
	clusters := d.clusters()
	running, err := clusters.Create(location, &containerapi.CreateClusterRequest{Cluster: bare()}).Do()
	must(t, err)
	_, err = clusters.NodePools.Create(devCluster, &containerapi.CreateNodePoolRequest{NodePool: spotPoolOf(1)}).Do()
	wantHTTP(t, err, 400)
	if e := new(googleapi.Error); !errors.As(err, &e) || len(e.Errors) != 1 || e.Errors[0].Reason != "failedPrecondition" {
		t.Errorf("while the cluster is made: %v", err)
	}
	d.ended(running, nil)
	d.ended(clusters.NodePools.Create(devCluster, &containerapi.CreateNodePoolRequest{NodePool: spotPoolOf(1)}).Do())
}
