package fakegcp

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
)

// GKE says how many nodes a pool has only through Compute Engine: a pool names its managed instance groups, and a group
// has the size. hashicorp/google takes node_count from there, and drops a pool from its state when the groups of a zone
// cannot be listed. Its source: google/services/container/resource_container_node_pool.go (instanceGroupManagerCache).

// computeGroupsService is the one service of Compute Engine that is served, for reading and over REST only, as
// Compute Engine has no gRPC.
const computeGroupsService = "google.cloud.compute.v1.InstanceGroupManagers/"

const computeURL = "https://www.googleapis.com/compute/v1/"

// computeGroupsPath is the path of a zone's managed instance groups, or of one of them.
var computeGroupsPath = regexp.MustCompile(`^/compute/v1/projects/([^/]+)/zones/([^/]+)/instanceGroupManagers(?:/([^/]+))?$`)

// withComputeGroups serves the paths of managed instance groups.
func (s *Server) withComputeGroups(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := computeGroupsPath.FindStringSubmatch(r.URL.Path)
		if m == nil {
			next.ServeHTTP(w, r)
			return
		}
		q := groupsRequest{project: m[1], zone: m[2], group: m[3]}
		s.serveStruct(w, r, q.method(methodOf(r)), q.String(), func(query url.Values) (*structpb.Struct, error) {
			if methodOf(r) != http.MethodGet {
				return nil, unmodelled("%s %s is not served: managed instance groups are those of node pools, and can be read", r.Method, r.URL.Path)
			}
			return s.readGroups(q, query)
		})
	})
}

// groupsRequest is what a call is about; group is empty for all of the zone.
type groupsRequest struct{ project, zone, group string }

// String is the name that Compute Engine's errors have: projects/P for a list, with the group for one.
func (q groupsRequest) String() string {
	if q.group == "" {
		return "projects/" + q.project
	}
	return fmt.Sprintf("projects/%s/zones/%s/instanceGroupManagers/%s", q.project, q.zone, q.group)
}

func (q groupsRequest) method(verb string) string {
	switch {
	case verb == http.MethodGet && q.group == "":
		return computeGroupsService + "List"
	case verb == http.MethodGet:
		return computeGroupsService + "Get"
	default:
		return computeGroupsService + "Change"
	}
}

// readGroups answers with one group, or with all of a zone in the order of their names.
func (s *Server) readGroups(q groupsRequest, query url.Values) (*structpb.Struct, error) {
	for name := range query {
		if !isSystemParameter(name) {
			return nil, unmodelled("the query parameter %q of instanceGroupManagers", name)
		}
	}
	p, ok := s.projectOf("projects/" + q.project)
	if !ok {
		return nil, status.Errorf(codes.PermissionDenied, "Required 'compute.instanceGroupManagers.list' permission for 'projects/%s'", q.project)
	}
	q.project = p.ID
	groups := s.groupsIn(q)
	if q.group == "" {
		return groupList(q, groups)
	}
	i := slices.IndexFunc(groups, func(g instanceGroup) bool { return g.name == q.group })
	if i < 0 {
		return nil, notFound("The resource '%s' was not found", q)
	}
	return structpb.NewStruct(groups[i].fields())
}

// instanceGroup is a managed instance group: the nodes of a pool in one zone.
type instanceGroup struct {
	project, zone, name string
	size                int
}

// groupsIn are the groups of a zone's nodes, of every cluster that has some there.
func (s *Server) groupsIn(q groupsRequest) []instanceGroup {
	var all []instanceGroup
	for _, cluster := range children[*containerpb.Cluster](s.store, fmt.Sprintf("projects/%s/locations/-/clusters", q.project)) {
		n := containerName{project: q.project, location: cluster.GetLocation(), cluster: cluster.GetName()}
		for _, pool := range cluster.GetNodePools() {
			for i, link := range pool.GetInstanceGroupUrls() {
				if strings.Contains(link, "/zones/"+q.zone+"/") {
					all = append(all, instanceGroup{q.project, q.zone, lastSegment(link), s.groupSize(n, pool, i)})
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b instanceGroup) int { return strings.Compare(a.name, b.name) })
	return all
}

// groupSize is how many nodes a pool's i-th group is to have. The groups share what does not divide by the zones.
func (s *Server) groupSize(n containerName, pool *containerpb.NodePool, i int) int {
	zones := max(1, len(pool.GetLocations()))
	wanted, _ := s.missingNodes(n, pool)
	size := wanted / zones
	if i%zones < wanted%zones {
		size++
	}
	return size
}

// fields are those of compute.instanceGroupManagers that say where the group is and how large.
// Source: https://cloud.google.com/compute/docs/reference/rest/v1/instanceGroupManagers.
func (g instanceGroup) fields() map[string]any {
	zone := fmt.Sprintf("%sprojects/%s/zones/%s", computeURL, g.project, g.zone)
	return map[string]any{
		"kind":             "compute#instanceGroupManager",
		"name":             g.name,
		"zone":             zone,
		"baseInstanceName": strings.TrimSuffix(g.name, "-grp"),
		"instanceGroup":    zone + "/instanceGroups/" + g.name,
		"selfLink":         zone + "/instanceGroupManagers/" + g.name,
		"targetSize":       g.size,
	}
}

func groupList(q groupsRequest, groups []instanceGroup) (*structpb.Struct, error) {
	path := fmt.Sprintf("projects/%s/zones/%s/instanceGroupManagers", q.project, q.zone)
	list := map[string]any{"kind": "compute#instanceGroupManagerList", "id": path, "selfLink": computeURL + path}
	var items []any
	for _, g := range groups {
		items = append(items, g.fields())
	}
	if items != nil {
		list["items"] = items
	}
	return structpb.NewStruct(list)
}
