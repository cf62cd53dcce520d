package deploy

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/cloudrun"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/golden"
)

// runNotOwned are fields of the messages that we write which are none of ours, with the reason.
var runNotOwned = map[string]map[protoreflect.FullName]bool{
	"not in the masks of our writes: what others set stays": runFields(map[string][]string{
		"Service": {
			"description", "client", "client_version", "launch_stage", "binary_authorization", "iap_enabled", "multi_region_settings", "build_config",
		},
		"WorkerPool": {"description", "client", "client_version", "launch_stage", "binary_authorization", "custom_audiences"},
	}),
	"only told by the API": runFields(map[string][]string{
		"Service": {
			"uid", "generation", "create_time", "update_time", "delete_time", "expire_time", "creator", "last_modifier", "urls", "observed_generation",
			"terminal_condition", "conditions", "latest_ready_revision", "latest_created_revision", "traffic_statuses", "uri", "satisfies_pzs",
			"threat_detection_enabled", "reconciling", "etag",
		},
		"WorkerPool": {
			"uid", "generation", "create_time", "update_time", "delete_time", "expire_time", "creator", "last_modifier", "observed_generation",
			"terminal_condition", "conditions", "latest_ready_revision", "latest_created_revision", "instance_split_statuses", "satisfies_pzs",
			"threat_detection_enabled", "reconciling", "etag",
		},
		"Container": {"build_info"},
	}),
	"filled in by the API where it is not declared": runFields(map[string][]string{
		"RevisionTemplate": {"revision"}, "WorkerPoolRevisionTemplate": {"revision"},
		"ServiceScaling":     {"manual_instance_count"}, // counts in manual mode only, and that is a difference
		"SecretVolumeSource": {"default_mode"}, "VersionToPath": {"mode"},
	}),
	"of keys and hardware that the app does not ask for: meaningless without the key or the accelerator": runFields(map[string][]string{
		"RevisionTemplate":           {"encryption_key_revocation_action", "encryption_key_shutdown_duration", "gpu_zonal_redundancy_disabled"},
		"WorkerPoolRevisionTemplate": {"encryption_key_revocation_action", "encryption_key_shutdown_duration", "gpu_zonal_redundancy_disabled"},
	}),
	"of another volume than the one declared, of which a difference shows that the declared kind is missing": runFields(map[string][]string{
		"Volume": {"cloud_sql_instance", "nfs", "gcs"},
	}),
}

// everyRun are the messages of every golden app.
func everyRun(t *testing.T) map[string][]proto.Message {
	t.Helper()
	all := map[string][]proto.Message{}
	for name, rendered := range golden.CloudRun(t) {
		all[name] = append(all[name], cloudrun.Service(rendered))
		for _, pool := range cloudrun.WorkerPools(rendered) {
			all[name] = append(all[name], pool)
		}
	}
	return all
}

// runSeen are the types of messages that are rendered anywhere, and the fields that are declared in any of them.
func runSeen(all map[string][]proto.Message) (types []protoreflect.MessageDescriptor, declared map[protoreflect.FullName]bool) {
	declared = map[protoreflect.FullName]bool{}
	known := map[protoreflect.FullName]bool{}
	var visit func(protoreflect.Message)
	visit = func(m protoreflect.Message) {
		if d := m.Descriptor(); !known[d.FullName()] {
			known[d.FullName()] = true
			types = append(types, d)
		}
		m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			declared[field.FullName()] = true
			switch {
			case field.Message() == nil || field.IsMap() || runIsDuration(field):
			case field.IsList():
				for i := range v.List().Len() {
					visit(v.List().Get(i).Message())
				}
			default:
				visit(v.Message())
			}
			return true
		})
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, m := range all[name] {
			visit(m.ProtoReflect())
		}
	}
	return types, declared
}

// A field of what is rendered is declared by some golden app, or owned without being declared, or for a reason neither.
func TestEveryFieldOfCloudRunIsOursOrNotForAReason(t *testing.T) {
	t.Parallel()
	types, declared := runSeen(everyRun(t))
	for _, message := range types {
		for i := range message.Fields().Len() {
			field := message.Fields().Get(i).FullName()
			known := declared[field] || runOwned[field] || runNotCompared[field]
			for reason, fields := range runNotOwned {
				if fields[field] && known {
					t.Errorf("%s is declared or owned, and %s", field, reason)
				}
				known = known || fields[field]
			}
			if !known {
				t.Errorf("no golden app declares %s: add one, or say in runOwned that empty is a declaration, or in runNotOwned why it is none of ours", field)
			}
		}
	}
	for _, fields := range append(slices.Collect(maps.Values(runNotOwned)), runOwned, runNotCompared, runQuantities) {
		for field := range fields {
			if _, err := protoregistry.GlobalFiles.FindDescriptorByName(field); err != nil {
				t.Errorf("there is no field %s", field)
			}
		}
	}
}

