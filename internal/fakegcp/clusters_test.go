package fakegcp_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const devCluster = location + "/clusters/dev"

// gke is a fake with a GKE client.
type gke struct {
	*cloud
	manager containerpb.ClusterManagerClient
}

func startGKE(t *testing.T) *gke {
	t.Helper()
	c := start(t)
	return &gke{cloud: c, manager: containerpb.NewClusterManagerClient(c.conn)}
}

// declared is a cluster with an on-demand pool and a Spot pool that may be empty.
func declared(options ...func(*containerpb.Cluster)) *containerpb.Cluster {
	c := &containerpb.Cluster{
		Name:                   "dev",
		ResourceLabels:         map[string]string{"team": "shop"},
		WorkloadIdentityConfig: &containerpb.WorkloadIdentityConfig{WorkloadPool: "acme-dev.svc.id.goog"},
		NodePools:              []*containerpb.NodePool{pool("base", 1), spot("spot")},
	}
	for _, option := range options {
		option(c)
	}
	return c
}

func pool(name string, nodes int32) *containerpb.NodePool {
	return &containerpb.NodePool{
		Name: name, InitialNodeCount: nodes,
		Config: &containerpb.NodeConfig{
			MachineType:            "e2-standard-2",
			WorkloadMetadataConfig: &containerpb.WorkloadMetadataConfig{Mode: containerpb.WorkloadMetadataConfig_GKE_METADATA},
		},
	}
}

func spot(name string) *containerpb.NodePool {
	p := pool(name, 0)
	p.Config.Spot = true
	p.Autoscaling = &containerpb.NodePoolAutoscaling{Enabled: true, TotalMaxNodeCount: 10}
	return p
}

// create makes a cluster and waits for its operation.
func (g *gke) create(options ...func(*containerpb.Cluster)) *containerpb.Operation {
	g.t.Helper()
	op, err := g.manager.CreateCluster(g.ctx(), &containerpb.CreateClusterRequest{Parent: location, Cluster: declared(options...)})
	must(g.t, err)
	return g.finish(op)
}

// finish turns the clock past the longest operation.
func (g *gke) finish(op *containerpb.Operation) *containerpb.Operation {
	g.t.Helper()
	g.Advance(5 * time.Minute)
	return g.operation(op)
}

func (g *gke) operation(op *containerpb.Operation) *containerpb.Operation {
	g.t.Helper()
	now, err := g.manager.GetOperation(g.ctx(), &containerpb.GetOperationRequest{Name: location + "/operations/" + op.GetName()})
	must(g.t, err)
	return now
}

func (g *gke) cluster() *containerpb.Cluster {
	g.t.Helper()
	c, err := g.manager.GetCluster(g.ctx(), &containerpb.GetClusterRequest{Name: devCluster})
	must(g.t, err)
	return c
}

func TestClusterIsVisibleWhileItIsMade(t *testing.T) {
	g := startGKE(t)
	op, err := g.manager.CreateCluster(g.ctx(), &containerpb.CreateClusterRequest{Parent: location, Cluster: declared()})
	must(t, err)
	if op.GetStatus() != containerpb.Operation_RUNNING || op.GetZone() != "asia-northeast1" || op.GetLocation() != "" {
		t.Errorf("operation %v, want RUNNING in zone asia-northeast1 and no location", op)
	}
	if want := "https://container.googleapis.com/v1/projects/123456789012/locations/asia-northeast1/clusters/dev"; op.GetTargetLink() != want {
		t.Errorf("target %s, want %s", op.GetTargetLink(), want)
	}
	if c := g.cluster(); c.GetStatus() != containerpb.Cluster_PROVISIONING || c.GetEndpoint() != "" {
		t.Errorf("cluster is %s at %q, want PROVISIONING without an endpoint", c.GetStatus(), c.GetEndpoint())
	}
	if done := g.finish(op); done.GetStatus() != containerpb.Operation_DONE || done.GetError() != nil || done.GetEndTime() == "" {
		t.Errorf("operation %v, want DONE without an error", done)
	}
	c := g.cluster()
	if c.GetStatus() != containerpb.Cluster_RUNNING || !strings.HasPrefix(c.GetEndpoint(), "127.0.0.1:") {
		t.Errorf("cluster is %s at %q, want RUNNING at a loopback address", c.GetStatus(), c.GetEndpoint())
	}
	authority, err := base64.StdEncoding.DecodeString(c.GetMasterAuth().GetClusterCaCertificate())
	if err != nil || !strings.HasPrefix(string(authority), "-----BEGIN CERTIFICATE-----") {
		t.Errorf("the authority's certificate is %q (%v), want PEM in base64", authority, err)
	}
	if c.GetCurrentNodeCount() != 3 || !slices.Equal(c.GetLocations(), []string{"asia-northeast1-a", "asia-northeast1-b", "asia-northeast1-c"}) {
		t.Errorf("%d nodes in %v, want one in each of three zones", c.GetCurrentNodeCount(), c.GetLocations())
	}
	if c.GetNodeConfig() != nil || c.GetInitialNodeCount() != 0 {
		t.Errorf("node config %v, want none without a default pool", c.GetNodeConfig())
	}
}

