package deploy

import (
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// runFields lists fields of run.v2 by message.
func runFields(byMessage map[string][]string) map[protoreflect.FullName]bool {
	all := map[protoreflect.FullName]bool{}
	for message, fields := range byMessage {
		for _, field := range fields {
			all[protoreflect.FullName("google.cloud.run.v2."+message+"."+field)] = true
		}
	}
	return all
}

// runOwned are fields whose empty value is a declaration too: the API does not fill them in, and a write of ours, which
// replaces the whole template, takes them away.
// Source: google.cloud.run.v2, the comments of these fields.
var runOwned = runFields(map[string][]string{
	"Service":         {"custom_audiences", "default_uri_disabled", "invoker_iam_disabled"},
	"ServiceScaling":  {"min_instance_count", "scaling_mode"},
	"RevisionScaling": {"min_instance_count"},
	"VpcAccess":       {"connector"},
	"RevisionTemplate": {
		"containers", "volumes", "vpc_access", "session_affinity", "encryption_key", "service_mesh", "health_check_disabled", "node_selector",
	},
	"WorkerPoolRevisionTemplate": {"containers", "volumes", "vpc_access", "encryption_key", "service_mesh", "node_selector"},
	"VpcAccess.NetworkInterface": {"tags"},
	"Container": {
		// The API gives ports and a startup check only to the container that takes the requests, which declares both always.
		"ports", "startup_probe",
		"args", "command", "env", "liveness_probe", "readiness_probe", "volume_mounts", "working_dir", "depends_on", "source_code", "base_image_uri",
	},
	"ResourceRequirements": {"cpu_idle", "startup_cpu_boost"},
	"Probe":                {"initial_delay_seconds"},
	"HTTPGetAction":        {"http_headers"},
	"GRPCAction":           {"service"},
	"VolumeMount":          {"sub_path"},
	"TrafficTarget":        {"tag", "revision"},
	"InstanceSplit":        {"revision"},
})

// runNotCompared are fields that tell nothing about the declared state.
var runNotCompared = runFields(map[string][]string{"Service": {"name"}, "WorkerPool": {"name"}})

// runSameAsUnset are values that mean the same as none at all.
var runSameAsUnset = map[protoreflect.FullName]protoreflect.EnumNumber{
	"google.cloud.run.v2.ServiceScaling.scaling_mode": runpb.ServiceScaling_AUTOMATIC.Number(),
}

// runQuantities are maps whose values mean the same in several spellings, "1" and "1000m", and which are declared as a
// whole: a limit that somebody added, such as an accelerator, goes with our next write.
var runQuantities = runFields(map[string][]string{"ResourceRequirements": {"limits"}})
