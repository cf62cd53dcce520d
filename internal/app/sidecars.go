package app

import (
	"maps"
	"slices"
	"strings"
)

// Sidecar is a container that runs beside the processes of an app, in the same pod or instance: a proxy, an agent. It
// has an image and an environment of its own.
type Sidecar struct {
	Image     string            `json:"image"`
	Command   []string          `json:"command,omitempty"`
	Args      []string          `json:"args,omitempty"`
	Config    map[string]string `json:"config,omitempty"`
	Secrets   map[string]string `json:"secrets,omitempty"` // environment name to secret version
	Port      int               `json:"port,omitempty"`    // what its checks ask; it takes no requests from outside
	CPU       string            `json:"cpu,omitempty"`
	Memory    string            `json:"memory,omitempty"`
	Startup   *Probe            `json:"startup,omitempty"`
	Liveness  *Probe            `json:"liveness,omitempty"`
	Readiness *Probe            `json:"readiness,omitempty"`
	Scratch   map[string]string `json:"scratch,omitempty"`
	// Processes are those that it runs beside; none is all.
	Processes []string `json:"processes,omitempty"`
	// After are the sidecars that must have started before it does.
	After []string `json:"after,omitempty"`
}

// The defaults of sidecars. On Cloud Run they are the API's own, which are the same for every container.
const (
	DefaultGKESidecarCPU    = "50m"
	DefaultGKESidecarMemory = "64Mi"
)

// Beside tells whether the sidecar runs beside a process.
func (s Sidecar) Beside(process string) bool {
	return len(s.Processes) == 0 || slices.Contains(s.Processes, process)
}

// SidecarsOf lists the sidecars of a process in the order of their start: after those that they name in After, else by
// name. A circle, which a rule refuses, is broken somewhere.
func (a App) SidecarsOf(process string) []string {
	var order []string
	visited := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		s, known := a.Sidecars[name]
		if visited[name] || !known || !s.Beside(process) {
			return
		}
		visited[name] = true
		for _, before := range slices.Sorted(slices.Values(s.After)) {
			visit(before)
		}
		order = append(order, name)
	}
	for _, name := range slices.Sorted(maps.Keys(a.Sidecars)) {
		visit(name)
	}
	return order
}

// circle finds sidecars that wait for each other, in that order; nil when there are none.
func (a App) circle() []string {
	state := map[string]int{} // 1 on the way, 2 done
	var trail []string
	var visit func(name string) []string
	visit = func(name string) []string {
		switch state[name] {
		case 1:
			return append(slices.Clone(trail[slices.Index(trail, name):]), name)
		case 2:
			return nil
		}
		state[name] = 1
		trail = append(trail, name)
		for _, before := range a.Sidecars[name].After {
			if found := visit(before); found != nil {
				return found
			}
		}
		trail = trail[:len(trail)-1]
		state[name] = 2
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(a.Sidecars)) {
		if found := visit(name); found != nil {
			return found
		}
	}
	return nil
}

// SecretUse is one secret version in the environment of a container.
type SecretUse struct {
	// Key is unique within the app: the environment name, for a sidecar with the sidecar's name and a dot before it. No
	// environment name has a dot.
	Key string
	// Sidecar is the name of the sidecar, empty for the processes.
	Sidecar string
	// Env is the environment name and Version the reference: see ParseSecretVersion.
	Env, Version string
}

// SecretKey is the key of a secret in an app's SecretUses.
func SecretKey(sidecar, env string) string {
	if sidecar == "" {
		return env
	}
	return sidecar + "." + env
}

// Path leads to the attribute.
func (u SecretUse) Path() []string {
	if u.Sidecar == "" {
		return []string{"secrets", u.Env}
	}
	return []string{"sidecars", u.Sidecar, "secrets", u.Env}
}

// SecretUses lists all secrets in the environments of an app, by key.
func SecretUses(a App) []SecretUse {
	var all []SecretUse
	for _, e := range environments(a) {
		for _, env := range sortedKeys(e.secrets) {
			all = append(all, SecretUse{Key: SecretKey(e.sidecar, env), Sidecar: e.sidecar, Env: env, Version: e.secrets[env]})
		}
	}
	slices.SortFunc(all, func(x, y SecretUse) int { return strings.Compare(x.Key, y.Key) })
	return all
}

// environment is what the containers of one image get: those of the processes, or a sidecar's.
type environment struct {
	sidecar         string
	config, secrets map[string]string
}

// path leads to an attribute of the environment.
func (e environment) path(steps ...string) []string {
	if e.sidecar == "" {
		return steps
	}
	return append([]string{"sidecars", e.sidecar}, steps...)
}

func environments(a App) []environment {
	all := []environment{{"", a.Config, a.Secrets}}
	for _, name := range slices.Sorted(maps.Keys(a.Sidecars)) {
		all = append(all, environment{name, a.Sidecars[name].Config, a.Sidecars[name].Secrets})
	}
	return all
}

func sidecarDefaults(a App, s Sidecar) Sidecar {
	s.Command, s.Args = slices.Clone(s.Command), slices.Clone(s.Args)
	s.Config, s.Secrets, s.Scratch = maps.Clone(s.Config), maps.Clone(s.Secrets), maps.Clone(s.Scratch)
	s.Processes, s.After = sortedSet(s.Processes), sortedSet(s.After)
	switch a.Runtime() {
	case GKERuntime:
		s.CPU, s.Memory = orDefault(s.CPU, DefaultGKESidecarCPU), orDefault(s.Memory, DefaultGKESidecarMemory)
		s.Scratch = withScratch(s.Scratch)
	case CloudRunRuntime:
		s.CPU, s.Memory = orDefault(s.CPU, DefaultRunCPU), orDefault(s.Memory, DefaultRunMemory)
	}
	s.Startup = probeDefaults(s.Startup, DefaultStartupThreshold)
	s.Liveness = probeDefaults(s.Liveness, DefaultFailureThreshold)
	s.Readiness = probeDefaults(s.Readiness, DefaultFailureThreshold)
	return s
}

func sortedSet(values []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(values)))
}
