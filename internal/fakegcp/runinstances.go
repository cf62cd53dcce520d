package fakegcp

import (
	"slices"
	"strconv"
	"strings"

	"cloud.google.com/go/run/apiv2/runpb"
)

// The least that an instance has which needs a whole CPU. Source: cloud.google.com/run/docs/configuring/{services/cpu,
// memory-limits,billing-settings}.
const (
	wholeCPU       = 1000 // millicores
	minLargeMemory = 512 << 20
)

// What needs a whole CPU, as the API's texts name it.
const (
	alwaysAllocated = "cpu always allocated (unthrottled)"
	secondGen       = "gen2 execution environment"
)

// checkInstance refuses a service's instance that is too small for its settings.
func checkInstance(t *runpb.RevisionTemplate, ingress *runpb.Container) error {
	if !ingress.GetResources().GetCpuIdle() {
		if err := checkSize(t.GetContainers(), alwaysAllocated); err != nil {
			return err
		}
	}
	if t.GetExecutionEnvironment() == runpb.ExecutionEnvironment_EXECUTION_ENVIRONMENT_GEN2 {
		return checkSize(t.GetContainers(), secondGen)
	}
	return nil
}

// checkSize refuses containers that together have too little for what needs a whole CPU.
// Source of the texts: dozens of public reports, such as oboapp/oboapp#449.
func checkSize(containers []*runpb.Container, what string) error {
	cpu, memory := 0, int64(0)
	for _, c := range containers {
		cpu += millicores(c.GetResources().GetLimits()["cpu"])
		memory += runMemory(c.GetResources().GetLimits()["memory"])
	}
	switch {
	case cpu < wholeCPU:
		return invalid("spec.template.spec.containers.resources.limits.cpu: Invalid value specified for cpu. Total cpu < 1 is not supported with %s.", what)
	case memory < minLargeMemory:
		return invalid("spec.template.spec.containers.resources.limits.memory: Invalid value specified for memory. Total memory < 512 Mi is not supported with %s.", what)
	}
	return nil
}

// memoryUnits are the suffixes of quantities, the longer ones first.
var memoryUnits = []struct {
	suffix string
	bytes  int64
}{{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"", 1}}

// runMemory reads a memory quantity, -1 when it is none.
func runMemory(quantity string) int64 {
	for _, unit := range memoryUnits {
		if number, ok := strings.CutSuffix(quantity, unit.suffix); ok {
			n, err := strconv.ParseFloat(number, 64)
			if err != nil {
				return -1
			}
			return int64(n * float64(unit.bytes))
		}
	}
	return -1
}

// checkServiceScaling refuses bounds that contradict themselves. Source: google/cloud/run/v2/vendor_settings.proto; the
// texts are not recorded.
func checkServiceScaling(s *runpb.ServiceScaling) error {
	switch manual := s.GetScalingMode() == runpb.ServiceScaling_MANUAL; {
	case s.GetMinInstanceCount() < 0, s.GetMaxInstanceCount() < 0, s.GetManualInstanceCount() < 0:
		return invalid("scaling: instance counts must not be negative.")
	case s.GetMaxInstanceCount() != 0 && s.GetMinInstanceCount() > s.GetMaxInstanceCount():
		return invalid("scaling.min_instance_count: must not be greater than max_instance_count.")
	case manual && s.ManualInstanceCount == nil:
		return invalid("scaling.manual_instance_count: must be set in manual scaling mode.")
	}
	return nil
}

// portNames are the protocols that a port can have. Source: google/cloud/run/v2/k8s.min.proto, ContainerPort.name.
var portNames = []string{"http1", "h2c"}

func checkPort(ingress *runpb.Container) error {
	for _, port := range ingress.GetPorts() {
		if !slices.Contains(portNames, port.GetName()) {
			return invalid("spec.template.spec.containers.ports.name: '%s' is not one of http1, h2c.", port.GetName())
		}
		if port.GetContainerPort() < 1 || port.GetContainerPort() > 65535 {
			return invalid("spec.template.spec.containers.ports.container_port: must be between 1 and 65535.")
		}
	}
	return nil
}
