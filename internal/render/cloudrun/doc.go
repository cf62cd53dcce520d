// Package cloudrun renders an app to the Cloud Run service and worker pools that run it.
//
// It is pure: the same input gives the same messages. What the API fills in by itself is left out, so that comparing
// what was rendered with what is live finds drift and nothing else.
package cloudrun
