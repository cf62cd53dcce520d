package app

import (
	"maps"
	"slices"
)

// Finding is one thing that a rule found in an app.
type Finding struct {
	// Rule is the rule's ID and Factor the factor that it comes from, in roman numerals.
	Rule, Factor string
	// Path leads to the attribute to change: attribute names and map keys.
	Path []string
	// Uses are the paths of all values that the rule looked at, with Anything for steps. If one of them is itself unknown
	// (not just something inside it), the finding says nothing yet and must be dropped.
	Uses [][]string
	// Summary says what is wrong and Detail why and how to mend it. Neither ever shows a value of config.
	Summary, Detail string
	// Warning is set where the app would run, but not as a user expects.
	Warning bool
}

// Anything as a step of Finding.Uses stands for every key and attribute, and at the end for all that is inside.
const Anything = "*"

// Rule is one twelve-factor rule: what it asks, and of which runtime.
type Rule struct {
	// ID is the name of the rule in the provider's attribute factors.
	ID string
	// Factor is the factor in roman numerals: I to XII, XIII to XV for those of "Beyond the Twelve-Factor App".
	Factor string
	// On is the runtime that the rule is about; empty for both.
	On Runtime
	// Warning rules tell instead of refusing.
	Warning bool
	// Reason says what the rule is for, for the documentation.
	Reason string

	check func(App) []Finding
}

// Factors names the factors by roman numeral: the twelve of 12factor.net, and API first, telemetry, and authentication
// and authorization of "Beyond the Twelve-Factor App" (K. Hoffman).
var Factors = map[string]string{
	"I": "Codebase", "II": "Dependencies", "III": "Config", "IV": "Backing services", "V": "Build, release, run",
	"VI": "Processes", "VII": "Port binding", "VIII": "Concurrency", "IX": "Disposability", "X": "Dev/prod parity",
	"XI": "Logs", "XII": "Admin processes", "XIII": "API first", "XIV": "Telemetry", "XV": "Authentication and authorization",
}

