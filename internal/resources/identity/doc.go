// Package identity is the resource twelvefactor_workload_identity: who an app is, in Kubernetes and in Google Cloud,
// and what it may do.
package identity