func TestClusterRequestsTakeBothForms(t *testing.T) {
	g := startGKE(t)
	g.create()
	old, err := g.manager.GetCluster(g.ctx(), &containerpb.GetClusterRequest{ProjectId: "123456789012", Zone: "asia-northeast1", ClusterId: "dev"})
	must(t, err)
	if old.GetName() != "dev" {
		t.Errorf("got %q by the deprecated fields, want dev", old.GetName())
	}
	list, err := g.manager.ListClusters(g.ctx(), &containerpb.ListClustersRequest{Parent: project + "/locations/-"})
	must(t, err)
	if len(list.GetClusters()) != 1 {
		t.Errorf("%d clusters in all locations, want 1", len(list.GetClusters()))
	}
}

func TestOneOperationPerClusterAtATime(t *testing.T) {
	g := startGKE(t)
	op, err := g.manager.CreateCluster(g.ctx(), &containerpb.CreateClusterRequest{Parent: location, Cluster: declared()})
	must(t, err)
	_, err = g.manager.DeleteCluster(g.ctx(), &containerpb.DeleteClusterRequest{Name: devCluster})
	wantStatus(t, err, codes.FailedPrecondition, "Cluster is running incompatible operation "+op.GetName()+".")
	_, err = g.manager.CancelOperation(g.ctx(), &containerpb.CancelOperationRequest{Name: location + "/operations/" + op.GetName()})
	if status.Code(err) != codes.FailedPrecondition {
		t.Errorf("cancel: %v, want FAILED_PRECONDITION", err)
	}
	g.finish(op)
	first, err := g.manager.CreateNodePool(g.ctx(), &containerpb.CreateNodePoolRequest{Parent: devCluster, NodePool: pool("more", 1)})
	must(t, err)
	if first.GetStatus() != containerpb.Operation_PENDING {
		t.Errorf("pool operation is %s, want PENDING", first.GetStatus())
	}
	if c := g.cluster(); c.GetStatus() != containerpb.Cluster_RECONCILING {
		t.Errorf("cluster is %s during a pool's creation, want RECONCILING", c.GetStatus())
	}
	_, err = g.manager.CreateNodePool(g.ctx(), &containerpb.CreateNodePoolRequest{Parent: devCluster, NodePool: pool("other", 1)})
	wantStatus(t, err, codes.FailedPrecondition, "Cluster is running incompatible operation "+first.GetName()+".")
}

