package fakegcp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Object is one object of the dump.
type Object struct {
	// Kind is the message's full name, such as google.container.v1.Cluster.
	Kind string `json:"kind"`
	// BuiltIn marks what exists in a project from the start.
	BuiltIn bool `json:"builtIn,omitempty"`
	// Deleted marks a service account that can still be undeleted.
	Deleted bool `json:"deleted,omitempty"`
	// PayloadSHA256 is the hash of a secret version's payload; the payload itself is never dumped.
	PayloadSHA256 string `json:"payloadSha256,omitempty"`
	// Data is the object as its REST API shows it.
	Data json.RawMessage `json:"data"`
}

// policySuffix ends the name under which the dump shows an object's IAM policy.
const policySuffix = ":iamPolicy"

// Objects dumps every object by full name, and every policy that has bindings as NAME:iamPolicy.
func (s *Server) Objects() (map[string]Object, error) {
	return s.objectsWhere(func(_, _ string) bool { return true })
}

// objectsWhere dumps what keep takes by name and kind.
func (s *Server) objectsWhere(keep func(name, kind string) bool) (map[string]Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	dump := map[string]Object{}
	for name, m := range s.store.all {
		if !keep(name, kindOf(m)) {
			continue
		}
		o, err := s.object(name, m)
		if err != nil {
			return nil, err
		}
		dump[name] = o
	}
	for name, p := range s.policies.all() {
		if !keep(name+policySuffix, kindOf(p)) {
			continue
		}
		o, err := s.object(name, p)
		if err != nil {
			return nil, err
		}
		dump[name+policySuffix] = o
	}
	return dump, nil
}

func kindOf(m proto.Message) string { return string(m.ProtoReflect().Descriptor().FullName()) }

func (s *Server) object(name string, m proto.Message) (Object, error) {
	data, err := protojson.Marshal(m)
	if err != nil {
		return Object{}, fmt.Errorf("dump of %s: %w", name, err)
	}
	o := Object{Kind: kindOf(m), Data: data}
	switch m := m.(type) {
	case *resourcemanagerpb.Project:
		o.BuiltIn = true
	case *adminpb.ServiceAccount:
		o.BuiltIn = s.isDefaultAccount(m.GetEmail())
		o.Deleted = s.accounts.isDeleted(name)
	case *iampb.Policy:
		o.Deleted = s.accounts.isDeleted(name)
	case *secretmanagerpb.SecretVersion:
		if payload, ok := s.secrets.payloads[name]; ok {
			sum := sha256.Sum256(payload)
			o.PayloadSHA256 = hex.EncodeToString(sum[:])
		}
	}
	return o, nil
}

// Remaining names, sorted, what a complete destroy would have taken away: every object and binding that is neither built
// in nor deleted.
func (s *Server) Remaining() ([]string, error) {
	objects, err := s.Objects()
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(objects, func(_ string, o Object) bool { return o.BuiltIn || o.Deleted })
	names := slices.AppendSeq(make([]string, 0, len(objects)), maps.Keys(objects))
	slices.Sort(names)
	return names, nil
}

// SetPropagationDelay sets how long changes of policies made from now on take to become effective.
func (s *Server) SetPropagationDelay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	s.options.PropagationDelay = d
}

// changeBehindBack changes a stored object without its API noticing: no operation, no permission, no journal.
func changeBehindBack[T proto.Message](s *Server, name string, change func(T)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	var none T
	if !update(s.store, name, change) {
		return fmt.Errorf("there is no %s %q", kindOf(none), name)
	}
	return nil
}

// UpdateSecret changes a secret behind its clients' backs; its name may have the project's id or number.
func (s *Server) UpdateSecret(name string, change func(*secretmanagerpb.Secret)) error {
	return changeBehindBack(s, s.numberedName(name), func(m *secretmanagerpb.Secret) {
		change(m)
		m.Etag = newSecretEtag()
	})
}

// UpdateSecretVersion changes a secret version behind its clients' backs.
func (s *Server) UpdateSecretVersion(name string, change func(*secretmanagerpb.SecretVersion)) error {
	return changeBehindBack(s, s.numberedName(name), change)
}

// UpdateServiceAccount changes a service account behind its clients' backs.
func (s *Server) UpdateServiceAccount(name string, change func(*adminpb.ServiceAccount)) error {
	return changeBehindBack(s, name, change)
}

// UpdateRunService changes a Cloud Run service behind its clients' backs.
func (s *Server) UpdateRunService(name string, change func(*runpb.Service)) error {
	return changeBehindBack(s, name, func(m *runpb.Service) {
		change(m)
		m.Etag = newRunEtag(m.GetName())
	})
}

// UpdateWorkerPool changes a Cloud Run worker pool behind its clients' backs.
func (s *Server) UpdateWorkerPool(name string, change func(*runpb.WorkerPool)) error {
	return changeBehindBack(s, name, func(m *runpb.WorkerPool) {
		change(m)
		m.Etag = newRunEtag(m.GetName())
	})
}

// UpdatePolicy changes the IAM policy of a resource ("projects/P", "projects/P/secrets/S") behind its clients' backs,
// effective at once.
func (s *Server) UpdatePolicy(resource string, change func(*iampb.Policy)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	key := s.policyKey(resource)
	p := s.policies.get(key)
	change(p)
	s.policies.set(key, p, s.now(), 0)
	return nil
}

// Remove takes an object away, with everything below it, at once and without an operation.
func (s *Server) Remove(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	if s.removeCluster(name) {
		return nil
	}
	for _, n := range []string{name, s.numbered(name)} {
		if _, ok := lookup[proto.Message](s.store, n); ok {
			s.forgetWithRuns(n)
			return nil
		}
	}
	return fmt.Errorf("there is no object %q", name)
}

// forget drops an object, what is below it and what is kept beside the store for it. The caller holds the lock.
func (s *Server) forget(name string) {
	s.store.drop(name)
	s.policies.drop(name)
	s.secrets.drop(name)
	s.accounts.drop(name)
	s.run.drop(name)
}

// numberedName is numbered for callers without the lock.
func (s *Server) numberedName(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.numbered(name)
}
