package app

import (
	"fmt"
	"strings"
)

// runSizes are the sizes of a Cloud Run instance: which memory goes with which CPU.
//
//	CPU            memory
//	0.08 to < 0.5  128Mi to 512Mi
//	0.5  to < 1    128Mi to 1Gi
//	1              128Mi to 4Gi
//	2              128Mi to 8Gi
//	4              2Gi to 16Gi
//	6              4Gi to 24Gi
//	8              4Gi to 32Gi
//
// Source: Cloud Run documentation, "Configure CPU limits" and "Configure memory limits".
var runSizes = []struct {
	fromMillis, toMillis int // both inclusive
	minMemory, maxMemory int64
}{
	{80, 499, 128 << 20, 512 << 20},
	{500, 999, 128 << 20, 1 << 30},
	{1000, 1000, 128 << 20, 4 << 30},
	{2000, 2000, 128 << 20, 8 << 30},
	{4000, 4000, 2 << 30, 16 << 30},
	{6000, 6000, 4 << 30, 24 << 30},
	{8000, 8000, 4 << 30, 32 << 30},
}

func checkResources(a App) []Finding {
	if a.Runtime() == "" {
		return nil
	}
	all := each(a, func(_ string, p Process) []Finding { return refusedQuantities(p) })
	if a.Runtime() == CloudRunRuntime {
		all = append(all, also(each(a, func(name string, p Process) []Finding { return refusedSize(a, name, p) }), sidecarSizes...)...)
	}
	return append(all, eachSidecar(a, func(_ string, s Sidecar) []Finding { return refusedQuantities(s.asProcess()) })...)
}

// refusedSize refuses an instance that Cloud Run does not offer. One whose parts are no quantities is refused elsewhere.
func refusedSize(a App, name string, p Process) []Finding {
	millis, memory, ok := a.instanceSize(name)
	switch {
	case !ok:
		return nil
	case len(a.SidecarsOf(name)) > 0:
		return checkInstanceSize(name, p, millis, memory)
	default:
		return checkRunSize(name, p, millis, memory)
	}
}

func refusedQuantities(p Process) []Finding {
	_, cpuErr := ParseCPU(p.CPU)
	_, memoryErr := ParseMemory(p.Memory)
	return append(fromError("Invalid CPU", cpuErr, "cpu"), fromError("Invalid memory", memoryErr, "memory")...)
}

func checkRunSize(name string, p Process, millis int, memory int64) []Finding {
	for _, size := range runSizes {
		if millis < size.fromMillis || millis > size.toMillis {
			continue
		}
		switch {
		case memory < size.minMemory || memory > size.maxMemory:
			return []Finding{{
				Path: []string{"memory"}, Uses: [][]string{{"cpu"}}, Summary: "Memory does not go with the CPU",
				Detail: fmt.Sprintf("With %s CPU an instance on Cloud Run has %d to %d MiB of memory, not %s (Cloud Run, Configure memory limits).",
					p.CPU, size.minMemory>>20, size.maxMemory>>20, p.Memory),
			}}
		case millis < 1000 && name != Web:
			return []Finding{{
				Path: []string{"cpu"}, Summary: "Worker needs a whole CPU",
				Detail: "A worker's CPU is always allocated, for which Cloud Run demands at least one; for example cpu = \"1\".",
			}}
		case name != Web && memory < minAlwaysMemory:
			return []Finding{{
				Path: []string{"memory"}, Summary: "Worker needs 512Mi of memory",
				Detail: fmt.Sprintf("A worker runs in the second generation execution environment with its CPU always allocated, and either demands "+
					"at least 512 MiB (Cloud Run, Configure memory limits); memory is %s. Set memory = \"512Mi\" or more.", p.Memory),
			}}
		case millis < 1000 && p.Scale.Concurrency > 1:
			return []Finding{{
				Path: concurrencyPath, Uses: [][]string{{"cpu"}}, Summary: "Concurrency needs a whole CPU",
				Detail: fmt.Sprintf("With less than one CPU an instance on Cloud Run takes one request at a time. Set concurrency = 1, or cpu = \"1\" "+
					"(Cloud Run, Configure CPU limits; now %s).", p.CPU),
			}}
		}
		return nil
	}
	return []Finding{{
		Path: []string{"cpu"}, Summary: "Cloud Run does not offer this CPU",
		Detail: fmt.Sprintf("CPU %s is not one of %s (Cloud Run, Configure CPU limits).", p.CPU, "\"80m\" to \"999m\", "+
			strings.Join([]string{`"1"`, `"2"`, `"4"`, `"6"`, `"8"`}, ", ")),
	}}
}
