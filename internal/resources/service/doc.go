// Package service is the resource twelvefactor_service: one app with its processes, on GKE or on Cloud Run.
package service
