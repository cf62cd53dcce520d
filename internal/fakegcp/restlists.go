package fakegcp

import (
	"bytes"
	"encoding/json"
	"net/http"
	"sync"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// storedLists are the answers whose items are stored messages, by the field that holds them. A stored message is replaced and
// never changed, so that its JSON can be kept: encoding it is nearly all of what a list costs.
var storedLists = map[protoreflect.FullName]protoreflect.Name{
	"google.cloud.run.v2.ListServicesResponse":          "services",
	"google.cloud.secretmanager.v1.ListSecretsResponse": "secrets",
}

// maxEncodings bounds the JSON that is kept: some tens of megabytes.
const maxEncodings = 10_000

// encodings is the JSON of items of lists, as it stands in the answer.
type encodings struct {
	mu        sync.Mutex
	byMessage map[protoreflect.ProtoMessage][]byte
}

// of is the JSON of an item.
func (e *encodings) of(m proto.Message) ([]byte, error) {
	e.mu.Lock()
	kept, ok := e.byMessage[m]
	e.mu.Unlock()
	if ok {
		return kept, nil
	}
	body, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, body, "    ", "  "); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.byMessage == nil || len(e.byMessage) >= maxEncodings {
		e.byMessage = map[protoreflect.ProtoMessage][]byte{} // messages that were replaced go with it
	}
	e.byMessage[m] = out.Bytes()
	return out.Bytes(), nil
}

// writeList writes an answer of storedLists in the plain format, and says whether the answer is such a one.
func (s *Server) writeList(w http.ResponseWriter, answer proto.Message, format answerFormat) bool {
	m := answer.ProtoReflect()
	name, ok := storedLists[m.Descriptor().FullName()]
	if !ok || !format.plain() {
		return false
	}
	field := m.Descriptor().Fields().ByName(name)
	items := m.Get(field).List()
	if items.Len() == 0 {
		return false
	}
	encoded := make([][]byte, items.Len())
	size := 0
	for i := range encoded {
		item, err := s.encodings.of(items.Get(i).Message().Interface())
		if err != nil {
			return false // the general way words the error
		}
		encoded[i] = item
		size += len(item) + len(",\n    ")
	}
	var out bytes.Buffer
	out.Grow(size + len("nextPageToken") + 100) // in one piece: hundreds of kilobytes
	out.WriteString("{\n  \"" + field.JSONName() + "\": [")
	for i, item := range encoded {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString("\n    ")
		out.Write(item)
	}
	out.WriteString("\n  ]")
	if err := writeRest(&out, m, field); err != nil {
		return false
	}
	out.WriteString("\n}\n")
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_, _ = w.Write(out.Bytes()) // the client has gone if this fails
	return true
}

// writeRest writes the fields of an answer besides its items.
func writeRest(out *bytes.Buffer, m protoreflect.Message, items protoreflect.FieldDescriptor) error {
	rest := m.New()
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f != items {
			rest.Set(f, v)
		}
		return true
	})
	body, err := protojson.Marshal(rest.Interface())
	if err != nil {
		return err
	}
	var fields bytes.Buffer
	if err := json.Indent(&fields, body, "", "  "); err != nil {
		return err
	}
	inner := bytes.TrimSuffix(bytes.TrimPrefix(fields.Bytes(), []byte("{")), []byte("}"))
	if inner = bytes.TrimRight(inner, "\n"); len(inner) > 0 {
		out.WriteByte(',')
		out.Write(inner)
	}
	return nil
}
