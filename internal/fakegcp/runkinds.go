package fakegcp

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// runObject is what a Cloud Run service, worker pool or job has in common with the others.
type runObject interface {
	runNamed
	GetGeneration() int64
	GetReconciling() bool
	GetAnnotations() map[string]string
	GetLabels() map[string]string
}

// runNamed is what has a name and an etag: any object of Cloud Run.
type runNamed interface {
	proto.Message
	GetName() string
	GetEtag() string
}

// runKind is what differs between services, worker pools and jobs.
type runKind[T runObject] struct {
	// collection is the last segment but one of a name.
	collection string
	// rollout points at the fields of a rollout.
	rollout func(T) rollout
	// template is the part that runs; of services and worker pools each change of it makes a revision.
	template func(T) runTemplate
	// revision is what the template makes, without name and conditions; nil for jobs, which have none.
	revision func(T) *runpb.Revision
	// defaults fills in what the real service fills in.
	defaults func(*Server, T)
	// check refuses what the real service refuses of this kind alone, after defaults.
	check func(T) error
	// ready says why the object as it is now cannot run, nil if it can.
	ready func(*Server, T) error
	// route has the object serve from its latest ready revision; its error is the operation's. It is nil for jobs.
	route func(*Server, T) error
}

// runTemplate is what the kinds' templates have in common.
type runTemplate interface {
	proto.Message
	GetRevision() string
	GetServiceAccount() string
	GetContainers() []*runpb.Container
	GetVolumes() []*runpb.Volume
	GetVpcAccess() *runpb.VpcAccess
	GetAnnotations() map[string]string
	GetLabels() map[string]string
}

// rollout points at the fields in which an object reports how its latest change is going; a job has no revisions.
type rollout struct {
	uid, etag, creator, modifier *string
	generation, observed         *int64
	created, updated             **timestamppb.Timestamp
	deleted, expires             **timestamppb.Timestamp
	reconciling                  *bool
	terminal                     **runpb.Condition
	conditions                   *[]*runpb.Condition
	latestCreated, latestReady   *string
}

// outputOnlyRunFields are those that a client's message cannot set. Not each kind has each of them.
var outputOnlyRunFields = []string{
	"name", "uid", "generation", "create_time", "update_time", "delete_time", "expire_time", "creator", "last_modifier", "urls",
	"observed_generation", "terminal_condition", "conditions", "latest_ready_revision", "latest_created_revision",
	"traffic_statuses", "instance_split_statuses", "uri", "satisfies_pzs", "reconciling", "etag", "threat_detection_enabled",
	"execution_count", "latest_created_execution",
}

// newRunEtag is quoted, and base64 of random bytes and the name.
func newRunEtag(name string) string {
	return fmt.Sprintf("%q", base64.StdEncoding.EncodeToString(append(randomBytes(12), name...)))
}

var (
	runParentForm = regexp.MustCompile(`^projects/[^/]+/locations/[^/]+$`)
	runIDForm     = regexp.MustCompile(`^[a-z](?:[a-z0-9-]{0,47}[a-z0-9])?$`)
)

// parentOf checks a parent and writes it with the project's id.
func (k runKind[T]) parentOf(s *Server, parent, verb string) (string, error) {
	if !runParentForm.MatchString(parent) {
		return "", invalid("Invalid resource parent: %s", parent)
	}
	if _, ok := s.projectOf(parent); !ok {
		return "", permissionDenied(runServicePrefix, "run."+strings.ToLower(k.collection)+"."+verb, parent)
	}
	return s.identified(parent), nil
}

// find is the object by a name with the project's id or number.
func (k runKind[T]) find(s *Server, name string) (T, error) {
	var none T
	parent, id, ok := strings.Cut(name, "/"+k.collection+"/")
	if !ok {
		return none, invalid("Invalid resource name: %s", name)
	}
	parent, err := k.parentOf(s, parent, "get")
	if err != nil {
		return none, err
	}
	m, ok := lookup[T](s.store, parent+"/"+k.collection+"/"+id)
	if !ok {
		return none, notFound("Resource '%s' of kind '%s' in region '%s' in project '%s' does not exist.",
			id, k.noun(), lastSegment(parent), strings.Split(parent, "/")[1])
	}
	return m, nil
}

// noun is the kind as error texts name it.
func (k runKind[T]) noun() string {
	return map[string]string{"services": "SERVICE", "workerPools": "WORKER_POOL", "jobs": "JOB"}[k.collection]
}

// runPages: how many items a list of Cloud Run holds is not documented; as many as other Google lists do.
var runPages = pageLimits{standard: 100, most: 1000}

// list is a page of the objects of a location, "-" for every one.
func (k runKind[T]) list(s *Server, parent string, size int32, token string) ([]T, string, error) {
	parent, err := k.parentOf(s, parent, "list")
	if err != nil {
		return nil, "", err
	}
	// The stored messages are sent as they are: they are replaced, never changed.
	items, next, _, err := cut(only[T](s.store.byName(parent+"/"+k.collection), nil), runPages, size, token)
	return items, next, err
}
