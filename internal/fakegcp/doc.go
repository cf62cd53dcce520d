// Package fakegcp is a fake Google Cloud for one process: GKE, Secret Manager, IAM, Resource Manager and Cloud Run, over
// gRPC and REST on one loopback port.
//
// It behaves like the real service where a client gets hurt: operations run before they are done, objects are visible
// while they are being made, policies have etags, grants take effect later, service accounts are deleted softly, names in
// Secret Manager carry the project's number. What it does not model is listed in QUIRKS.md and is refused, never accepted
// silently.
//
// How it is put together: every call, whichever its transport, goes through one interceptor (exchange.go) that
// identifies the caller, checks permissions, applies injected faults, takes the server's one lock, settles what the
// virtual clock has made due, runs the handler and writes the journal. A handler therefore holds the lock: it never
// blocks, and what it reads and writes is one atomic step. The store clones on the way in and on the way out. What has to
// wait, WaitOperation, waits between two such steps (runwaits.go).
//
// Tests force states through the control methods of Server, through the control API under /_fake/, whose index lists it
// (controlroutes.go), or by Options.Control. With Options.StateFile everything survives a restart: a call is handled at one
// moment of the clock and draws its ids from a seed, so that handling all calls again brings everything back (state.go). A
// handler must therefore take the time from now and its randomness from randoms.go.
package fakegcp
