package fakegcp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// controlMerge makes drift over HTTP: a JSON merge patch (RFC 7386) of the object as its REST API shows it.
func (s *Server) controlMerge(r *http.Request) (any, error) {
	patch, err := io.ReadAll(io.LimitReader(r.Body, maxMessageBytes))
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	name := r.URL.Query().Get("name")
	for _, n := range []string{name, s.numbered(name)} {
		m, ok := lookup[proto.Message](s.store, n)
		if !ok {
			continue
		}
		if m, err = mergeJSON(m, patch); err != nil {
			return nil, fmt.Errorf("patch of %s: %w; its fields are those of %s in JSON", n, err, kindOf(m))
		}
		s.touch(n, m)
		s.store.put(n, m)
		s.syncNodes(n)
		return nil, nil
	}
	return nil, fmt.Errorf("there is no object %q", name)
}

// touch gives an object the new etag that a change of it brings, as the Update methods do. The caller holds the lock.
func (s *Server) touch(name string, m proto.Message) {
	switch m := m.(type) {
	case *containerpb.Cluster:
		labelCluster(m)
		m.Etag = newClusterEtag()
	case *secretmanagerpb.Secret:
		m.Etag = newSecretEtag()
	case *secretmanagerpb.SecretVersion:
		m.Etag = newSecretEtag()
	case *adminpb.ServiceAccount:
		m.Etag = randomBytes(8)
	case *runpb.Service, *runpb.WorkerPool, *runpb.Job, *runpb.Revision, *runpb.Execution, *runpb.Task:
		r := m.ProtoReflect()
		r.Set(r.Descriptor().Fields().ByName("etag"), protoString(newRunEtag(name)))
	}
}

func mergeJSON(m proto.Message, patch []byte) (proto.Message, error) {
	before, err := protojson.Marshal(m)
	if err != nil {
		return m, err
	}
	var target, change any
	if err := json.Unmarshal(before, &target); err != nil {
		return m, err
	}
	if err := json.Unmarshal(patch, &change); err != nil {
		return m, err
	}
	if _, ok := change.(map[string]any); !ok {
		return m, errors.New("want a JSON object with the fields to change, null to take one away")
	}
	after, err := json.Marshal(mergePatch(target, change))
	if err != nil {
		return m, err
	}
	merged := m.ProtoReflect().New().Interface()
	if err := protojson.Unmarshal(after, merged); err != nil {
		return m, err
	}
	return merged, nil
}

// mergePatch is the function of RFC 7386, section 2.
func mergePatch(target, patch any) any {
	fields, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	merged, ok := target.(map[string]any)
	if !ok {
		merged = map[string]any{}
	}
	for k, v := range fields {
		if v == nil {
			delete(merged, k)
			continue
		}
		merged[k] = mergePatch(merged[k], v)
	}
	return merged
}
