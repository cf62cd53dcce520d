package fakegcp

import (
	"net/http"
	"strings"
)

// controlPrefix begins the paths of the control API.
const controlPrefix = "/_fake/"

// controlRoute is one request of the control API. It decodes its own input and returns what is sent as JSON, nil for
// nothing.
type controlRoute struct {
	// pattern is the verb and what follows the prefix.
	pattern string
	// summary says what it does and takes; the index of the API shows it.
	summary string
	serve   func(r *http.Request) (any, error)
}

// controlRoutes is the whole control API.
func (s *Server) controlRoutes() []controlRoute {
	return []controlRoute{
		{"GET objects", "every object and policy by name, payloads as SHA-256 only: ?name=PREFIX, ?kind=PART", s.controlObjects},
		{"PATCH objects", "changes an object behind its clients' backs by a JSON merge patch: ?name=FULL_NAME", s.controlMerge},
		{"DELETE objects", "takes an object and all below it away: ?name=FULL_NAME", s.controlRemove},
		{"GET remaining", "names what a complete destroy would have taken away", s.controlRemaining},
		{"GET journal", "calls, oldest first: ?after=SEQ, ?method=PART, ?resource=PART, ?code=NOT_FOUND, ?mutating=true; ?wait=5s waits for one", s.controlJournal},
		{"GET kubernetes", "requests of clusters' Kubernetes APIs, with the parameters of the journal", s.controlRequests},
		{"GET faults", "faults in force, with how many calls each has seen and struck", s.controlFaults},
		{"POST faults", `injects a fault: {"method", "resource", "occurrence", "times", "when", "kind", "code", "message"}`, s.controlInject},
		{"DELETE faults", "disarms all faults and ends calls that hang", s.controlClearFaults},
		{"GET operations", "operations, oldest first, and the rules for those to come", s.controlOperations},
		{"POST operations", `says how operations go: {"kind", "target", "occurrence", "times", "duration", "hold", "code", "message", "conditions"}`, s.controlSetOperation},
		{"DELETE operations", "takes those rules away", s.controlClearOperations},
		{"POST release", `ends operations that a rule holds: {"target": PART}`, s.controlRelease},
		{"GET latency", "how late calls are answered", s.controlLatencies},
		{"POST latency", `has calls answered late: {"method", "resource", "duration": "250ms"}; "0s" takes it back`, s.controlLatency},
		{"GET clock", "the virtual time and its speed", s.controlClock},
		{"POST clock", `turns the clock forward, or sets its speed: {"advance": "720h"}, {"now": RFC3339}, {"speed": 60}`, s.controlSetClock},
		{"GET propagation", "how long changes of policies take to be effective", s.controlPropagation},
		{"POST propagation", `sets that: {"delay": "2m"}`, s.controlSetPropagation},
		{"GET readdelay", "how long new service accounts cannot be read", s.controlReadDelay},
		{"POST readdelay", `sets that: {"delay": "10s"}`, s.controlSetReadDelay},
		{"GET tokens", "principals that a token was added for", s.controlPrincipals},
		{"POST tokens", `makes a bearer token that of a principal with the permissions that policies give it: {"token", "member"}`, s.controlTokens},
		{"GET permissions", "permissions that are denied", s.controlPermissions},
		{"POST permissions", `denies a permission or takes that back: {"permission", "principal", "denied"}`, s.controlSetPermission},
		{"GET apis", "APIs, and whether they are enabled", s.controlAPIs},
		{"POST apis", `enables or disables an API: {"api": "run.googleapis.com", "enabled"}`, s.controlSetAPI},
		{"GET constraints", "constraints that an organization policy enforces", s.controlConstraints},
		{"POST constraints", `enforces a constraint in every project, or no longer: {"constraint": "iam.allowedPolicyMemberDomains" or "run.managed.requireInvokerIam", "enforced"}`, s.controlSetConstraint},
		{"GET images", "what containers of which image do, where that was said", s.controlImages},
		{"POST images", `says what an image's containers do: {"image", "behaviour": missing, crash, neverReady, slow, exit:N or ""}`, s.controlSetImage},
		{"GET stockout", "zones that have no machines left", s.controlStockouts},
		{"POST stockout", `has a zone, "" for all, run out of machines or have some again: {"zone", "on"}`, s.controlSetStockout},
		{"GET quota", "regional quotas that were set", s.controlQuotas},
		{"POST quota", `limits a metric in a region, in CPUs; a negative limit lifts it: {"metric": "CPUS", "region", "limit"}`, s.controlQuota},
		{"GET projects", "projects, with their numbers", s.controlProjects},
		{"POST projects", `makes another project exist: {"id", "number"}`, s.controlAddProject},
		{"POST preempt", `takes Spot nodes away: {"cluster", "pool", "nodes": [NAME], "count"}`, s.controlPreempt},
		{"POST unattended", `starts an operation as GKE does by itself: {"kind": UPGRADE_MASTER, UPGRADE_NODES, REPAIR_CLUSTER or RESIZE_CLUSTER, "cluster", "pool"}`, s.controlUnattended},
		{"GET kubeconfig", "a kubeconfig with all rights: ?cluster=NAME", s.controlKubeconfig},
		{"POST reset", "has everything as it was at the start: objects, faults, journal, clock, settings", s.controlReset},
	}
}

// unkept are the changes that a state file does not repeat: Kubernetes keeps the one itself, the other empties the file.
var unkept = map[string]bool{"POST preempt": true, "POST reset": true}

// kept says whether a state file repeats the request.
func (route controlRoute) kept() bool {
	return !strings.HasPrefix(route.pattern, "GET ") && !unkept[route.pattern]
}

// movesClock says whether the request changes the clock, which therefore cannot stand still meanwhile.
func (route controlRoute) movesClock() bool { return route.pattern == "POST clock" }
