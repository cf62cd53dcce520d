package app

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of files. Sources: ConfigMap's MaxSecretSize (k8s.io/kubernetes pkg/apis/core, types.go) counts all values;
// Secret Manager quotas, "Secret payload size"; Linux PATH_MAX, with room for what a runtime puts before a path.
const (
	maxConfigMap  = 1 << 20
	maxSecretFile = 64 << 10
	maxFilePath   = 1024
)

// noFiles are paths that the runtimes mount or write themselves; deep ones with all below.
// Sources: Kubernetes mounts the service account's tokens and writes /etc/hosts and its kin; Cloud Run functions,
// SecretVolume.mount_path, "Restricted mount paths".
var noFiles = []struct {
	path string
	deep bool
}{
	{"/proc", true}, {"/sys", true}, {"/dev", true}, {"/cloudsql", true}, {"/pod", true}, {"/var/run/secrets", true}, {"/run/secrets", true},
	{"/etc/hosts", false}, {"/etc/hostname", false}, {"/etc/resolv.conf", false},
}

// imageDirs are directories that programs of an image need. A directory that Cloud Run mounts hides what is in it.
var imageDirs = []string{
	"/", "/bin", "/boot", "/etc", "/etc/ssl", "/etc/ssl/certs", "/home", "/lib", "/lib32", "/lib64", "/mnt", "/opt", "/root", "/run", "/sbin",
	"/srv", "/tmp", "/usr", "/usr/bin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/usr/local", "/usr/local/bin", "/usr/local/lib", "/usr/sbin",
	"/usr/share", "/var", "/var/lib", "/var/log", "/var/run", "/var/tmp",
}

// filePaths lists the declared files with the attribute that each is in, by path.
func filePaths(a App) []declaredFile {
	var all []declaredFile
	for _, file := range slices.Sorted(maps.Keys(a.ConfigFiles)) {
		all = append(all, declaredFile{"config_files", file})
	}
	for _, file := range sortedKeys(a.SecretFiles) {
		all = append(all, declaredFile{"secret_files", file})
	}
	return all
}

// declaredFile is one key of config_files or secret_files.
type declaredFile struct{ attribute, path string }

func (f declaredFile) at() []string { return []string{f.attribute, f.path} }

func checkFilePaths(a App) []Finding {
	var all []Finding
	for _, f := range filePaths(a) {
		if why := refusedFile(f.path); why != "" {
			all = append(all, Finding{
				Path: f.at(), Summary: "Invalid path of a file",
				Detail: fmt.Sprintf("Path %s %s; for example %s = { \"/etc/app/app.conf\" = … }.", quote(f.path), why, f.attribute),
			})
		}
	}
	return all
}

func refusedFile(file string) string {
	switch {
	case !strings.HasPrefix(file, "/"):
		return "is not absolute"
	case file == "/" || path.Clean(file) != file:
		return "is not a clean path of a file (no \"..\" or \".\", no doubled or ending slash)"
	case !utf8.ValidString(file) || strings.ContainsFunc(file, func(r rune) bool { return r == ':' || unicode.IsControl(r) }):
		return "contains a colon or a control character, which no mount takes"
	case len(file) > maxFilePath:
		return fmt.Sprintf("has %d bytes, and only %d fit", len(file), maxFilePath)
	}
	for _, taken := range noFiles {
		if file == taken.path || taken.deep && inside(file, taken.path) {
			return "belongs to the runtime"
		}
	}
	return ""
}

// checkFileConflicts refuses paths that are taken: by the other attribute, by a file where a directory is needed, or by
// scratch.
func checkFileConflicts(a App) []Finding {
	files := filePaths(a)
	var all []Finding
	for i, f := range files {
		if refusedFile(f.path) != "" {
			continue
		}
		for _, other := range files[:i] {
			if why := filesClash(other, f); why != "" {
				all = append(all, Finding{
					Path: f.at(), Uses: [][]string{{other.attribute}}, Summary: "Path is taken",
					Detail: fmt.Sprintf("%s of %s %s %s of %s. Choose another path for one of them.",
						quote(f.path), f.attribute, why, quote(other.path), other.attribute),
				})
			}
		}
	}
	return append(all, scratchConflicts(a, files)...)
}

func filesClash(a, b declaredFile) string {
	switch {
	case a.path == b.path:
		return "is also"
	case inside(b.path, a.path):
		return "is below the file"
	case inside(a.path, b.path):
		return "would have to be the directory of"
	default:
		return ""
	}
}

func scratchConflicts(a App, files []declaredFile) []Finding {
	var all []Finding
	for _, f := range files {
		if refusedFile(f.path) != "" {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(a.Processes)) {
			for _, dir := range sortedKeys(a.Processes[name].Scratch) {
				if f.path != dir && !inside(f.path, dir) && !inside(dir, f.path) {
					continue
				}
				all = append(all, Finding{
					Path: f.at(), Uses: [][]string{{"processes", name, "scratch"}}, Summary: "File in a scratch directory",
					Detail: fmt.Sprintf("%s collides with scratch path %s of process %s, which is empty at every start and writable. Choose a path "+
						"outside of it, for example \"/etc/app/%s\".", quote(f.path), quote(dir), quote(name), path.Base(f.path)),
				})
			}
		}
	}
	return all
}

