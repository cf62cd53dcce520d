package fakegcp

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// objectView is one object as its REST API shows it, and what belongs to it.
type objectView struct {
	Name   string // as its API returns it
	Kind   string // its message's full name
	JSON   string
	Policy string   // its IAM policy, "" if it has none
	Below  []string // the objects one level below it, such as a secret's versions
}

// object is the page of one object.
func (c *consoleServer) object(d *consoleData, name string) (page string, code int) {
	d.Title = lastSegment(name)
	one, found, err := c.s.viewObject(name)
	switch {
	case err != nil:
		c.s.options.Log.Error("console page of an object", "object", name, "error", err)
		d.Title, d.Why = "Not shown", "The object could not be encoded: "+err.Error()
		return "missing", http.StatusInternalServerError
	case !found:
		d.Title, d.Why = "Not found", "There is no object "+name+". It may have been deleted."
		return "missing", http.StatusNotFound
	}
	d.One = one
	return "object", http.StatusOK
}

// viewObject finds an object by its name with the project's id or number. Messages are encoded without the lock.
func (s *Server) viewObject(name string) (one objectView, found bool, err error) {
	m, policy, one := s.takeObject(name)
	if m == nil {
		return one, false, nil
	}
	if one.JSON, err = indented(m); err != nil {
		return one, true, err
	}
	if policy != nil {
		one.Policy, err = indented(policy)
	}
	return one, true, err
}

// takeObject copies what the page of an object needs; nil when there is none of the name.
func (s *Server) takeObject(name string) (m, policy proto.Message, one objectView) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	for _, n := range []string{name, s.numbered(name), s.identified(name)} {
		if found, ok := lookup[proto.Message](s.store, n); ok {
			m, one = found, objectView{Name: n, Kind: string(found.ProtoReflect().Descriptor().FullName())}
			break
		}
	}
	if m == nil {
		return nil, nil, one
	}
	if p := s.policies.get(s.policyKey(one.Name)); len(p.GetBindings()) > 0 {
		policy = p
	}
	for _, collection := range slices.Sorted(maps.Keys(s.store.below[one.Name])) {
		for e := range s.store.byName(collection) {
			one.Below = append(one.Below, e.name)
		}
	}
	return m, policy, one
}

// indented is a message as JSON for people.
func indented(m proto.Message) (string, error) {
	body, err := protojson.Marshal(m)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = json.Indent(&out, body, "", "  ")
	return out.String(), err
}
