package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// eachSidecar runs a check on every sidecar, by name. Paths that f reports are relative to the sidecar.
func eachSidecar(a App, f func(name string, s Sidecar) []Finding) []Finding {
	var all []Finding
	for _, name := range slices.Sorted(maps.Keys(a.Sidecars)) {
		for _, finding := range f(name, a.Sidecars[name]) {
			finding.Path = append([]string{"sidecars", name}, finding.Path...)
			for i, used := range finding.Uses {
				finding.Uses[i] = append([]string{"sidecars", name}, used...)
			}
			all = append(all, finding)
		}
	}
	return all
}

// asProcess is what a sidecar has in common with a process.
func (s Sidecar) asProcess() Process {
	return Process{
		Command: s.Command, Args: s.Args, Port: s.Port, CPU: s.CPU, Memory: s.Memory, Scratch: s.Scratch,
		Startup: s.Startup, Liveness: s.Liveness, Readiness: s.Readiness,
	}
}

// maxContainers is what an instance on Cloud Run may have. On GKE the same, so that an app can move.
// Source: Cloud Run documentation, "Deploy multiple containers to a service (sidecars)".
const maxContainers = 10

// ourContainers are kept for containers that the provider adds.
const ourContainers = "twelvefactor-"

func checkSidecarNames(a App) []Finding {
	all := eachSidecar(a, func(name string, _ Sidecar) []Finding {
		summary := "Invalid sidecar name"
		if _, taken := a.Processes[name]; taken {
			return []Finding{{
				Summary: summary,
				Detail: fmt.Sprintf("%s is a process too, and the containers of a pod have different names. Call the sidecar something else, "+
					"for example %s.", quote(name), quote(name+"-proxy")),
			}}
		}
		if strings.HasPrefix(name, ourContainers) {
			return []Finding{{Summary: summary, Detail: fmt.Sprintf("Names that begin with %s are kept for containers of the provider.", ourContainers)}}
		}
		if len(name) <= maxProcessName && dashedForm.MatchString(name) {
			return nil
		}
		return []Finding{{Summary: summary, Detail: fmt.Sprintf("Sidecar name %s is not valid: it must have 1 to %d characters, lower-case letters, "+
			"digits and hyphens only, begin with a letter and not end with a hyphen (Kubernetes container names); for example \"proxy\".",
			quote(name), maxProcessName)}}
	})
	if len(a.Sidecars) >= maxContainers {
		all = append(all, Finding{
			Path: []string{"sidecars"}, Summary: "Too many sidecars",
			Detail: fmt.Sprintf("There are %d sidecars; with the process an instance has at most %d containers.", len(a.Sidecars), maxContainers),
		})
	}
	return all
}

func checkSidecarImages(a App) []Finding {
	return eachSidecar(a, func(_ string, s Sidecar) []Finding {
		_, err := ParseImage(s.Image)
		return fromError("Image is not pinned", err, "image")
	})
}

func checkSidecarProcesses(a App) []Finding {
	all := eachSidecar(a, func(_ string, s Sidecar) []Finding {
		var all []Finding
		for _, process := range s.Processes {
			if _, ok := a.Processes[process]; !ok {
				all = append(all, Finding{
					Path: []string{"processes"}, Summary: "Sidecar of a process that is not there",
					Detail: fmt.Sprintf("There is no process %s. Name keys of processes, or leave it out for all of them.", quote(process)),
				})
			}
		}
		return all
	})
	return also(all, []string{"processes"})
}

// besideWhat is where all sidecars say beside which processes they run.
var besideWhat = []string{"sidecars", Anything, "processes", Anything}

// checkSidecarOrder: what another one waits for has to say when it has started, on both runtimes.
// Source: GoogleCloudPlatform/cloud-run-samples#230, "Dependent container 'sidecar' must have startup probe specified".
func checkSidecarOrder(a App) []Finding {
	all := eachSidecar(a, func(name string, s Sidecar) []Finding {
		var found []Finding
		for _, before := range s.After {
			if why := refusedAfter(a, name, s, before); why != "" {
				found = append(found, Finding{Path: []string{"after"}, Summary: "Sidecar cannot wait for that", Detail: why})
			}
		}
		return found
	})
	all = also(all, besideWhat, []string{"processes"}, []string{"sidecars", Anything, "startup", Anything})
	if circle := a.circle(); circle != nil {
		all = append(all, Finding{
			Path: []string{"sidecars", circle[0], "after"}, Summary: "Sidecars wait for each other",
			Detail: fmt.Sprintf("None of these can start first: %s. Take one of them out of after.", strings.Join(circle, " after ")),
		})
	}
	return all
}

func refusedAfter(a App, name string, s Sidecar, before string) string {
	other, known := a.Sidecars[before]
	if !known {
		return fmt.Sprintf("There is no sidecar %s. A process starts after all of its sidecars by itself; after names sidecars only.", quote(before))
	}
	if other.Startup == nil && name != before {
		return fmt.Sprintf("Sidecar %s has no startup check, so nothing tells when it has started. Declare one, for example startup = { tcp = true } "+
			"with its port.", quote(before))
	}
	for _, process := range slices.Sorted(maps.Keys(a.Processes)) {
		if s.Beside(process) && !other.Beside(process) {
			return fmt.Sprintf("Sidecar %s runs beside process %s, and %s does not. Give both the same processes.", quote(name), quote(process), quote(before))
		}
	}
	return ""
}