// Rules are all rules, in the order of the findings. What a rule looks at is the app with its defaults.
var Rules = []Rule{
	{ID: "service-name", Factor: "I", Reason: "One name identifies an app on both runtimes, so that it can move.", check: checkServiceName},
	{ID: "one-runtime", Factor: "V", Reason: "A release runs in exactly one place.", check: checkOneRuntime},
	{ID: "pinned-image", Factor: "V", Reason: "A release names its build: a tag that never moves, or a digest.", check: checkImage},
	{ID: "namespace", Factor: "X", On: GKERuntime, Reason: "An app stays out of the cluster's own namespaces.", check: checkNamespace},
	{ID: "capacity", Factor: "IX", On: GKERuntime, Reason: "Nodes are on demand, Spot, or both.", check: checkCapacity},

	{ID: "env-name", Factor: "III", Reason: "Environment names are portable and not the runtime's own.", check: checkEnvNames},
	{ID: "config-or-secret", Factor: "III", Reason: "A name has one value: in config or in secrets.", check: checkConfigOrSecret},
	{ID: "config-value", Factor: "III", Reason: "Config reaches the process byte for byte.", check: checkConfigValues},
	{ID: "config-size", Factor: "III", Reason: "Config is recorded with the live object, where space is bounded.", check: checkConfigSize},
	{ID: "secret-version", Factor: "III", Reason: "A release pins the versions of its secrets.", check: checkSecretVersions},
	{ID: "regional-secret", Factor: "III", On: CloudRunRuntime, Reason: "Cloud Run reads global secrets only.", check: notOffered("regional-secret")},
	{ID: "secret-in-config", Factor: "III", Warning: true, Reason: "Secrets are not config: config is readable in plan and state.", check: checkSecretInConfig},

	{ID: "file-path", Factor: "III", Reason: "A file has one clean path that is the app's to have.", check: checkFilePaths},
	{ID: "file-conflict", Factor: "III", Reason: "A path is one thing, from one source.", check: checkFileConflicts},
	{ID: "file-directory", Factor: "III", On: CloudRunRuntime, Reason: "Cloud Run mounts whole directories of files, read-only.", check: checkFileDirectories},
	{ID: "file-content", Factor: "III", Reason: "Files of config are text that the runtime can keep.", check: checkFileContents},
	{ID: "secret-in-file", Factor: "III", Warning: true, Reason: "Secrets are not config: files of config are readable in plan and state.", check: checkSecretInFile},

	{ID: "process-declared", Factor: "VIII", Reason: "An app has at least one process.", check: checkProcessDeclared},
	{ID: "process-name", Factor: "VIII", Reason: "A process type has a name that both runtimes take.", check: checkProcessNames},
	{ID: "process-command", Factor: "VI", Reason: "Commands reach the kernel as they are written.", check: checkCommands},
	{ID: "scratch", Factor: "VI", Reason: "Processes keep nothing: writable paths are named, bounded and lost.", check: checkScratch},
	{ID: "web-on-cloud-run", Factor: "VII", On: CloudRunRuntime, Reason: "Cloud Run serves requests.", check: notOffered("web-on-cloud-run")},
	{ID: "port", Factor: "VII", Reason: "A process has one port; only that of web takes requests.", check: checkPorts},

	{ID: "sidecar-name", Factor: "VIII", Reason: "A sidecar has a name of its own among the containers of an instance.", check: checkSidecarNames},
	{ID: "sidecar-image", Factor: "V", Reason: "A release names the build of what runs beside it, too.", check: checkSidecarImages},
	{ID: "sidecar-processes", Factor: "VIII", Reason: "A sidecar runs beside processes that are there.", check: checkSidecarProcesses},
	{ID: "sidecar-order", Factor: "IX", Reason: "What others wait for says when it has started.", check: checkSidecarOrder},

	{ID: "scale-bounds", Factor: "VIII", Reason: "A scale is a range of instances.", check: checkScaleBounds},
	{ID: "scale-to-zero", Factor: "VIII", On: GKERuntime, Reason: "GKE's autoscaler does not scale to zero.", check: notOffered("scale-to-zero")},
	{ID: "worker-scale", Factor: "VIII", On: CloudRunRuntime, Reason: "Cloud Run worker pools do not autoscale.", check: notOffered("worker-scale")},
	{ID: "concurrency", Factor: "VIII", Reason: "Requests per instance are Cloud Run's measure.", check: checkConcurrency},
	{ID: "cpu-percent", Factor: "VIII", Reason: "CPU utilization is GKE's measure.", check: checkCPUPercent},
	{ID: "resources", Factor: "VIII", Reason: "An instance has a size that the runtime offers.", check: checkResources},

	{ID: "shutdown-grace", Factor: "IX", Reason: "A process ends within the time that the runtime gives it.", check: checkShutdownGrace},
	{ID: "spot-shutdown-grace", Factor: "IX", On: GKERuntime, Warning: true, Reason: "A preempted Spot node has 25 seconds.", check: checkSpotGrace},
	{ID: "spot-single-replica", Factor: "IX", On: GKERuntime, Warning: true, Reason: "One instance on a Spot node is down at every preemption.", check: checkSpotSingleReplica},
	{ID: "spot-session-affinity", Factor: "VI", On: GKERuntime, Warning: true, Reason: "What a pod keeps for a client is lost with its Spot node.", check: checkSpotAffinity},
	{ID: "identity-wait", Factor: "IX", On: GKERuntime, Reason: "A pod waits for its identity, for a bounded time.", check: checkIdentityWait},
	{ID: "probe", Factor: "IX", Reason: "A health check asks one thing, of the container's own port.", check: checkProbes},

	{ID: "vpc", Factor: "IV", On: CloudRunRuntime, Reason: "Backing services in a VPC network are reached through one subnetwork.", check: checkVPC},
	{ID: "protocol", Factor: "VII", On: CloudRunRuntime, Reason: "The web process speaks one protocol on its port.", check: checkProtocol},
	{ID: "revision-scale", Factor: "VIII", On: CloudRunRuntime, Reason: "The bounds of a revision go with those of its service.", check: checkRevisionScale},
	{ID: "execution-environment", Factor: "VIII", On: CloudRunRuntime, Reason: "An instance has a size that its execution environment takes.", check: checkExecution},
	{ID: "cpu-allocation", Factor: "VIII", On: CloudRunRuntime, Reason: "CPU that is always allocated is a whole one.", check: checkCPUAllocation},
	{ID: "request-timeout", Factor: "IX", On: CloudRunRuntime, Reason: "A request ends within the time that the runtime gives it.", check: checkRequestTimeout},

	{ID: "labels", Factor: "XIV", Reason: "Labels are what cost and telemetry are grouped by.", check: checkLabels},
	{ID: "annotations", Factor: "XIV", Reason: "Annotations tell tools about the app, and leave the runtime's own alone.", check: checkAnnotations},
	{ID: "ingress", Factor: "XV", On: CloudRunRuntime, Reason: "Where requests may come from is one of three settings.", check: checkIngress},
	{ID: "invokers", Factor: "XV", On: CloudRunRuntime, Reason: "Who may call is named, or it is everybody.", check: checkInvokers},
	{ID: "custom-audience", Factor: "XV", On: CloudRunRuntime, Reason: "A token names the audience that it is for.", check: checkAudiences},
}

