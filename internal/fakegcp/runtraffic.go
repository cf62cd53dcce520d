package fakegcp

import (
	"regexp"
	"strings"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// tagForm is a label of a host name: a tag becomes the beginning of one.
var tagForm = regexp.MustCompile(`^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$`)

// checkTraffic refuses targets that contradict themselves or each other. Whether a revision is there shows in the operation.
// Source: the comments of google/cloud/run/v2/traffic_target.proto; the texts are not recorded.
func checkTraffic(targets []*runpb.TrafficTarget) error {
	total, tags := int32(0), map[string]bool{}
	for i, t := range targets {
		latest := t.GetType() == runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
		byName := t.GetType() == runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION
		total += t.GetPercent()
		switch {
		case t.GetPercent() < 0 || t.GetPercent() > 100:
			return invalid("traffic[%d].percent: must be between 0 and 100.", i)
		case latest && t.GetRevision() != "":
			return invalid("traffic[%d].revision: must not be set for the latest revision.", i)
		case byName && t.GetRevision() == "":
			return invalid("traffic[%d].revision: must be set for a target of a revision.", i)
		case t.GetTag() != "" && !tagForm.MatchString(t.GetTag()):
			return invalid("traffic[%d].tag: must begin with a letter and contain only lower case letters, digits and hyphens.", i)
		case t.GetTag() != "" && tags[t.GetTag()]:
			return invalid("traffic[%d].tag: '%s' is used twice.", i, t.GetTag())
		}
		tags[t.GetTag()] = true
	}
	if total != 100 {
		return invalid("Traffic targets must sum to 100, got %d.", total)
	}
	return nil
}

// routeTraffic makes the declared traffic the actual one; it fails on a revision that is not there.
func routeTraffic(s *Server, m *runpb.Service) error {
	var statuses []*runpb.TrafficTargetStatus
	for _, t := range m.GetTraffic() {
		if id := t.GetRevision(); id != "" {
			if _, ok := lookup[*runpb.Revision](s.store, m.GetName()+"/revisions/"+id); !ok {
				return status.Errorf(codes.Internal, "Revision '%s' does not exist or is deleted. Update all traffic to route to currently available revisions.", id)
			}
		}
		st := &runpb.TrafficTargetStatus{Type: t.GetType(), Revision: t.GetRevision(), Percent: t.GetPercent(), Tag: t.GetTag()}
		if t.GetTag() != "" && len(m.GetUrls()) > 1 {
			st.Uri = strings.Replace(m.GetUrls()[1], "https://", "https://"+t.GetTag()+"---", 1)
		}
		statuses = append(statuses, st)
	}
	m.TrafficStatuses = statuses
	return nil
}