// checkSidecarPorts: the containers of a pod or instance have one network.
func checkSidecarPorts(a App) []Finding {
	all := eachSidecar(a, func(name string, s Sidecar) []Finding {
		if s.Port < 0 || s.Port > 65535 {
			return []Finding{{
				Path: []string{"port"}, Summary: "Invalid port", Detail: fmt.Sprintf("Port %d is not between 1 and 65535; for example port = 9090.", s.Port),
			}}
		}
		if s.Port == 0 {
			return nil
		}
		for _, process := range slices.Sorted(maps.Keys(a.Processes)) {
			if !s.Beside(process) {
				continue
			}
			taken := ""
			if a.Processes[process].Port == s.Port {
				taken = "process " + quote(process)
			}
			for _, other := range slices.Sorted(maps.Keys(a.Sidecars)) {
				if other < name && a.Sidecars[other].Port == s.Port && a.Sidecars[other].Beside(process) {
					taken = "sidecar " + quote(other)
				}
			}
			if taken != "" {
				return []Finding{{
					Path: []string{"port"}, Summary: "Port is taken",
					Detail: fmt.Sprintf("Port %d is that of %s, and both share one network. Choose another, for example %d.", s.Port, taken, s.Port%65535+1),
				}}
			}
		}
		return nil
	})
	return also(all, besideWhat, []string{"processes", Anything, "port"}, []string{"sidecars", Anything, "port"})
}

// sidecarSizes is what the size of an instance depends on besides its process.
var sidecarSizes = [][]string{besideWhat, {"sidecars", Anything, "cpu"}, {"sidecars", Anything, "memory"}}

// instanceSize adds up what the containers beside a process ask for. ok is false when something is no quantity.
func (a App) instanceSize(process string) (millis int, memory int64, ok bool) {
	p := a.Processes[process]
	sizes := [][2]string{{p.CPU, p.Memory}}
	for _, name := range a.SidecarsOf(process) {
		sizes = append(sizes, [2]string{a.Sidecars[name].CPU, a.Sidecars[name].Memory})
	}
	for _, size := range sizes {
		m, cpuErr := ParseCPU(size[0])
		b, memoryErr := ParseMemory(size[1])
		if cpuErr != nil || memoryErr != nil {
			return 0, 0, false
		}
		millis, memory = millis+m, memory+b
	}
	return millis, memory, true
}

// checkInstanceSize holds an instance of several containers to the sizes of instances.
// Source: Cloud Run documentation, "Configure CPU limits", "Configure memory limits"; the API's text "Total cpu < 1 is
// not supported with concurrency > 1".
func checkInstanceSize(name string, p Process, millis int, memory int64) []Finding {
	largest := runSizes[len(runSizes)-1]
	uses := [][]string{{"cpu"}, {"memory"}}
	switch {
	case millis > largest.toMillis:
		return []Finding{{
			Path: []string{"cpu"}, Uses: uses, Summary: "Instance too large for Cloud Run",
			Detail: fmt.Sprintf("The process and its sidecars have %dm CPU together; an instance on Cloud Run has at most %dm. Lower cpu of the "+
				"process or of a sidecar, whose default is %s.", millis, largest.toMillis, DefaultRunCPU),
		}}
	case millis < 1000 && name != Web:
		return []Finding{{
			Path: []string{"cpu"}, Uses: uses, Summary: "Worker needs a whole CPU",
			Detail: fmt.Sprintf("A worker's CPU is always allocated, for which Cloud Run demands at least one; with its sidecars it has %dm.", millis),
		}}
	case memory < minAlwaysMemory && name != Web:
		return []Finding{{
			Path: []string{"memory"}, Uses: uses, Summary: "Worker needs 512Mi of memory",
			Detail: fmt.Sprintf("A worker runs in the second generation execution environment with its CPU always allocated, and either demands "+
				"at least 512 MiB (Cloud Run, Configure memory limits); with its sidecars it has %d MiB. Raise memory.", memory>>20),
		}}
	case millis < 1000 && p.Scale.Concurrency > 1:
		return []Finding{{
			Path: concurrencyPath, Uses: uses, Summary: "Concurrency needs a whole CPU",
			Detail: fmt.Sprintf("With less than one CPU an instance on Cloud Run takes one request at a time; process and sidecars have %dm together. "+
				"Set concurrency = 1, or raise cpu.", millis),
		}}
	}
	for _, size := range runSizes {
		if millis <= size.toMillis {
			if memory > size.maxMemory {
				return []Finding{{
					Path: []string{"memory"}, Uses: uses, Summary: "Memory does not go with the CPU",
					Detail: fmt.Sprintf("The process and its sidecars have %d MiB of memory together; with %dm CPU an instance on Cloud Run has at "+
						"most %d MiB (Cloud Run, Configure memory limits).", memory>>20, millis, size.maxMemory>>20),
				}}
			}
			return nil
		}
	}
	return nil
}
