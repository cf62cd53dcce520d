package fakegcp_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
)

const (
	groupsZone = "/compute/v1/projects/acme-dev/zones/asia-northeast1-a/instanceGroupManagers"
	groupsLink = "https://www.googleapis.com"
)

type groupAnswer struct {
	Kind, Name, Zone, SelfLink, InstanceGroup string
	TargetSize                                int
}

// group reads one managed instance group by its link.
func (g *gke) group(link string) groupAnswer {
	g.t.Helper()
	var answer groupAnswer
	code, body := g.curl("GET", strings.TrimPrefix(link, groupsLink), "")
	if err := json.Unmarshal([]byte(body), &answer); err != nil || code != 200 {
		g.t.Fatalf("%s: %d %s %v", link, code, body, err)
	}
	return answer
}

func TestInstanceGroupsSayHowManyNodesAPoolHas(t *testing.T) {
	g := startGKE(t)
	g.create()
	links := g.pool(basePool).GetInstanceGroupUrls()
	if a := g.group(links[0]); a.SelfLink != links[0] || a.TargetSize != 1 || a.Kind != "compute#instanceGroupManager" ||
		a.InstanceGroup != strings.Replace(links[0], "instanceGroupManagers", "instanceGroups", 1) {
		t.Errorf("group %+v of %s", a, links[0])
	}

	op, err := g.manager.SetNodePoolSize(g.ctx(), &containerpb.SetNodePoolSizeRequest{Name: basePool, NodeCount: 4})
	must(t, err)
	g.finish(op)
	for _, link := range links {
		if a := g.group(link); a.TargetSize != 4 {
			t.Errorf("after the resize: %+v", a)
		}
	}
}

func TestInstanceGroupsShareWhatDoesNotDivide(t *testing.T) {
	g := startGKE(t)
	g.create(func(c *containerpb.Cluster) { c.NodePools[1].Autoscaling.TotalMinNodeCount = 5 })
	total := 0
	for _, link := range g.pool(devCluster + "/nodePools/spot").GetInstanceGroupUrls() {
		size := g.group(link).TargetSize
		if size < 1 || size > 2 {
			t.Errorf("%s has %d nodes of 5 in 3 zones", link, size)
		}
		total += size
	}
	if total != 5 {
		t.Errorf("%d nodes, want 5", total)
	}
}

func TestInstanceGroupsOfAZone(t *testing.T) {
	g := startGKE(t)
	if code, body := g.curl("GET", groupsZone, ""); code != 200 || strings.Contains(body, "items") {
		t.Errorf("no cluster: %d %s", code, body)
	}
	g.create()
	var list struct{ Items []groupAnswer }
	code, body := g.curl("GET", groupsZone+"?alt=json&prettyPrint=false", "")
	if err := json.Unmarshal([]byte(body), &list); err != nil || code != 200 || len(list.Items) != 2 {
		t.Errorf("two pools: %d %s %v", code, body, err)
	}
	if code, body := g.curl("GET", groupsZone+"?fields=items/targetSize", ""); code != 200 || strings.Contains(body, "zone") || !strings.Contains(body, `"targetSize": 1`) {
		t.Errorf("some fields: %d %s", code, body)
	}
	_, err := g.manager.DeleteNodePool(g.ctx(), &containerpb.DeleteNodePoolRequest{Name: devCluster + "/nodePools/spot"})
	must(t, err)
	g.Advance(5 * time.Minute)
	if _, body := g.curl("GET", groupsZone, ""); strings.Contains(body, "-spot-") || !strings.Contains(body, "-base-") {
		t.Errorf("after the deletion of a pool: %s", body)
	}
}

func TestInstanceGroupsRefuse(t *testing.T) {
	g := startGKE(t)
	g.create()
	g.Deny("compute.instanceGroupManagers.get", "")
	steps := []struct {
		verb, path string
		code       int
		want       string
	}{
		{"GET", groupsZone + "/none", 403, "Required 'compute.instanceGroupManagers.get' permission for 'projects/acme-dev/zones/asia-northeast1-a/instanceGroupManagers/none'"},
		{"GET", "/compute/v1/projects/none-such/zones/asia-northeast1-a/instanceGroupManagers", 403, "Required 'compute.instanceGroupManagers.list' permission for 'projects/none-such'"},
		{"GET", groupsZone + "?filter=name%3Dx", 501, `query parameter \"filter\"`},
		{"DELETE", groupsZone + "/none", 501, "can be read"},
		{"GET", "/compute/v1/projects/acme-dev/global/networks/default", 501, "the Compute Engine API is not served"},
	}
	for _, s := range steps {
		if code, body := g.curl(s.verb, s.path, ""); code != s.code || !strings.Contains(body, s.want) {
			t.Errorf("%s %s: %d %s\nwant %d %s", s.verb, s.path, code, body, s.code, s.want)
		}
	}
	g.Allow("compute.instanceGroupManagers.get", "")
	if code, body := g.curl("GET", groupsZone+"/none", ""); code != 404 || !strings.Contains(body, "instanceGroupManagers/none' was not found") ||
		!strings.Contains(body, `"reason": "notFound"`) {
		t.Errorf("no such group: %d %s", code, body)
	}
}
