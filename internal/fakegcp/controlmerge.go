package fakegcp

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"

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
			return nil, fmt.Errorf("patch of %s: %w", n, err)
		}
		s.store.put(n, m)
		return nil, nil
	}
	return nil, fmt.Errorf("there is no object %q", name)
}

func mergeJSON(m proto.Message, patch []byte) (proto.Message, error) {
	before, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	var target, change any
	if err := json.Unmarshal(before, &target); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(patch, &change); err != nil {
		return nil, err
	}
	after, err := json.Marshal(mergePatch(target, change))
	if err != nil {
		return nil, err
	}
	merged := m.ProtoReflect().New().Interface()
	return merged, protojson.Unmarshal(after, merged)
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
