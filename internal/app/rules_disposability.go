package app

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

var gracePath = []string{"shutdown_grace"}

// maxGrace bounds what GKE can be asked for; a drain of a node waits at most an hour anyway.
const maxGrace = time.Hour

func checkShutdownGrace(a App) []Finding {
	return append(notOffered("shutdown-grace")(a), each(a, func(_ string, p Process) []Finding {
		switch grace := p.ShutdownGrace; {
		case grace < 0 || grace > maxGrace || grace%time.Second != 0:
			return []Finding{{
				Path: gracePath, Summary: "Invalid shutdown grace",
				Detail: fmt.Sprintf("Shutdown grace %s is not a whole number of seconds between 1s and %s; for example \"15s\".", grace, maxGrace),
			}}
		}
		return nil
	})...)
}

func checkSpotGrace(a App) []Finding {
	return each(a, func(_ string, p Process) []Finding {
		if a.GKE.Capacity == OnDemand || p.ShutdownGrace <= MaxSpotGrace || p.ShutdownGrace > maxGrace {
			return nil
		}
		return []Finding{{
			Path: gracePath, Uses: [][]string{{"gke", "capacity"}}, Summary: "Shutdown grace longer than a Spot node lives",
			Detail: fmt.Sprintf("A preempted Spot node gives its pods at most %s, so that the process is killed before its %s are over. Make "+
				"the work resumable and set shutdown_grace = \"%s\", or use capacity = \"on_demand\".", MaxSpotGrace, p.ShutdownGrace, DefaultSpotGrace),
		}}
	})
}

// checkSpotSingleReplica: a mixed process that is never more than one instance runs on demand.
func checkSpotSingleReplica(a App) []Finding {
	return each(a, func(name string, p Process) []Finding {
		if p.Scale.Min != 1 || a.GKE.Capacity != Spot && (a.GKE.Capacity != Mixed || p.Scale.Max <= 1) {
			return nil
		}
		stops := "takes the app down"
		if name != Web {
			stops = "stops " + quote(name)
		}
		found := Finding{
			Path: minPath, Uses: [][]string{{"gke", "capacity"}}, Summary: "One instance on Spot nodes",
			Detail: fmt.Sprintf("Every preemption of a Spot node %s until another node has started it. Set scale.min = 2 or more, or "+
				"capacity = \"on_demand\".", stops),
		}
		if a.GKE.Capacity == Mixed {
			found.Detail = fmt.Sprintf("The instance that the autoscaler leaves may be one on a Spot node, whose preemption then %s until another "+
				"node has started it. Set scale.min = 2 or more, or capacity = \"on_demand\".", stops)
		}
		return []Finding{found}
	})
}

// checkSpotAffinity: what a client has in one pod is gone with its node, however many pods there are.
func checkSpotAffinity(a App) []Finding {
	if _, web := a.Processes[Web]; !web || !a.GKE.SessionAffinity || a.GKE.Capacity != Spot {
		return nil
	}
	return []Finding{{
		Path: []string{"gke", "session_affinity"}, Uses: [][]string{{"gke", "capacity"}}, Summary: "Session affinity on Spot nodes",
		Detail: "A preemption moves every client of the node to another pod, and what its old pod kept for it is lost. Keep sessions in a backing " +
			"service or in signed cookies, or use capacity = \"on_demand\" or \"mixed\".",
	}}
}

func checkProbes(a App) []Finding {
	all := append(notOffered("probe")(a), each(a, func(_ string, p Process) []Finding { return refusedProbes(a, p) })...)
	return append(all, eachSidecar(a, func(_ string, s Sidecar) []Finding { return refusedProbes(a, s.asProcess()) })...)
}

func refusedProbes(a App, p Process) []Finding {
	var all []Finding
	reported := map[string]bool{}
	for _, probe := range []struct {
		attribute string
		probe     *Probe
	}{{"readiness", p.Readiness}, {"liveness", p.Liveness}, {"startup", p.Startup}} {
		if probe.probe == nil {
			continue
		}
		why := refusedProbe(a.Runtime(), p.Port, probe.attribute, *probe.probe)
		// A startup check that was made from a wrong readiness check is not the user's.
		if why == "" || probe.attribute == "startup" && reported[why] {
			continue
		}
		reported[why] = true
		all = append(all, Finding{
			Path: []string{probe.attribute}, Uses: [][]string{{"port"}}, Summary: "Invalid " + probe.attribute + " check",
			Detail: fmt.Sprintf("%s; for example %s = { path = \"/healthz\" }.", why, probe.attribute),
		})
	}
	return all
}

// The bounds of checks. Cloud Run's are the stricter ones, except that a startup check has to end within four minutes.
// Source: run.v2, Probe; Kubernetes, "Configure Liveness, Readiness and Startup Probes".
const (
	maxProbePeriod    = time.Hour
	maxRunStartup     = 240 * time.Second
	maxProbePath      = 2048
	maxProbeThreshold = 10_000
)

func refusedProbe(on Runtime, port int, attribute string, p Probe) string {
	switch {
	case port == 0:
		return "A health check asks a port, and there is none: set port, or leave the check out, as both runtimes see when a process ends"
	case p.GRPCService != "" && !p.GRPC:
		return "A grpc_service is what a grpc check asks about: set grpc = true, or leave it out"
	case kinds(p) != 1:
		return fmt.Sprintf("A health check asks exactly one thing, path, tcp or grpc; %d of them are set", kinds(p))
	case p.Path != "" && !probePath(p.Path):
		return fmt.Sprintf("Path %s does not begin with / or contains spaces or control characters", quote(p.Path))
	case p.Period < time.Second || p.Period > maxProbePeriod || p.Period%time.Second != 0:
		return fmt.Sprintf("Period %s is not a whole number of seconds between 1s and %s", p.Period, maxProbePeriod)
	case p.Timeout < time.Second || p.Timeout > p.Period || p.Timeout%time.Second != 0:
		return fmt.Sprintf("Timeout %s is not a whole number of seconds between 1s and the period, %s", p.Timeout, p.Period)
	case p.FailureThreshold < 1 || p.FailureThreshold > maxProbeThreshold:
		return fmt.Sprintf("Failure threshold %d is not between 1 and %d", p.FailureThreshold, maxProbeThreshold)
	case on == CloudRunRuntime && attribute == "startup" && p.Period*time.Duration(p.FailureThreshold) > maxRunStartup:
		return fmt.Sprintf("Period %s times failure threshold %d is more than the %s that Cloud Run waits for a start",
			p.Period, p.FailureThreshold, maxRunStartup)
	}
	return ""
}

func kinds(p Probe) int {
	n := 0
	for _, set := range []bool{p.Path != "", p.TCP, p.GRPC} {
		if set {
			n++
		}
	}
	return n
}

func probePath(path string) bool {
	return strings.HasPrefix(path, "/") && len(path) <= maxProbePath && utf8.ValidString(path) &&
		!strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == 0x7f })
}