// Every field that is declared or owned, changed alone, is a difference that names it and both values.
func TestEveryOwnedFieldOfCloudRunThatIsChangedShows(t *testing.T) {
	t.Parallel()
	tried := map[protoreflect.FullName]bool{}
	for name, messages := range everyRun(t) {
		for _, declared := range messages {
			live := proto.Clone(declared)
			changing := runChanger{t: t, name: name, declared: declared, live: live, tried: tried}
			changing.message(live.ProtoReflect())
			if left := runDiff(declared, live); len(left) > 0 {
				t.Fatalf("%s: the test left %q", name, left)
			}
		}
	}
	for field := range runOwned {
		if !tried[field] {
			t.Errorf("%s was never changed", field)
		}
	}
}

// runChanger changes a live message in one place at a time, and takes that back.
type runChanger struct {
	t              *testing.T
	name           string
	declared, live proto.Message
	tried          map[protoreflect.FullName]bool
}

func (c runChanger) message(m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		owned := runOwned[field.FullName()]
		switch before := m.Get(field); {
		case runNotCompared[field.FullName()] || !m.Has(field) && !owned:
		case !m.Has(field):
			m.Set(field, changedField(m, field))
			c.check(field, "")
			m.Clear(field)
		case field.IsMap():
			c.mapField(field, before.Map())
		case field.IsList():
			c.list(field, before.List())
		case field.Message() != nil && !runIsDuration(field):
			m.Clear(field)
			c.check(field, "")
			m.Set(field, before)
			c.message(before.Message())
		default:
			want := runValue(field, m)
			m.Set(field, changedField(m, field))
			c.check(field, want+" -> "+runValue(field, m))
			m.Set(field, before)
		}
	}
}

func (c runChanger) list(field protoreflect.FieldDescriptor, list protoreflect.List) {
	last := list.Get(list.Len() - 1)
	list.Truncate(list.Len() - 1)
	c.check(field, "")
	list.Append(last)
	for i := 0; field.Message() != nil && i < list.Len(); i++ {
		c.message(list.Get(i).Message())
	}
}

func (c runChanger) mapField(field protoreflect.FieldDescriptor, m protoreflect.Map) {
	var keys []protoreflect.MapKey
	m.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, k)
		return true
	})
	for _, key := range keys {
		before := m.Get(key)
		m.Set(key, protoreflect.ValueOfString("changed"))
		c.check(field, "")
		m.Set(key, before)
	}
}

// check demands a difference at the field, with both values where it has one.
func (c runChanger) check(field protoreflect.FieldDescriptor, values string) {
	c.t.Helper()
	c.tried[field.FullName()] = true
	changes := runDiff(c.declared, c.live)
	if len(changes) == 0 {
		c.t.Errorf("%s: a change of %s does not show", c.name, field.FullName())
		return
	}
	all := strings.Join(changes, "\n")
	if key := runKey(field.ContainingMessage()); key == field {
		return // an entry by another name is another entry
	}
	if !strings.Contains(all, string(field.Name())) {
		c.t.Errorf("%s: a change of %s shows as %q", c.name, field.FullName(), changes)
	}
	if !strings.Contains(all, values) {
		c.t.Errorf("%s: a change of %s, %s, shows as %q", c.name, field.FullName(), values, changes)
	}
}

// changedField is another value for a field.
func changedField(m protoreflect.Message, field protoreflect.FieldDescriptor) protoreflect.Value {
	value := m.Get(field)
	switch {
	case field.IsList():
		list := m.NewField(field).List()
		if field.Message() != nil {
			list.Append(list.NewElement())
		} else {
			list.Append(protoreflect.ValueOfString("changed"))
		}
		return protoreflect.ValueOfList(list)
	case runIsDuration(field):
		d := &durationpb.Duration{Seconds: 7}
		return protoreflect.ValueOfMessage(d.ProtoReflect())
	case field.Message() != nil:
		return m.NewField(field)
	case field.Enum() != nil:
		values := field.Enum().Values()
		last := values.Get(values.Len() - 1).Number()
		if last == value.Enum() {
			last = values.Get(values.Len() - 2).Number()
		}
		return protoreflect.ValueOfEnum(last)
	case field.Kind() == protoreflect.BoolKind:
		return protoreflect.ValueOfBool(!value.Bool())
	case field.Kind() == protoreflect.StringKind:
		return protoreflect.ValueOfString(value.String() + "7")
	default:
		return protoreflect.ValueOfInt32(int32(value.Int()) + 1)
	}
}
