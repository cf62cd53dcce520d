// Package gke renders an app to the Kubernetes objects that run it on GKE.
//
// It is pure: the same input gives the same objects, byte for byte, whoever asks and whenever. All that an object says
// is declared here; what Kubernetes fills in by itself is left out, so that comparing what was rendered with what is
// live finds drift and nothing else.
package gke