func TestClusterErrorsHaveTheServicesTexts(t *testing.T) {
	g := startGKE(t)
	g.create()
	_, err := g.manager.CreateCluster(g.ctx(), &containerpb.CreateClusterRequest{Parent: location, Cluster: declared()})
	wantStatus(t, err, codes.AlreadyExists, "Already exists: "+devCluster+".")
	_, err = g.manager.GetCluster(g.ctx(), &containerpb.GetClusterRequest{Name: project + "/locations/us-central1-a/clusters/none"})
	wantStatus(t, err, codes.NotFound, "Not found: projects/acme-dev/zones/us-central1-a/clusters/none.")
	_, err = g.manager.GetNodePool(g.ctx(), &containerpb.GetNodePoolRequest{Name: devCluster + "/nodePools/none"})
	wantStatus(t, err, codes.NotFound, `Not found: node pool "none" not found.`)
	_, err = g.manager.CreateNodePool(g.ctx(), &containerpb.CreateNodePoolRequest{Parent: devCluster, NodePool: pool("base", 1)})
	wantStatus(t, err, codes.AlreadyExists, "Already exists: "+devCluster+"/nodePools/base.")
	_, err = g.manager.UpdateCluster(g.ctx(), &containerpb.UpdateClusterRequest{Name: devCluster, Update: &containerpb.ClusterUpdate{}})
	wantStatus(t, err, codes.InvalidArgument, "must specify a field to update")
	_, err = g.manager.StartIPRotation(g.ctx(), &containerpb.StartIPRotationRequest{Name: devCluster})
	if status.Code(err) != codes.Unimplemented || !strings.Contains(status.Convert(err).Message(), "StartIPRotation") {
		t.Errorf("a method that is not modelled: %v, want UNIMPLEMENTED with its name", err)
	}
}

func TestClusterThatTheServiceWouldRefuse(t *testing.T) {
	for name, change := range map[string]func(*containerpb.Cluster){
		"name of 41 characters":         func(c *containerpb.Cluster) { c.Name = "a" + strings.Repeat("b", 40) },
		"name that ends with a hyphen":  func(c *containerpb.Cluster) { c.Name = "dev-" },
		"workload pool of another one":  func(c *containerpb.Cluster) { c.WorkloadIdentityConfig.WorkloadPool = "other.svc.id.goog" },
		"GKE_METADATA without identity": func(c *containerpb.Cluster) { c.WorkloadIdentityConfig = nil },
		"spot and preemptible":          func(c *containerpb.Cluster) { c.NodePools[1].Config.Preemptible = true },
		"minimum above maximum":         func(c *containerpb.Cluster) { c.NodePools[1].Autoscaling.TotalMinNodeCount = 11 },
		"bounds per zone and in total":  func(c *containerpb.Cluster) { c.NodePools[1].Autoscaling.MaxNodeCount = 1 },
		"bounds without autoscaling":    func(c *containerpb.Cluster) { c.NodePools[1].Autoscaling.Enabled = false },
		"no node at all":                func(c *containerpb.Cluster) { c.NodePools = c.NodePools[1:] },
		"no pool and no count":          func(c *containerpb.Cluster) { c.NodePools = nil },
		"pools and a count":             func(c *containerpb.Cluster) { c.InitialNodeCount = 1 },
		"two pools of one name":         func(c *containerpb.Cluster) { c.NodePools[1].Name = "base" },
		"pool name in upper case":       func(c *containerpb.Cluster) { c.NodePools[1].Name = "Spot" },
		"label in upper case":           func(c *containerpb.Cluster) { c.ResourceLabels["Team"] = "shop" },
		"reserved node label": func(c *containerpb.Cluster) {
			c.NodePools[0].Config.Labels = map[string]string{"kubernetes.io/arch": "arm"}
		},
		"taint without effect":   func(c *containerpb.Cluster) { c.NodePools[0].Config.Taints = []*containerpb.NodeTaint{{Key: "a"}} },
		"zone of another region": func(c *containerpb.Cluster) { c.NodePools[0].Locations = []string{"us-east1-b"} },
		"disk too small":         func(c *containerpb.Cluster) { c.NodePools[0].Config.DiskSizeGb = 9 },
		"version that is none":   func(c *containerpb.Cluster) { c.InitialClusterVersion = "1.3" },
		"service account that is none": func(c *containerpb.Cluster) {
			c.NodePools[0].Config.ServiceAccount = "x@acme-dev.iam.gserviceaccount.com"
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := startGKE(t)
			_, err := g.manager.CreateCluster(g.ctx(), &containerpb.CreateClusterRequest{Parent: location, Cluster: declared(change)})
			if status.Code(err) != codes.InvalidArgument {
				t.Errorf("got %v, want INVALID_ARGUMENT", err)
			}
		})
	}
}

