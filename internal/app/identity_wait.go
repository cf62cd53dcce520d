package app

import (
	"fmt"
	"time"
)

// IdentityWait is the wait of a new pod for its identity: GKE's metadata server does not answer a pod in its first
// seconds, and what asks then fails.
type IdentityWait struct {
	Off     bool          `json:"off,omitempty"`
	Image   string        `json:"image,omitempty"` // has sh, timeout and wget, as busybox and alpine have
	Timeout time.Duration `json:"timeout,omitempty"`
}

const (
	// DefaultWaitImage is small, and what Docker Hub has under that name GKE's nodes pull from Google's own cache,
	// mirror.gcr.io, first: nodes without a way to the internet reach that through Private Google Access.
	// Source: Artifact Registry, "Pull cached Docker Hub images".
	DefaultWaitImage = "docker.io/library/busybox:1.37.0"
	// DefaultWaitTimeout is what GKE's documentation waits.
	DefaultWaitTimeout = time.Minute
	maxWait            = 5 * time.Minute // less than the ten minutes in which a rollout has to progress
)

func waitDefaults(w *IdentityWait) *IdentityWait {
	switch {
	case w == nil:
		return &IdentityWait{Image: DefaultWaitImage, Timeout: DefaultWaitTimeout}
	case w.Off:
		return &IdentityWait{Off: true}
	}
	return &IdentityWait{Image: orDefault(w.Image, DefaultWaitImage), Timeout: orDefault(w.Timeout, DefaultWaitTimeout)}
}

func checkIdentityWait(a App) []Finding {
	w := a.GKE.IdentityWait
	if w == nil || w.Off {
		return nil
	}
	_, err := ParseImage(w.Image)
	all := fromError("Image is not pinned", err, "gke", "identity_wait", "image")
	if w.Timeout < time.Second || w.Timeout > maxWait || w.Timeout%time.Second != 0 {
		all = append(all, Finding{
			Path: []string{"gke", "identity_wait", "timeout"}, Summary: "Invalid wait for the identity",
			Detail: fmt.Sprintf("Timeout %s is not a whole number of seconds between 1s and %s; for example \"60s\".", w.Timeout, maxWait),
		})
	}
	return all
}
