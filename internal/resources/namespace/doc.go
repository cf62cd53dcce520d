// Package namespace is the resource twelvefactor_namespace: a namespace of a GKE cluster with what holds for all pods in it.
package namespace
