package names

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Labels of the ownership stamp on Google Cloud objects. Label keys there are lower case, with - and _ only.
const (
	LabelManagedBy = "managed-by"
	ManagedBy      = "twelvefactor"
	LabelStack     = "twelvefactor-stack"
	LabelCreating  = "twelvefactor-creating"
)

// Labels and annotations on Kubernetes objects.
const (
	KubeManagedBy = "app.kubernetes.io/managed-by"
	KubeName      = "app.kubernetes.io/name"
	KubeComponent = "app.kubernetes.io/component"
	KubeStack     = "twelvefactor.dev/stack"
	KubeService   = "twelvefactor.dev/service"
	KubeProcess   = "twelvefactor.dev/process"
	KubeRelease   = "twelvefactor.dev/release"
	KubeCreating  = "twelvefactor.dev/creating"  // annotation: Unix seconds
	KubeApp       = "twelvefactor.dev/app"       // annotation: the declared app as canonical JSON
	KubeNamespace = "twelvefactor.dev/namespace" // annotation of a namespace with a resource of its own: what it declares
	KubeCapacity  = "twelvefactor.dev/capacity"  // node label on every pool
	KubePool      = "twelvefactor.dev/pool"      // node label: the key in node_pools
	KubeCordoned  = "twelvefactor.dev/cordoned"  // node annotation: closed to new pods by this provider
)

// Stamp marks what one deployment of the provider owns.
type Stamp struct {
	// Stack is the provider's attribute of that name; empty when there is none.
	Stack string
	// Origin is where the run takes place: the working folder on its machine. Without a stack it tells an interrupted
	// run from another state's; it is only in the mark of an unfinished create, because it may change from run to run.
	Origin string
}

// Hash is what the labels carry for the stack: 12 hexadecimal characters, empty without a stack.
func (s Stamp) Hash() string {
	if s.Stack == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(s.Stack))
	return hex.EncodeToString(sum[:6])
}

// Mark is the mark of a create that began at t: Unix seconds and, without a stack, a hash of the origin, such as
// "1767225600-0a1b2c3d".
func (s Stamp) Mark(t time.Time) string {
	mark := strconv.FormatInt(t.Unix(), 10)
	if origin := s.originHash(); origin != "" {
		mark += "-" + origin
	}
	return mark
}

func (s Stamp) originHash() string {
	if s.Stack != "" || s.Origin == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(s.Origin))
	return hex.EncodeToString(sum[:4])
}

// Labels is the stamp for Google Cloud labels. creating is set while a create is unfinished; the zero time leaves it out.
func (s Stamp) Labels(creating time.Time) map[string]string {
	return s.labels(LabelManagedBy, LabelStack, LabelCreating, creating)
}

// KubeLabels is the stamp for Kubernetes labels.
func (s Stamp) KubeLabels() map[string]string {
	return s.labels(KubeManagedBy, KubeStack, "", time.Time{})
}

func (s Stamp) labels(managedBy, stack, creating string, t time.Time) map[string]string {
	l := map[string]string{managedBy: ManagedBy}
	if h := s.Hash(); h != "" {
		l[stack] = h
	}
	if !t.IsZero() {
		l[creating] = s.Mark(t)
	}
	return l
}

// Owns tells whether Google Cloud labels carry this stamp: managed by the provider, and of the same stack (none for none).
func (s Stamp) Owns(labels map[string]string) bool {
	return labels[LabelManagedBy] == ManagedBy && labels[LabelStack] == s.Hash()
}

// OwnsKube is Owns for Kubernetes labels.
func (s Stamp) OwnsKube(labels map[string]string) bool {
	return labels[KubeManagedBy] == ManagedBy && labels[KubeStack] == s.Hash()
}

// CreatingSince reads the mark of an unfinished create from Google Cloud labels or Kubernetes annotations.
func CreatingSince(marks map[string]string) (time.Time, bool) {
	since, _, ok := creatingMark(marks)
	return since, ok
}

func creatingMark(marks map[string]string) (since time.Time, origin string, ok bool) {
	for _, key := range []string{LabelCreating, KubeCreating} {
		seconds, origin, _ := strings.Cut(marks[key], "-")
		if sec, err := strconv.ParseInt(seconds, 10, 64); err == nil {
			return time.Unix(sec, 0), origin, true
		}
	}
	return time.Time{}, "", false
}

// IsStampLabel tells whether a Google Cloud label belongs to the stamp rather than to the user.
func IsStampLabel(key string) bool {
	return key == LabelManagedBy || key == LabelStack || key == LabelCreating
}

// MayAdopt decides what to do with an object that is already there when a create of ours meets it: only an unfinished
// create of the same stack is taken over. A finished object never is, because another state may hold it. Without a
// stack the mark must also come from the same origin and be younger than the create timeout.
func (s Stamp) MayAdopt(labels, marks map[string]string, now time.Time, createTimeout time.Duration, kube bool) bool {
	owns := s.Owns(labels)
	if kube {
		owns = s.OwnsKube(labels)
	}
	since, origin, creating := creatingMark(marks)
	if !owns || !creating {
		return false
	}
	return s.Stack != "" || origin == s.originHash() && now.Sub(since) < createTimeout
}
