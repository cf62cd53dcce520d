// Package deploy holds the use cases: bringing a cluster, an identity, a secret, a session key or a service to its
// declared state, whatever was there before and wherever an earlier run was interrupted.
//
// The cloud is the log: what a use case has to know after a crash, it reads from live objects (deterministic names,
// the ownership stamp of package names, intent annotations), never from a file of its own. It knows nothing of
// Terraform; the resources translate its results and errors.
package deploy
