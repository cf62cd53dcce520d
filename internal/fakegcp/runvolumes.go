package fakegcp

import (
	"path"
	"strings"

	"cloud.google.com/go/run/apiv2/runpb"
)

// checkRunVolumes refuses secret volumes whose items are incomplete, and mounts that no container can have. Only the rules
// are documented, not their texts. Sources: google/cloud/run/v2/k8s.min.proto, SecretVolumeSource.items ("must specify a
// path and a version") and VolumeMount.mount_path ("must not contain ':'"); Kubernetes' KeyToPath.path (relative, no "..");
// https://cloud.google.com/run/docs/configuring/services/secrets: no two secrets at one path.
func checkRunVolumes(containers []*runpb.Container, volumes []*runpb.Volume) error {
	for i, v := range volumes {
		seen := map[string]bool{}
		for j, item := range v.GetSecret().GetItems() {
			p := item.GetPath()
			switch {
			case p == "" || item.GetVersion() == "":
				return invalid("spec.template.spec.volumes[%d].secret.items[%d]: Missing path or version.", i, j)
			case strings.HasPrefix(p, "/") || path.Clean(p) != p || p == ".." || strings.HasPrefix(p, "../"):
				return invalid("spec.template.spec.volumes[%d].secret.items[%d].path: Must be a relative path without '..'.", i, j)
			case seen[p]:
				return invalid("spec.template.spec.volumes[%d].secret.items[%d].path: Duplicate path '%s'.", i, j, p)
			}
			seen[p] = true
		}
	}
	for i, c := range containers {
		seen := map[string]bool{}
		for j, m := range c.GetVolumeMounts() {
			at := m.GetMountPath()
			switch {
			case at == "": // for Cloud SQL
				continue
			case !strings.HasPrefix(at, "/") || strings.Contains(at, ":"):
				return invalid("spec.template.spec.containers[%d].volume_mounts[%d].mount_path: Must be an absolute path without ':'.", i, j)
			case seen[path.Clean(at)]:
				return invalid("spec.template.spec.containers[%d].volume_mounts[%d].mount_path: Duplicate mount path '%s'.", i, j, at)
			}
			seen[path.Clean(at)] = true
		}
	}
	return nil
}
