package fakegcp

import (
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// fieldSelection is a node of a partial answer: which members of an object are wanted, by JSON name. One without members
// wants everything.
// Source: https://developers.google.com/workspace/drive/api/guides/fields-parameter.
type fieldSelection struct {
	members map[string]*fieldSelection // "*" is every member
	names   []string                   // of members, as they came
}

// anyField as a member's name selects every member.
const anyField = "*"

// parseFields reads a `fields` parameter such as "clusters(name,nodePools/config(spot)),missingZones". ok is false where it
// is not well formed.
func parseFields(text string) (root *fieldSelection, ok bool) {
	p := fieldsParser{rest: text}
	root = &fieldSelection{}
	if !p.list(root, 0) || p.rest != "" {
		return nil, false
	}
	return root, true
}

type fieldsParser struct{ rest string }

// list reads selections separated by commas into a node.
func (p *fieldsParser) list(into *fieldSelection, depth int) bool {
	if depth > maxJSONDepth {
		return false
	}
	for {
		if !p.path(into, depth) {
			return false
		}
		if !p.next(",") {
			return true
		}
	}
}

// path reads a/b/c or a.b.c, with the selections of what is in it in parentheses.
func (p *fieldsParser) path(at *fieldSelection, depth int) bool {
	for {
		name := p.name()
		if name == "" {
			return false
		}
		whole := at.has(name)
		at = at.member(name)
		switch {
		case p.next("/"), p.next("."):
			if whole {
				at = &fieldSelection{} // the whole member is selected already
			}
		case p.next("("):
			if whole {
				at = &fieldSelection{}
			}
			return p.list(at, depth+1) && p.next(")")
		default:
			at.members, at.names = nil, nil
			return true
		}
	}
}

func (p *fieldsParser) name() string {
	p.rest = strings.TrimLeft(p.rest, " ")
	end := strings.IndexAny(p.rest, "/.,() ")
	if end < 0 {
		end = len(p.rest)
	}
	name := p.rest[:end]
	p.rest = strings.TrimLeft(p.rest[end:], " ")
	return name
}

func (p *fieldsParser) next(token string) bool {
	rest, ok := strings.CutPrefix(p.rest, token)
	p.rest = strings.TrimLeft(rest, " ")
	return ok
}

// has says whether a member is selected as a whole.
func (s *fieldSelection) has(name string) bool {
	m, ok := s.members[name]
	return ok && len(m.members) == 0
}

// member is the node of a member, made if need be.
func (s *fieldSelection) member(name string) *fieldSelection {
	if m, ok := s.members[name]; ok {
		return m
	}
	if s.members == nil {
		s.members = map[string]*fieldSelection{}
	}
	m := &fieldSelection{}
	s.members[name] = m
	s.names = append(s.names, name)
	return m
}

// selectionFor reads a `fields` parameter for answers of a type; nil selects everything. The refusal is worded as Google's,
// with the path that has no field.
func selectionFor(text string, d protoreflect.MessageDescriptor) (*fieldSelection, error) {
	if text == "" {
		return nil, nil
	}
	root, ok := parseFields(text)
	if !ok {
		return nil, badFields(text, malformedFields)
	}
	resolved, bad := root.resolve(d, "")
	if bad != "" {
		return nil, badFields(text, fmt.Sprintf("Error expanding 'fields' parameter. Cannot find matching fields for path '%s'.", bad))
	}
	return resolved, nil
}

// malformedFields is plausible, not recorded.
const malformedFields = "Error expanding 'fields' parameter. The selection is not well formed."

func badFields(text, why string) error {
	return withDetails(invalid("Request contains an invalid argument."), &errdetails.BadRequest{
		FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: text, Description: why}},
	})
}

// resolve is the selection with JSON names, or the path that a message of the type does not have. What JSON writes in a form
// of its own, and the keys of a map, are only known from the answer.
func (s *fieldSelection) resolve(d protoreflect.MessageDescriptor, path string) (resolved *fieldSelection, bad string) {
	resolved = &fieldSelection{}
	for _, name := range s.names {
		here := name
		if path != "" {
			here = path + "." + name
		}
		if name == anyField {
			below, bad := s.members[name].resolveAny(d, here)
			if bad != "" {
				return nil, bad
			}
			resolved.member(anyField).take(below)
			continue
		}
		f := fieldNamed(d, name)
		if f == nil {
			return nil, here
		}
		below, bad := s.members[name].resolveIn(f, here)
		if bad != "" {
			return nil, bad
		}
		whole := resolved.has(f.JSONName())
		if m := resolved.member(f.JSONName()); !whole {
			m.take(below)
		}
	}
	return resolved, ""
}

// take puts what another node selects into this one; a node without members takes all of it in.
func (s *fieldSelection) take(o *fieldSelection) {
	for _, name := range o.names {
		s.member(name).take(o.members[name])
	}
}

// resolveIn resolves what is selected in a field.
func (s *fieldSelection) resolveIn(f protoreflect.FieldDescriptor, path string) (*fieldSelection, string) {
	switch {
	case len(s.members) == 0:
		return s, ""
	case f.IsMap():
		resolved := &fieldSelection{}
		for _, key := range s.names {
			below, bad := s.members[key].resolveIn(f.MapValue(), path+"."+key)
			if bad != "" {
				return nil, bad
			}
			resolved.member(key).take(below)
		}
		return resolved, ""
	case f.Message() == nil:
		return nil, path + "." + s.names[0]
	}
	if _, ok := wellKnown(f.Message()); ok {
		return s, ""
	}
	return s.resolve(f.Message(), path)
}

// resolveAny resolves what is selected in every member: it must fit at least one of them.
func (s *fieldSelection) resolveAny(d protoreflect.MessageDescriptor, path string) (*fieldSelection, string) {
	if len(s.members) == 0 {
		return s, ""
	}
	var bad string
	resolved := &fieldSelection{}
	for i := range d.Fields().Len() {
		below, why := s.resolveIn(d.Fields().Get(i), path)
		if why != "" {
			bad = why
			continue
		}
		resolved.take(below)
	}
	if len(resolved.members) == 0 {
		return nil, bad
	}
	return resolved, ""
}

// of is what the selection leaves of a value; an array is selected element by element. Of an object's members those are left
// out of which nothing is left.
func (s *fieldSelection) of(n *jsonNode) *jsonNode {
	if s == nil || len(s.members) == 0 {
		return n
	}
	left := &jsonNode{kind: n.kind}
	for i, item := range n.items {
		scalar := item.kind != jsonObject && item.kind != jsonArray
		if n.kind == jsonArray {
			if !scalar {
				left.items = append(left.items, s.of(item))
			}
			continue
		}
		m, ok := s.members[n.names[i]]
		if !ok {
			m, ok = s.members[anyField]
		}
		if !ok || scalar && len(m.members) > 0 {
			continue
		}
		if below := m.of(item); len(m.members) == 0 || len(below.items) > 0 {
			left.names, left.items = append(left.names, n.names[i]), append(left.items, below)
		}
	}
	return left
}
