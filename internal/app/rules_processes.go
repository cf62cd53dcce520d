package app

import (
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

func checkProcessDeclared(a App) []Finding {
	if len(a.Processes) > 0 {
		return nil
	}
	return []Finding{{
		Path: []string{"processes"}, Summary: "No process declared",
		Detail: "An app has at least one process; for example processes = { web = { port = 8080 } }.",
	}}
}

func checkProcessNames(a App) []Finding {
	return each(a, func(name string, _ Process) []Finding {
		if strings.HasPrefix(name, ourContainers) {
			return []Finding{{
				Summary: "Invalid process name", Detail: fmt.Sprintf("Names that begin with %s are kept for containers of the provider.", ourContainers),
			}}
		}
		return fromError("Invalid process name", CheckProcessName(name))
	})
}

func checkCommands(a App) []Finding {
	return append(each(a, func(_ string, p Process) []Finding { return refusedCommands(p) }),
		eachSidecar(a, func(_ string, s Sidecar) []Finding { return refusedCommands(s.asProcess()) })...)
}

func refusedCommands(p Process) []Finding {
	var all []Finding
	for _, list := range []struct {
		attribute string
		words     []string
	}{{"command", p.Command}, {"args", p.Args}} {
		for i, word := range list.words {
			var why string
			switch {
			case list.attribute == "command" && i == 0 && word == "":
				why = "is empty, but it names the program to run"
			case !utf8.ValidString(word) || strings.ContainsRune(word, 0):
				why = "is not valid UTF-8 or contains a NUL character, which no process can be given"
			default:
				continue
			}
			all = append(all, Finding{
				Path: []string{list.attribute}, Summary: "Invalid " + list.attribute,
				Detail: fmt.Sprintf("Element %d of %s %s; for example command = [\"/app\", \"worker\"].", i, list.attribute, why),
			})
		}
	}
	return all
}

// noScratch are paths that a writable volume would break or that the runtime mounts itself; deep ones with all below.
var noScratch = []struct {
	dir  string
	deep bool
}{{"/", false}, {"/dev", false}, {"/etc", false}, {"/proc", true}, {"/sys", true}, {"/cloudsql", true}, {"/var/run/secrets", true}}

func checkScratch(a App) []Finding {
	return append(each(a, func(_ string, p Process) []Finding { return refusedScratches(p) }),
		eachSidecar(a, func(_ string, s Sidecar) []Finding { return refusedScratches(s.asProcess()) })...)
}

func refusedScratches(p Process) []Finding {
	var all []Finding
	for _, dir := range sortedKeys(p.Scratch) {
		if why := refusedScratch(dir); why != "" {
			all = append(all, Finding{
				Path: []string{"scratch", dir}, Summary: "Invalid scratch path",
				Detail: fmt.Sprintf("Scratch path %s %s; for example scratch = { \"/var/cache/app\" = \"64Mi\" }.", quote(dir), why),
			})
		}
		if _, err := ParseMemory(p.Scratch[dir]); err != nil {
			all = append(all, fromError("Invalid scratch size", err, "scratch", dir)...)
		}
	}
	return all
}

func refusedScratch(dir string) string {
	if !strings.HasPrefix(dir, "/") || path.Clean(dir) != dir || strings.ContainsAny(dir, ":\x00\n") || !utf8.ValidString(dir) {
		return "is not a clean absolute path (no \"..\", no doubled or ending slash, no colon)"
	}
	for _, taken := range noScratch {
		if dir == taken.dir || taken.deep && strings.HasPrefix(dir, taken.dir+"/") {
			return "belongs to the runtime or to the image"
		}
	}
	return ""
}

func checkPorts(a App) []Finding {
	return append(checkSidecarPorts(a), each(a, func(_ string, p Process) []Finding {
		if p.Port < 0 || p.Port > 65535 {
			return []Finding{{
				Path: []string{"port"}, Summary: "Invalid port",
				Detail: fmt.Sprintf("Port %d is not between 1 and 65535; for example port = %d.", p.Port, DefaultPort),
			}}
		}
		return nil
	})...)
}
