package fakegcp

import (
	"cmp"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// createdCollections names the collection under the parent for each id field of a create request.
var createdCollections = []struct{ idField, collection string }{
	{"secret_id", "secrets"},
	{"service_id", "services"},
	{"worker_pool_id", "workerPools"},
	{"job_id", "jobs"},
	{"account_id", "serviceAccounts"},
}

// embeddedResources are the fields of update and create requests that hold the resource itself, with the collection it
// has under the request's parent.
var embeddedResources = []struct{ field, collection string }{
	{"secret", ""},
	{"service", ""},
	{"worker_pool", ""},
	{"job", ""},
	{"service_account", ""},
	{"cluster", "clusters"},
	{"node_pool", "nodePools"},
}

// requestResource is the full name of what a request is about, as the caller wrote it; for a create the name that the
// object will have. It reads names only.
func requestResource(m proto.Message) string {
	if m == nil {
		return ""
	}
	r := m.ProtoReflect()
	parent := cmp.Or(stringField(r, "parent"), legacyParent(r))
	name := cmp.Or(stringField(r, "name"), stringField(r, "resource"))
	for _, c := range createdCollections {
		if id := stringField(r, protoreflect.Name(c.idField)); id != "" {
			return fmt.Sprintf("%s/%s/%s", cmp.Or(parent, name), c.collection, id)
		}
	}
	if name != "" {
		return name
	}
	for _, e := range embeddedResources {
		f := r.Descriptor().Fields().ByName(protoreflect.Name(e.field))
		if f == nil || f.Message() == nil || f.IsMap() || !r.Has(f) {
			continue
		}
		embedded := stringField(r.Get(f).Message(), "name")
		if e.collection == "" {
			return cmp.Or(embedded, parent)
		}
		return fmt.Sprintf("%s/%s/%s", parent, e.collection, embedded)
	}
	return parent
}

func stringField(r protoreflect.Message, name protoreflect.Name) string {
	f := r.Descriptor().Fields().ByName(name)
	if f == nil || f.Kind() != protoreflect.StringKind || f.IsList() {
		return ""
	}
	return r.Get(f).String()
}

// legacyParent is the parent in the container API's deprecated fields (project_id, zone, cluster_id, node_pool_id).
func legacyParent(r protoreflect.Message) string {
	project := stringField(r, "project_id")
	if project == "" {
		return ""
	}
	name := "projects/" + project
	for _, part := range []struct{ field, collection string }{{"zone", "locations"}, {"cluster_id", "clusters"}, {"node_pool_id", "nodePools"}} {
		if v := stringField(r, protoreflect.Name(part.field)); v != "" {
			name += "/" + part.collection + "/" + v
		}
	}
	return name
}
