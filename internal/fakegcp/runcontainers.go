package fakegcp

import (
	"slices"

	"cloud.google.com/go/run/apiv2/runpb"
)

// maxRunContainers is how many an instance may have.
// Source: https://cloud.google.com/run/docs/deploying#sidecars, "up to 10 containers per instance".
const maxRunContainers = 10

// checkRunContainers refuses what the containers of an instance cannot be together. The text about startup probes is
// recorded (GoogleCloudPlatform/cloud-run-samples#230), the others are not.
func checkRunContainers(containers []*runpb.Container) error {
	if len(containers) > maxRunContainers {
		return invalid("spec.template.spec.containers: Revision template should have at most %d containers.", maxRunContainers)
	}
	named := map[string]*runpb.Container{}
	ports := 0
	for i, c := range containers {
		if c.GetName() != "" && named[c.GetName()] != nil {
			return invalid("spec.template.spec.containers[%d].name: Duplicate container name '%s'.", i, c.GetName())
		}
		named[c.GetName()] = c
		ports += len(c.GetPorts())
	}
	if ports > 1 {
		return invalid("spec.template.spec.containers: Revision template should contain exactly one container with an exposed port.")
	}
	for i, c := range containers {
		for _, before := range c.GetDependsOn() {
			switch other := named[before]; {
			case before == "" || other == nil:
				return invalid("spec.template.spec.containers[%d].depends_on: Dependent container '%s' does not exist.", i, before)
			case other.GetStartupProbe() == nil:
				return invalid("spec.template.spec.containers[%d].depends_on: Dependent container '%s' must have startup probe specified", i, before)
			case dependsOn(named, before, c.GetName(), nil):
				return invalid("spec.template.spec.containers[%d].depends_on: Circular dependency with container '%s'.", i, before)
			}
		}
	}
	return nil
}

// dependsOn tells whether a container waits for another one, at once or by what it waits for.
func dependsOn(named map[string]*runpb.Container, name, other string, seen []string) bool {
	if name == other {
		return true
	}
	if slices.Contains(seen, name) {
		return false
	}
	return slices.ContainsFunc(named[name].GetDependsOn(), func(next string) bool { return dependsOn(named, next, other, append(seen, name)) })
}

// checkRunProbePorts refuses checks of a container without a port that name none: only that of the container which takes
// the requests is known. Liveness by TCP is not on offer. The texts are not recorded.
// Source: https://cloud.google.com/run/docs/configuring/healthchecks and .../workerpools/healthchecks.
func checkRunProbePorts(i int, c *runpb.Container) error {
	if c.GetLivenessProbe().GetTcpSocket() != nil {
		return invalid("spec.template.spec.containers[%d].liveness_probe.tcp_socket: TCP liveness probes are not supported.", i)
	}
	for _, p := range []*runpb.Probe{c.GetStartupProbe(), c.GetLivenessProbe(), c.GetReadinessProbe()} {
		if p.GetProbeType() != nil && p.GetHttpGet().GetPort()+p.GetTcpSocket().GetPort()+p.GetGrpc().GetPort() == 0 {
			return invalid("spec.template.spec.containers[%d]: Probe port must be specified for a container without ports.", i)
		}
	}
	return nil
}

// toldPort tells whether Cloud Run sets PORT of a container itself: of those that take requests. For the others the
// variable may be set: a sidecar's is (terraform-google-modules/docs-examples, cloudrunv2_service_multicontainer).
func toldPort(collection string, containers []*runpb.Container, c *runpb.Container) bool {
	switch collection {
	case "services":
		return ingressContainer(containers) == c
	case "workerPools":
		return false
	default:
		return true
	}
}
