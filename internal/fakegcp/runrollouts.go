package fakegcp

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// slowFactor is how much longer an image takes that is slow.
const slowFactor = 3

func protoString(s string) protoreflect.Value { return protoreflect.ValueOfString(s) }

// needsRevision says whether the change makes a revision, and refuses a revision name that is taken by another template.
func (k runKind[T]) needsRevision(s *Server, current, m T) (bool, error) {
	if k.revision == nil {
		return false, nil
	}
	before, after := k.template(current), k.template(m)
	same := proto.Equal(withoutRevision(before), withoutRevision(after))
	if after.GetRevision() == "" {
		return !same, nil
	}
	taken := m.GetName() + "/revisions/" + after.GetRevision()
	if _, ok := lookup[*runpb.Revision](s.store, taken); !ok {
		return true, nil
	}
	if same && lastSegment(*k.rollout(current).latestCreated) == after.GetRevision() {
		return false, nil
	}
	return false, alreadyExists("Revision named '%s' with different configuration already exists.", after.GetRevision())
}

func withoutRevision(t proto.Message) proto.Message {
	c := proto.Clone(t)
	r := c.ProtoReflect()
	r.Clear(r.Descriptor().Fields().ByName("revision"))
	return c
}

// accept begins the rollout of a checked change.
func (k runKind[T]) accept(ctx context.Context, s *Server, m T, newRevision, validateOnly bool) (*longrunningpb.Operation, error) {
	r := k.rollout(m)
	*r.generation++
	*r.updated, *r.modifier, *r.etag = s.timestamp(), callerOf(ctx), newRunEtag(m.GetName())
	if validateOnly {
		return doneRunOperation(s, m)
	}
	*r.reconciling = true
	*r.terminal = s.condition("Ready", runpb.Condition_CONDITION_RECONCILING, "")
	newRevision = newRevision && k.revision != nil
	if newRevision {
		revision := k.newRevision(s, m)
		*r.latestCreated = revision.GetName()
		s.store.put(revision.GetName(), revision)
	}
	s.store.put(m.GetName(), m)
	generation := *r.generation
	op := &operation{
		name:     runOperationName(m.GetName()),
		kind:     "ROLLOUT",
		target:   m.GetName(),
		duration: s.rolloutTime(k.template(m).GetContainers(), newRevision),
		detail:   &runDetail{last: m},
		finish:   func() error { return k.finish(s, m.GetName(), generation, nil) },
		fail:     func(err error) { _ = k.finish(s, m.GetName(), generation, err) }, // err is the operation's already
	}
	return s.renderRunOperation(s.begin(op))
}

func (s *Server) rolloutTime(containers []*runpb.Container, newRevision bool) time.Duration {
	for _, c := range containers {
		if newRevision && s.images[c.GetImage()] == ImageSlow {
			return slowFactor * s.options.OperationTime
		}
	}
	return 0
}

// newRevision is the template as a revision that is not ready yet.
func (k runKind[T]) newRevision(s *Server, m T) *runpb.Revision {
	id := k.template(m).GetRevision()
	if id == "" {
		id = fmt.Sprintf("%s-%05d-%s", lastSegment(m.GetName()), m.GetGeneration(), randomLetters(3))
	}
	revision := k.revision(m)
	revision.Name = m.GetName() + "/revisions/" + id
	revision.Uid = randomUUID()
	revision.Generation = 1
	revision.CreateTime, revision.UpdateTime = s.timestamp(), s.timestamp()
	revision.Reconciling = true
	revision.Creator = *k.rollout(m).modifier
	revision.Etag = newRunEtag(revision.GetName())
	revision.LogUri = fmt.Sprintf("https://console.cloud.google.com/logs/viewer?project=%s&resource=cloud_run_revision/revision_name/%s",
		strings.Split(m.GetName(), "/")[1], id)
	revision.Conditions = []*runpb.Condition{s.condition("Ready", runpb.Condition_CONDITION_RECONCILING, "")}
	return revision
}

// finish ends a rollout. A later change has taken over if the generation is another by now; then there is nothing to do.
func (k runKind[T]) finish(s *Server, name string, generation int64, injected error) error {
	m, ok := lookup[T](s.store, name)
	if !ok {
		return notFound("Resource '%s' was deleted.", lastSegment(name))
	}
	if m.GetGeneration() != generation {
		return nil
	}
	err := injected
	if err == nil {
		err = k.ready(s, m)
	}
	r := k.rollout(m)
	if err == nil && k.route != nil {
		*r.latestReady = *r.latestCreated
		err = k.route(s, m)
	}
	*r.reconciling = false
	*r.conditions = s.runConditions(k.collection, err)
	*r.terminal = s.condition("Ready", runpb.Condition_CONDITION_SUCCEEDED, "")
	if err != nil {
		*r.terminal = s.failedCondition("Ready", err)
	} else {
		*r.observed = generation
	}
	s.store.put(name, m)
	return err
}

// readyRevision makes a new revision ready, or says why it or an earlier attempt at it is not.
func (s *Server) readyRevision(name string) error {
	revision, ok := lookup[*runpb.Revision](s.store, name)
	if !ok {
		return status.Errorf(codes.Internal, "Revision '%s' does not exist or is deleted.", lastSegment(name))
	}
	if !revision.GetReconciling() {
		return s.run.failures[name]
	}
	err := s.startRevision(revision)
	revision.Reconciling = false
	revision.UpdateTime, revision.ObservedGeneration = s.timestamp(), revision.GetGeneration()
	if err != nil {
		if s.run.failures == nil {
			s.run.failures = map[string]error{}
		}
		s.run.failures[name] = err
		revision.Conditions = []*runpb.Condition{s.failedCondition("Ready", err)}
	} else {
		revision.Conditions = nil
		for _, kind := range []string{"Ready", "Active", "ContainerHealthy", "ContainerReady", "ResourcesAvailable"} {
			revision.Conditions = append(revision.Conditions, s.condition(kind, runpb.Condition_CONDITION_SUCCEEDED, ""))
		}
	}
	s.store.put(name, revision)
	return err
}

// runState is kept beside the store.
type runState struct {
	failures map[string]error         // why a revision is not ready, by its name
	runs     map[string]*executionRun // executions that are not over, by their name
}

func (st *runState) drop(name string) {
	for revision := range st.failures {
		if strings.HasPrefix(revision, name+"/") || revision == name {
			delete(st.failures, revision)
		}
	}
	maps.DeleteFunc(st.runs, func(execution string, _ *executionRun) bool {
		return execution == name || strings.HasPrefix(execution, name+"/")
	})
}