// Check runs all rules on an app as it was declared. It reports everything at once, in the order of Rules and within a
// rule by name.
func Check(a App) []Finding {
	full := WithDefaults(a)
	var all []Finding
	for _, r := range Rules {
		if r.On != "" && r.On != full.Runtime() {
			continue
		}
		for _, f := range r.check(full) {
			f.Rule, f.Factor, f.Warning = r.ID, r.Factor, r.Warning
			f.Uses = append(f.Uses, f.Path)
			if r.On != "" || usesRuntime[r.ID] {
				f.Uses = append(f.Uses, []string{"gke"}, []string{"cloud_run"})
			}
			all = append(all, f)
		}
	}
	return all
}

// usesRuntime are the rules for both runtimes whose findings differ between them.
var usesRuntime = map[string]bool{
	"one-runtime": true, "port": true, "concurrency": true, "cpu-percent": true, "resources": true, "shutdown-grace": true,
	"probe": true, "labels": true, "config-size": true, "annotations": true, "file-conflict": true, "file-content": true,
}

// each runs a check on every process, by name. Paths that f reports are relative to the process.
func each(a App, f func(name string, p Process) []Finding) []Finding {
	var all []Finding
	for _, name := range slices.Sorted(maps.Keys(a.Processes)) {
		for _, finding := range f(name, a.Processes[name]) {
			finding.Path = under(name, finding.Path)
			for i, used := range finding.Uses {
				finding.Uses[i] = under(name, used)
			}
			all = append(all, finding)
		}
	}
	return all
}

func under(process string, path []string) []string {
	return append([]string{"processes", process}, path...)
}

// also adds paths from the root to what findings use.
func also(all []Finding, uses ...[]string) []Finding {
	for i := range all {
		all[i].Uses = slices.Concat(all[i].Uses, uses)
	}
	return all
}

// fromError makes the finding of a check that returns an error.
func fromError(summary string, err error, path ...string) []Finding {
	if err == nil {
		return nil
	}
	return []Finding{{Path: path, Summary: summary, Detail: sentence(err.Error())}}
}

// sentence makes an error's text a sentence of a diagnostic.
func sentence(s string) string {
	if s == "" {
		return s
	}
	if c := s[0]; c >= 'a' && c <= 'z' {
		s = string(c-'a'+'A') + s[1:]
	}
	return s + "."
}
