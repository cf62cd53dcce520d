package fakegcp

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// containerName is the parts of a GKE name; those that it does not have are empty.
type containerName struct {
	project, location, cluster, pool string
}

var (
	containerNameForm = regexp.MustCompile(`^projects/([^/]+)/locations/([^/]+)(?:/clusters/([^/]+)(?:/nodePools/([^/]+))?)?$`)
	locationForm      = regexp.MustCompile(`^[a-z]+-[a-z]+[1-9][0-9]?(-[a-z])?$`)
)

// containerNameOf finds what a request is about, in its name, its parent or the deprecated fields. Zones are locations.
func (s *Server) containerNameOf(request proto.Message) (containerName, error) {
	r := request.ProtoReflect()
	text := cmp.Or(stringField(r, "name"), stringField(r, "parent"))
	if !strings.HasPrefix(text, "projects/") {
		text = legacyParent(r)
	}
	match := containerNameForm.FindStringSubmatch(s.identified(strings.Replace(text, "/zones/", "/locations/", 1)))
	if match == nil {
		return containerName{}, invalid("Invalid resource name %q: want projects/PROJECT/locations/LOCATION and what is below it.", text)
	}
	n := containerName{match[1], match[2], match[3], match[4]}
	if _, ok := s.projectOf("projects/" + n.project); !ok {
		return n, status.Errorf(codes.PermissionDenied, "Project '%s' not found or permission denied.", n.project)
	}
	if n.location != "-" && !locationForm.MatchString(n.location) {
		return n, invalid("Location %q does not exist.", n.location)
	}
	return n, nil
}

// parent is projects/P/locations/L.
func (n containerName) parent() string {
	return fmt.Sprintf("projects/%s/locations/%s", n.project, n.location)
}

// clusterName is the cluster's full name.
func (n containerName) clusterName() string { return n.parent() + "/clusters/" + n.cluster }

// String is the full name.
func (n containerName) String() string {
	switch {
	case n.pool != "":
		return n.clusterName() + "/nodePools/" + n.pool
	case n.cluster != "":
		return n.clusterName()
	default:
		return n.parent()
	}
}

// zonal says whether the location is a zone, such as us-central1-a.
func (n containerName) zonal() bool { return strings.Count(n.location, "-") == 2 }

func (n containerName) region() string {
	if n.zonal() {
		return n.location[:strings.LastIndexByte(n.location, '-')]
	}
	return n.location
}

// regionZones are the zones that a regional cluster's nodes are spread over, where they are not a, b and c. The order is
// the service's: that of us-west2 is recorded.
var regionZones = map[string]string{
	"europe-west1": "bcd",
	"us-east1":     "bcd",
	"us-west2":     "bac",
}

// zones are the zones that nodes are in by default.
func (n containerName) zones(autopilot bool) []string {
	if n.zonal() {
		return []string{n.location}
	}
	letters := cmp.Or(regionZones[n.location], "abc")
	if autopilot {
		letters = cmp.Or(autopilotZones[n.location], letters)
	}
	var all []string
	for _, letter := range letters {
		all = append(all, n.location+"-"+string(letter))
	}
	return all
}

// spelled is the name as GKE writes it in texts and links: a zone is under zones/.
func (n containerName) spelled(project string) string {
	kind := "locations"
	if n.zonal() {
		kind = "zones"
	}
	text := fmt.Sprintf("projects/%s/%s/%s", project, kind, n.location)
	if n.cluster != "" {
		text += "/clusters/" + n.cluster
	}
	if n.pool != "" {
		text += "/nodePools/" + n.pool
	}
	return text
}

// link is a URL of the API. Objects have the project's id in it, operations its number.
func (n containerName) link(project string) string {
	return "https://container.googleapis.com/v1/" + n.spelled(project)
}

func (n containerName) notFound() error {
	if n.pool != "" {
		return notFound("Not found: node pool %q not found.", n.pool)
	}
	return notFound("Not found: %s.", n.spelled(n.project))
}

// alreadyExists words the conflict of a create. A pool is under locations/ even in a zone.
func (n containerName) alreadyExists() error {
	if n.pool != "" {
		return alreadyExists("Already exists: %s.", n)
	}
	return alreadyExists("Already exists: %s.", n.spelled(n.project))
}

// of is the pool's name in this cluster.
func (n containerName) of(pool string) containerName {
	n.pool = pool
	return n
}
