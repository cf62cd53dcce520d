// Package kube is a thin client of the Kubernetes API of one cluster: read, server-side apply, delete, wait, compare.
//
// It works on unstructured objects and knows the few kinds it waits for by their fields. There is no typed client set
// in it, because linking one costs every start of the provider time and memory. The errors are those of the API
// server (k8s.io/apimachinery/pkg/api/errors); IsUnreachable and Conflict add what those do not tell.
package kube
