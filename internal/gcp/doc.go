// Package gcp holds thin clients of the Google Cloud APIs that the provider uses, one file per noun: clusters, node
// pools, secrets and their versions, service accounts, projects, Cloud Run services and worker pools, and policies.
//
// Methods take and return the APIs' own messages and full resource names, and give back the callee's error; Classify
// tells by gRPC code and reason what kind it is. There is one retry (Retry) and one waiter (Client.Poll). Reads are
// tried again after a transient failure by an interceptor; writes never are, because only the use cases in package
// deploy can settle a write whose answer was lost.
package gcp