// checkFileDirectories looks at what Cloud Run mounts: whole directories, one secret each.
func checkFileDirectories(a App) []Finding {
	mounts := FileMounts(a)
	var all []Finding
	for i, m := range mounts {
		if refusedFile(m.Paths[0]) != "" {
			continue // said of the file
		}
		if slices.Contains(imageDirs, m.Dir) {
			all = append(all, m.finding("Directory is the image's", fmt.Sprintf("Cloud Run mounts the directory of %s, %s, and that hides everything "+
				"that the image has in it. Give the files a directory of their own, for example \"/etc/app/%s\".",
				quote(m.Paths[0]), quote(m.Dir), path.Base(m.Paths[0]))))
		}
		for _, other := range mounts[:i] {
			if other.Dir == m.Dir || inside(m.Dir, other.Dir) {
				f := m.finding("Directory is taken", fmt.Sprintf("Cloud Run mounts a directory from one secret, and %s is already needed for %s: config_files "+
					"are one secret, and each secret of secret_files is another. Give each a directory of its own, side by side.", quote(other.Dir), quote(other.Paths[0])))
				f.Uses = append(f.Uses, other.at(other.Paths[0]))
				all = append(all, f)
				break
			}
		}
		all = append(all, m.scratchWithin(a)...)
	}
	return all
}

func (m FileMount) at(file string) []string {
	if m.Secret == "" {
		return []string{"config_files", file}
	}
	return []string{"secret_files", file}
}

func (m FileMount) finding(summary, detail string) Finding {
	return Finding{Path: m.at(m.Paths[0]), Uses: [][]string{{"config_files"}, {"secret_files"}}, Summary: summary, Detail: detail}
}

// scratchWithin refuses scratch below a mounted directory: those are read-only.
func (m FileMount) scratchWithin(a App) []Finding {
	return each(a, func(_ string, p Process) []Finding {
		var all []Finding
		for _, dir := range sortedKeys(p.Scratch) {
			if dir == m.Dir || inside(dir, m.Dir) {
				all = append(all, Finding{
					Path: []string{"scratch", dir}, Summary: "Scratch in a directory of files",
					Detail: fmt.Sprintf("Cloud Run mounts %s read-only for %s, so nothing in it is writable. Choose a scratch path outside of it, for "+
						"example \"/var/cache/app\".", quote(m.Dir), quote(m.Paths[0])),
				})
			}
		}
		return all
	})
}

func checkFileContents(a App) []Finding {
	var all []Finding
	total := 0
	for _, file := range slices.Sorted(maps.Keys(a.ConfigFiles)) {
		text, known := a.ConfigFiles[file].Text()
		total += len(text)
		if why := refusedText(a.Runtime(), text); known && why != "" {
			all = append(all, Finding{
				Path: []string{"config_files", file}, Summary: "Content cannot be a file of config",
				Detail: fmt.Sprintf("The content of %s %s.", quote(file), why),
			})
		}
	}
	if total > maxConfigMap && a.Runtime() == GKERuntime {
		all = append(all, Finding{
			Path: []string{"config_files"}, Summary: "Files are too large",
			Detail: fmt.Sprintf("All files together have %d KiB, and a ConfigMap holds %d KiB. Put large data into the image or a backing service.",
				kib(total), kib(maxConfigMap)),
		})
	}
	return all
}

func refusedText(on Runtime, text string) string {
	switch {
	case !utf8.ValidString(text):
		return "is not valid UTF-8. Encode binary data, for example with base64encode(), put it into the image, or make it a secret file"
	case strings.ContainsRune(text, 0):
		return "contains a NUL character, which no text does. Encode binary data, for example with base64encode(), or make it a secret file"
	case on == CloudRunRuntime && text == "":
		return "is empty, and Cloud Run takes files of config from Secret Manager, where no version is empty. Leave the file out, or write a line break"
	case on == CloudRunRuntime && len(text) > maxSecretFile:
		return fmt.Sprintf("has %d bytes, and Cloud Run takes files of config from Secret Manager, where a version holds %d. Split it, or put it into "+
			"the image", len(text), maxSecretFile)
	}
	return ""
}

func checkSecretInFile(a App) []Finding {
	var all []Finding
	for _, file := range slices.Sorted(maps.Keys(a.ConfigFiles)) {
		text, _ := a.ConfigFiles[file].Text()
		what := looksSecret("", text)
		if what == "" || refusedFile(file) != "" {
			continue
		}
		all = append(all, Finding{
			Path: []string{"config_files", file}, Summary: "Content looks like a secret",
			Detail: fmt.Sprintf("The content of %s looks like %s. Files of config can be read in plan and state. Put it into a twelvefactor_secret "+
				"and refer to it: secret_files = { %s = twelvefactor_secret.NAME.version_id }.", quote(file), what, quote(file)),
		})
	}
	return all
}

// RegionalSecretFiles lists the paths of the files that an app takes from regional secrets, sorted.
func RegionalSecretFiles(a App) []string {
	var regional []string
	for _, file := range sortedKeys(a.SecretFiles) {
		if ref, err := ParseSecretVersion(a.SecretFiles[file]); err == nil && ref.Location != "" {
			regional = append(regional, file)
		}
	}
	return regional
}

func askedRegionalFile(a App) []Finding {
	var all []Finding
	for _, file := range RegionalSecretFiles(a) {
		ref, _ := ParseSecretVersion(a.SecretFiles[file]) // checked by RegionalSecretFiles
		all = append(all, Finding{
			Path: []string{"secret_files", file}, Summary: "Cloud Run cannot use a regional secret",
			Detail: fmt.Sprintf("%s refers to secret %s in %s.", quote(file), quote(ref.Secret), ref.Location),
		})
	}
	return all
}
