package kubernetes

// Behaviour is what the containers of an image do. The zero value runs, is ready, and in a Job ends with status 0.
type Behaviour struct {
	// Missing images cannot be pulled.
	Missing bool
	// Exits has the container end with ExitCode soon after its start; where the pod's restart policy says so, again
	// and again.
	Exits bool
	// ExitCode is the status that the container ends with, 0 to 255.
	ExitCode int32
	// NeverReady runs, and fails its startup and readiness probes. Without such a probe it counts as ready, as in any
	// Kubernetes.
	NeverReady bool
	// Slow takes slowStart to start.
	Slow bool
}
