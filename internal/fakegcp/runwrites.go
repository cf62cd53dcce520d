package fakegcp

import (
	"context"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// create accepts a new object: it is there, reconciling, before its operation is done, and it stays when that fails.
func (k runKind[T]) create(ctx context.Context, s *Server, parent, id string, want T, validateOnly bool) (*longrunningpb.Operation, error) {
	parent, err := k.parentOf(s, parent, "create")
	if err != nil {
		return nil, err
	}
	if !want.ProtoReflect().IsValid() {
		return nil, invalid("The %s is missing from the request.", k.noun())
	}
	if !runIDForm.MatchString(id) {
		return nil, invalid("Violation in Create%sRequest.%s_id: must begin with a letter, contain only lower case letters, digits and "+
			"hyphens, not end with a hyphen, and be shorter than 50 characters.", want.ProtoReflect().Descriptor().Name(), strings.ToLower(k.noun()))
	}
	name := parent + "/" + k.collection + "/" + id
	if _, ok := lookup[T](s.store, name); ok {
		return nil, alreadyExists("Resource '%s' already exists.", id)
	}
	m := proto.CloneOf(want)
	empty := want.ProtoReflect().New().Interface()
	if err := clearOutputOnly(m, empty); err != nil {
		return nil, err
	}
	setName(m, name)
	k.defaults(s, m)
	if err := k.validate(s, m); err != nil {
		return nil, err
	}
	r := k.rollout(m)
	*r.uid, *r.created, *r.creator = randomUUID(), s.timestamp(), callerOf(ctx)
	return k.accept(ctx, s, m, true, validateOnly)
}

// updateOptions are those of an update request.
type updateOptions struct {
	mask                                         []string
	validateOnly, allowMissing, forceNewRevision bool
}

// update accepts a change; only a change of the template makes a revision.
func (k runKind[T]) update(ctx context.Context, s *Server, want T, o updateOptions) (*longrunningpb.Operation, error) {
	current, err := k.find(s, want.GetName())
	if status.Code(err) == codes.NotFound && o.allowMissing {
		parent, id, _ := strings.Cut(want.GetName(), "/"+k.collection+"/")
		return k.create(ctx, s, parent, id, want, o.validateOnly)
	}
	if err != nil {
		return nil, err
	}
	if err := checkRunEtag(current, want.GetEtag()); err != nil {
		return nil, err
	}
	if *k.rollout(current).deleted != nil {
		return nil, precondition("Resource '%s' is being deleted.", lastSegment(current.GetName()))
	}
	m, err := changed(current, want, o.mask)
	if err != nil {
		return nil, err
	}
	k.defaults(s, m)
	if err := k.validate(s, m); err != nil {
		return nil, err
	}
	roll, err := k.needsRevision(s, current, m)
	if err != nil {
		return nil, err
	}
	return k.accept(ctx, s, m, roll || o.forceNewRevision, o.validateOnly)
}

// changed is the current object with what the mask names, or without a mask everything, from the client's message.
func changed[T runObject](current, want T, mask []string) (T, error) {
	if len(mask) == 0 {
		m := proto.CloneOf(want)
		return m, clearOutputOnly(m, current)
	}
	m := proto.CloneOf(current)
	if err := applyMask(m, want, mask); err != nil {
		return m, err
	}
	return m, clearOutputOnly(m, current)
}

// clearOutputOnly sets the output only fields to what they are in another message.
func clearOutputOnly(m, from proto.Message) error {
	var have []string
	for _, f := range outputOnlyRunFields {
		if hasField(m.ProtoReflect().Descriptor(), []string{f}) {
			have = append(have, f)
		}
	}
	return applyMask(m, from, have)
}

func setName(m proto.Message, name string) {
	r := m.ProtoReflect()
	r.Set(r.Descriptor().Fields().ByName("name"), protoString(name))
}

// checkRunEtag refuses a change of another version than the current one; without an etag it is unconditional.
func checkRunEtag(current runNamed, sent string) error {
	if sent == "" || sent == current.GetEtag() {
		return nil
	}
	return status.Errorf(codes.Aborted, "Conflict for resource '%s': version '%s' was specified but current version is '%s'.",
		lastSegment(current.GetName()), strings.Trim(sent, `"`), strings.Trim(current.GetEtag(), `"`))
}

// delete accepts a deletion: the object is there, and its name taken, until the operation is done.
func (k runKind[T]) delete(s *Server, name, etag string, validateOnly bool) (*longrunningpb.Operation, error) {
	m, err := k.find(s, name)
	if err != nil {
		return nil, err
	}
	if err := checkRunEtag(m, etag); err != nil {
		return nil, err
	}
	r := k.rollout(m)
	*r.deleted, *r.expires, *r.reconciling = s.timestamp(), s.runExpiry(), true
	if validateOnly {
		return doneRunOperation(s, m)
	}
	s.store.put(m.GetName(), m)
	op := s.begin(&operation{
		name:   runOperationName(m.GetName()),
		kind:   "DELETE",
		target: m.GetName(),
		detail: &runDetail{last: m},
		finish: func() error {
			s.forgetWithRuns(m.GetName())
			return nil
		},
		fail: func(error) {
			update(s.store, m.GetName(), func(m T) {
				r := k.rollout(m)
				*r.deleted, *r.expires, *r.reconciling = nil, nil, false
			})
		},
	})
	return s.renderRunOperation(op)
}