func TestLabelsNeedTheFingerprint(t *testing.T) {
	g := startGKE(t)
	g.create()
	before := g.cluster()
	set := &containerpb.SetLabelsRequest{Name: devCluster, ResourceLabels: map[string]string{"team": "other"}, LabelFingerprint: "old"}
	if _, err := g.manager.SetLabels(g.ctx(), set); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("with an old fingerprint: %v, want FAILED_PRECONDITION", err)
	}
	set.LabelFingerprint = before.GetLabelFingerprint()
	op, err := g.manager.SetLabels(g.ctx(), set)
	must(t, err)
	g.finish(op)
	after := g.cluster()
	if after.GetResourceLabels()["team"] != "other" || after.GetLabelFingerprint() == before.GetLabelFingerprint() || after.GetEtag() == before.GetEtag() {
		t.Errorf("labels %v, want the new ones with a new fingerprint and etag", after.GetResourceLabels())
	}
}

func TestUpdateChangesOneFieldWhenItsOperationIsDone(t *testing.T) {
	g := startGKE(t)
	g.create()
	rapid := &containerpb.ReleaseChannel{Channel: containerpb.ReleaseChannel_RAPID}
	_, err := g.manager.UpdateCluster(g.ctx(), &containerpb.UpdateClusterRequest{Name: devCluster, Update: &containerpb.ClusterUpdate{
		DesiredReleaseChannel: rapid, DesiredShieldedNodes: &containerpb.ShieldedNodes{Enabled: true},
	}})
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("two fields: %v, want INVALID_ARGUMENT", err)
	}
	_, err = g.manager.UpdateCluster(g.ctx(), &containerpb.UpdateClusterRequest{Name: devCluster, Update: &containerpb.ClusterUpdate{
		DesiredReleaseChannel: rapid, Etag: "old",
	}})
	if status.Code(err) != codes.Aborted {
		t.Errorf("old etag: %v, want ABORTED", err)
	}
	op, err := g.manager.UpdateCluster(g.ctx(), &containerpb.UpdateClusterRequest{Name: devCluster, Update: &containerpb.ClusterUpdate{DesiredReleaseChannel: rapid}})
	must(t, err)
	if c := g.cluster(); c.GetReleaseChannel().GetChannel() != containerpb.ReleaseChannel_REGULAR || c.GetStatus() != containerpb.Cluster_RECONCILING {
		t.Errorf("during the operation %s on %s, want RECONCILING on REGULAR", c.GetStatus(), c.GetReleaseChannel())
	}
	g.finish(op)
	if c := g.cluster(); c.GetReleaseChannel().GetChannel() != containerpb.ReleaseChannel_RAPID || c.GetStatus() != containerpb.Cluster_RUNNING {
		t.Errorf("after the operation %s on %s, want RUNNING on RAPID", c.GetStatus(), c.GetReleaseChannel())
	}
}

func TestDeletedClusterIsThereUntilTheEnd(t *testing.T) {
	g := startGKE(t)
	g.create()
	op, err := g.manager.DeleteCluster(g.ctx(), &containerpb.DeleteClusterRequest{Name: devCluster})
	must(t, err)
	if c := g.cluster(); c.GetStatus() != containerpb.Cluster_STOPPING {
		t.Errorf("cluster is %s, want STOPPING", c.GetStatus())
	}
	g.finish(op)
	if _, err := g.manager.GetCluster(g.ctx(), &containerpb.GetClusterRequest{Name: devCluster}); status.Code(err) != codes.NotFound {
		t.Errorf("after the operation: %v, want NOT_FOUND", err)
	}
	left, err := g.Remaining()
	must(t, err)
	if len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// wantStatus wants a code and the whole text.
func wantStatus(t *testing.T, err error, code codes.Code, text string) {
	t.Helper()
	if got := status.Convert(err); got.Code() != code || got.Message() != text {
		t.Errorf("got %s %q, want %s %q", got.Code(), got.Message(), code, text)
	}
}
