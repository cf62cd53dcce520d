package deploy

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// A misspelt name would look for nothing.
func TestClusterShownEnumsAreEnums(t *testing.T) {
	t.Parallel()
	for _, name := range clusterShownEnums {
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
		if field, ok := found.(protoreflect.FieldDescriptor); err != nil || !ok || field.Enum() == nil {
			t.Errorf("%s is no enum field: %v", name, err)
		}
	}
}
