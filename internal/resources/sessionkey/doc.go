// Package sessionkey is the resource twelvefactor_session_key: a ring of random keys in Secret Manager, drawn and
// rotated by the provider and never seen by Terraform.
package sessionkey
