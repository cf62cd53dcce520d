package fakegcp_test

import (
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
)

func TestQuotaCountsByMachineFamily(t *testing.T) {
	for machine, want := range map[string]string{
		"e2-medium":          `"CPUS": request requires '6.0'`,
		"custom-4-8192":      `"CPUS": request requires '12.0'`,
		"c2-standard-8":      `"C2_CPUS": request requires '24.0'`,
		"n2-custom-2-4096":   `"N2_CPUS": request requires '6.0'`,
		"c3-standard-4-lssd": `"C3_CPUS": request requires '12.0'`,
	} {
		t.Run(machine, func(t *testing.T) {
			g := startGKE(t)
			g.create()
			for _, metric := range []string{"CPUS", "C2_CPUS", "N2_CPUS", "C3_CPUS"} {
				must(t, g.SetQuota(metric, "asia-northeast1", 0))
			}
			p := pool("more", 1)
			p.Config.MachineType = machine
			_, err := g.manager.CreateNodePool(g.ctx(), &containerpb.CreateNodePoolRequest{Parent: devCluster, NodePool: p})
			wantError(t, err, codes.PermissionDenied, want)
		})
	}
}

func TestQuotaIsLiftedAndFreed(t *testing.T) {
	g := startGKE(t)
	must(t, g.SetQuota("CPUS", "asia-northeast1", 8))
	g.create()
	grow := func() error {
		_, err := g.manager.SetNodePoolSize(g.ctx(), &containerpb.SetNodePoolSizeRequest{Name: basePool, NodeCount: 2})
		return err
	}
	wantError(t, grow(), codes.PermissionDenied, "Insufficient regional quota")
	must(t, g.SetQuota("CPUS", "asia-northeast1", -1))
	must(t, grow())
	g.Advance(5 * time.Minute)
	must(t, g.SetQuota("CPUS", "asia-northeast1", 0))
	_, err := g.manager.SetNodePoolSize(g.ctx(), &containerpb.SetNodePoolSizeRequest{Name: basePool, NodeCount: 1})
	must(t, err)
}

func TestQuotaAndUnattendedOverHTTP(t *testing.T) {
	g := startGKE(t)
	g.create()
	for _, c := range []struct {
		path, body string
		status     int
		part       string
	}{
		{"quota", `{"metric":"CPUS","region":"asia-northeast1","limit":4}`, 200, "{}"},
		{"quota", `{"metric":"DISKS","region":"asia-northeast1","limit":4}`, 400, "want CPUS"},
		{"quota", `{"metric":"CPUS","region":"asia-northeast1-a","limit":4}`, 400, "want a region"},
		{"quota", `{"metrik":"CPUS"}`, 400, "metrik"},
		{"unattended", `{"kind":"REBOOT"}`, 400, "REBOOT"},
		{"unattended", `{"kind":"UPGRADE_NODES"}`, 400, "names a pool"},
		{"unattended", `{"kind":"UPGRADE_NODES","pool":"none"}`, 400, "not found"},
		{"unattended", `{"kind":"UPGRADE_NODES","pool":"base"}`, 400, "already"},
		{"unattended", `{"kind":"UPGRADE_MASTER"}`, 400, "no newer one"},
		{"unattended", `{"kind":"REPAIR_CLUSTER","cluster":"other"}`, 400, "no cluster"},
		{"unattended", `{"kind":"REPAIR_CLUSTER"}`, 200, "operation-"},
	} {
		if status, body := g.curl("POST", "/_fake/"+c.path, c.body); status != c.status || !strings.Contains(body, c.part) {
			t.Errorf("%s %s: %d %s, want %d …%s…", c.path, c.body, status, body, c.status, c.part)
		}
	}
}

func TestRangesOfWhichOnlyTheSizeIsSent(t *testing.T) {
	g := startGKE(t)
	g.create(func(c *containerpb.Cluster) {
		c.IpAllocationPolicy = &containerpb.IPAllocationPolicy{ClusterIpv4CidrBlock: "/20", ServicesIpv4CidrBlock: "10.9.0.0/22"}
	})
	c := g.cluster()
	if c.GetClusterIpv4Cidr() != "10.112.0.0/20" || c.GetIpAllocationPolicy().GetClusterIpv4Cidr() != "10.112.0.0/20" || c.GetServicesIpv4Cidr() != "10.9.0.0/22" {
		t.Errorf("pods %s, services %s, policy %v", c.GetClusterIpv4Cidr(), c.GetServicesIpv4Cidr(), c.GetIpAllocationPolicy())
	}
}
