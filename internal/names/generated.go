package names

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// suffixLen is the length of the hash that marks a cut or ambiguous name.
	suffixLen = 8
	// maxLabel is the longest name that is also a DNS label (RFC 1123).
	maxLabel = 63
	// maxRun is the longest name of a Cloud Run service or worker pool ("less than 50 characters").
	maxRun = 49
)

// suffix is a short hash that begins with a digit. No process name does (see Deployment), so a name that carries a
// hash is never equal to one that does not.
func suffix(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return string('0'+sum[0]%10) + hex.EncodeToString(sum[1:])[:suffixLen-1]
}

// Shorten gives name itself if it has at most limit bytes, else its beginning and a hash of the whole, joined by a
// hyphen. The limit must be greater than 9.
func Shorten(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	return strings.TrimRight(name[:limit-suffixLen-1], "-") + "-" + suffix(name)
}

// join makes one name of a service and one of its parts. Both may contain hyphens, so "a"+"b-c" and "a-b"+"c" would
// be the same: a part with a hyphen gets a hash of the pair.
func join(service, part string, limit int) string {
	name := service + "-" + part
	if strings.Contains(part, "-") || len(name) > limit {
		keep := min(len(name), limit-suffixLen-1)
		return strings.TrimRight(name[:keep], "-") + "-" + suffix(service, part)
	}
	return name
}

// ServiceAccountID makes the id of a Google service account (6 to 30 characters) for an app of this name. A name that
// is a valid id already stays as it is.
func ServiceAccountID(name string) string {
	if len(name) < serviceAccountRule.min {
		return name + "-" + suffix(name)
	}
	return Shorten(name, serviceAccountRule.max)
}

// Deployment names the Deployment of a process, and with it the process's autoscaler and disruption budget. It is
// unique among all services of a namespace, as long as process names begin with a letter.
func Deployment(service, process string) string { return join(service, process, maxLabel) }

// WorkerPool names the Cloud Run worker pool of a process, unique among all services of a location.
func WorkerPool(service, process string) string { return join(service, process, maxRun) }

// KubeServiceName names the Kubernetes Service of an app: the host name by which others in the namespace call it.
// (KubeService is the label that says which app an object belongs to.)
func KubeServiceName(service string) string { return Shorten(service, maxLabel) }

// KubeServiceAccount names the Kubernetes service account that an app gets unless it brings its own.
func KubeServiceAccount(service string) string { return Shorten(service, maxLabel) }

// ConfigMap names the immutable ConfigMap that holds an app's config of this content.
func ConfigMap(service, contentHash string) string { return content(service, "config", contentHash) }

// Secret names the immutable Kubernetes Secret that holds these versions of an app's secrets.
func Secret(service, contentHash string) string { return content(service, "secrets", contentHash) }

// ConfigFiles names the immutable ConfigMap that holds these config files of an app.
func ConfigFiles(service, contentHash string) string { return content(service, "files", contentHash) }

// SecretFiles names the SecretProviderClass of these versions of an app's secret files.
func SecretFiles(service, contentHash string) string {
	return content(service, "secret-files", contentHash)
}

// FilesSecret names the secret that an app on Cloud Run keeps its config files in. It tells the location too, because the
// secrets of all locations are in one project.
func FilesSecret(service, location string) string { return service + "-" + location + "-files" }

// FileKey makes a name for a file in a volume, or a key of a ConfigMap, from its path: the path's end, readable, and a
// hash of the whole.
func FileKey(path string) string {
	readable := strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (r == '-' || r == '_' || r == '.' || unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return '_'
	}, path[strings.LastIndexByte(path, '/')+1:])
	readable = strings.TrimLeft(readable, ".") // a key may not begin with two
	return readable[:min(len(readable), maxFileKey)] + "-" + suffix(path)
}

// maxFileKey leaves room for the hash under the 253 characters of a ConfigMap's key.
const maxFileKey = 200

// Record names the ConfigMap that records what was applied for an app, and which objects that made.
func Record(service string) string { return Shorten(service, maxLabel-len("-release")) + "-release" }

func content(service, kind, hash string) string {
	tail := "-" + kind + "-" + hash
	return Shorten(service, maxLabel-len(tail)) + tail
}

// NodePool names one generation of the node pool with this key in node_pools. Only the first 8 characters of the
// generation's hash are used, to leave 31 of GKE's 40 to the key.
func NodePool(key, generationHash string) string {
	if len(generationHash) > suffixLen {
		generationHash = generationHash[:suffixLen]
	}
	tail := "-" + generationHash
	return Shorten(key, nodePoolRule.max-len(tail)) + tail
}

// WorkloadPool is the Workload Identity pool that every project has for its GKE clusters.
func WorkloadPool(project string) string { return project + ".svc.id.goog" }

// PrincipalDirect is the IAM principal of a Kubernetes service account, granted roles without a Google service account.
// Source: cloud.google.com/kubernetes-engine/docs/how-to/workload-identity.
func PrincipalDirect(number, project, namespace, serviceAccount string) string {
	return fmt.Sprintf("principal://iam.googleapis.com/projects/%s/locations/global/workloadIdentityPools/%s/subject/ns/%s/sa/%s",
		number, WorkloadPool(project), namespace, serviceAccount)
}

// WorkloadIdentityMember is the IAM member that may act as a Google service account when it holds
// roles/iam.workloadIdentityUser on it.
func WorkloadIdentityMember(project, namespace, serviceAccount string) string {
	return fmt.Sprintf("serviceAccount:%s[%s/%s]", WorkloadPool(project), namespace, serviceAccount)
}
