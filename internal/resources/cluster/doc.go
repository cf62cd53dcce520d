// Package cluster is the resource twelvefactor_cluster: a GKE Standard cluster with its node pools as a map.
package cluster
