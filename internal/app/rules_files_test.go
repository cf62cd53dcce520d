package app_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

const tlsKey = "projects/acme-dev/secrets/tls/versions/4"

func filesOf(texts map[string]string) map[string]app.FileText {
	files := map[string]app.FileText{}
	for path, text := range texts {
		files[path] = app.NewFileText(text)
	}
	return files
}

// found lists rule and path of what is found in files.
func found(a app.App) []string {
	var all []string
	for _, f := range app.Check(a) {
		all = append(all, f.Rule+" "+strings.Join(f.Path, "."))
	}
	return all
}

func TestFiles(t *testing.T) {
	t.Parallel()
	text := func(paths ...string) map[string]string {
		m := map[string]string{}
		for _, p := range paths {
			m[p] = "x"
		}
		return m
	}
	scratch := map[string]app.Process{"web": {Scratch: map[string]string{"/var/cache": "1Mi"}}}
	tests := map[string]struct {
		config    map[string]string
		secret    map[string]string
		processes map[string]app.Process
		gke, run  string // rule and path of the only finding, "" for none
	}{
		"one file":                     {config: text("/etc/app/app.conf")},
		"file in a directory of files": {config: text("/etc/app/a", "/etc/app/sub/b")},
		"relative":                     {config: text("app.conf"), gke: "file-path config_files.app.conf", run: "file-path config_files.app.conf"},
		"empty":                        {config: text(""), gke: "file-path config_files.", run: "file-path config_files."},
		"root":                         {config: text("/"), gke: "file-path config_files./", run: "file-path config_files./"},
		"parent":                       {config: text("/etc/app/../a"), gke: "file-path config_files./etc/app/../a", run: "file-path config_files./etc/app/../a"},
		"ending slash":                 {secret: map[string]string{"/etc/app/": tlsKey}, gke: "file-path secret_files./etc/app/", run: "file-path secret_files./etc/app/"},
		"doubled slash":                {config: text("/etc/app//a"), gke: "file-path config_files./etc/app//a", run: "file-path config_files./etc/app//a"},
		"colon":                        {config: text("/etc/app/a:b"), gke: "file-path config_files./etc/app/a:b", run: "file-path config_files./etc/app/a:b"},
		"NUL in a path":                {config: text("/etc/app/a\x00"), gke: "file-path config_files./etc/app/a\x00", run: "file-path config_files./etc/app/a\x00"},
		"too long":                     {config: text("/etc/app/" + strings.Repeat("a", 1020)), gke: "file-path config_files./etc/app/" + strings.Repeat("a", 1020), run: "file-path config_files./etc/app/" + strings.Repeat("a", 1020)},
		"in /proc":                     {config: text("/proc/self/a"), gke: "file-path config_files./proc/self/a", run: "file-path config_files./proc/self/a"},
		"in /dev":                      {secret: map[string]string{"/dev/key": tlsKey}, gke: "file-path secret_files./dev/key", run: "file-path secret_files./dev/key"},
		"hosts":                        {config: text("/etc/hosts"), gke: "file-path config_files./etc/hosts", run: "file-path config_files./etc/hosts"},
		"same path twice": {
			config: text("/etc/app/a"), secret: map[string]string{"/etc/app/a": tlsKey},
			gke: "file-conflict secret_files./etc/app/a", run: "file-conflict secret_files./etc/app/a, file-directory secret_files./etc/app/a",
		},
		"below a file":        {config: text("/etc/app/a", "/etc/app/a/b"), gke: "file-conflict config_files./etc/app/a/b", run: "file-conflict config_files./etc/app/a/b"},
		"scratch itself":      {config: text("/var/cache"), processes: scratch, gke: "file-conflict config_files./var/cache", run: "file-conflict config_files./var/cache, file-directory config_files./var/cache, file-directory processes.web.scratch./var/cache"},
		"below scratch":       {config: text("/var/cache/app/a"), processes: scratch, gke: "file-conflict config_files./var/cache/app/a", run: "file-conflict config_files./var/cache/app/a"},
		"below /tmp":          {config: text("/tmp/app/a"), gke: "file-conflict config_files./tmp/app/a"},
		"scratch beside":      {config: text("/var/cache2/a"), processes: scratch},
		"scratch below":       {config: text("/srv/app/a"), processes: map[string]app.Process{"web": {Scratch: map[string]string{"/srv/app/b": "1Mi"}}}, run: "file-directory processes.web.scratch./srv/app/b"},
		"in the root":         {config: text("/robots.txt"), run: "file-directory config_files./robots.txt"},
		"in /etc":             {config: text("/etc/app.conf"), run: "file-directory config_files./etc/app.conf"},
		"secret in /etc/ssl":  {secret: map[string]string{"/etc/ssl/key": tlsKey}, run: "file-directory secret_files./etc/ssl/key"},
		"both in a directory": {config: text("/etc/app/a"), secret: map[string]string{"/etc/app/b": tlsKey}, run: "file-directory secret_files./etc/app/b"},
		"two secrets in a directory": {
			secret: map[string]string{"/etc/app/a": tlsKey, "/etc/app/b": "projects/acme-dev/secrets/ca/versions/1"},
			run:    "file-directory secret_files./etc/app/a",
		},
		"two versions in a directory": {secret: map[string]string{"/etc/app/a": tlsKey, "/etc/app/b": "projects/acme-dev/secrets/tls/versions/3"}},
		"one directory in another's":  {config: text("/etc/app/a"), secret: map[string]string{"/etc/app/tls/b": tlsKey}, run: "file-directory secret_files./etc/app/tls/b"},
		"not pinned":                  {secret: map[string]string{"/etc/app/a": "projects/acme-dev/secrets/tls/versions/latest"}, gke: "secret-version secret_files./etc/app/a", run: "secret-version secret_files./etc/app/a"},
		"regional":                    {secret: map[string]string{"/etc/app/a": "projects/acme-dev/locations/europe-west3/secrets/tls/versions/1"}, run: "regional-secret secret_files./etc/app/a"},
		"not text":                    {config: map[string]string{"/etc/app/a": "\xff"}, gke: "file-content config_files./etc/app/a", run: "file-content config_files./etc/app/a"},
		"NUL":                         {config: map[string]string{"/etc/app/a": "a\x00b"}, gke: "file-content config_files./etc/app/a", run: "file-content config_files./etc/app/a"},
		"empty text":                  {config: map[string]string{"/etc/app/a": ""}, run: "file-content config_files./etc/app/a"},
		"64 KiB":                      {config: map[string]string{"/etc/app/a": strings.Repeat("a", 64<<10)}},
		"more than 64 KiB":            {config: map[string]string{"/etc/app/a": strings.Repeat("a", 64<<10+1)}, run: "file-content config_files./etc/app/a"},
		"more than 1 MiB":             {config: map[string]string{"/etc/app/a": strings.Repeat("a", 1<<20), "/etc/app/b": "b"}, gke: "file-content config_files", run: "file-content config_files./etc/app/a"},
		"a private key":               {config: map[string]string{"/etc/app/a": "-----BEGIN PRIVATE KEY-----\nx"}, gke: "secret-in-file config_files./etc/app/a", run: "secret-in-file config_files./etc/app/a"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := app.App{
				Name: "shop", Image: "shop:1", ConfigFiles: filesOf(test.config), SecretFiles: test.secret,
				Processes: map[string]app.Process{"web": {}},
			}
			if test.processes != nil {
				a.Processes = test.processes
			}
			a.GKE = &app.GKE{Cluster: "projects/acme-dev/locations/asia-northeast1/clusters/dev"}
			if got := strings.Join(found(a), ", "); got != test.gke {
				t.Errorf("on GKE %q, want %q", got, test.gke)
			}
			a.GKE, a.CloudRun = nil, &app.CloudRun{Project: "acme-dev", Location: "asia-northeast1"}
			if got := strings.Join(found(a), ", "); got != test.run {
				t.Errorf("on Cloud Run %q, want %q", got, test.run)
			}
		})
	}
}

// What a file holds is never shown, nor recorded.
func TestFiles_textIsNotTold(t *testing.T) {
	t.Parallel()
	const canary = "canary-4711"
	a := app.App{Name: "shop", ConfigFiles: filesOf(map[string]string{"/etc/app/a": canary + "\x00-----BEGIN PRIVATE KEY-----"})}
	for _, rule := range []string{"file-content", "secret-in-file"} {
		if !slices.Contains(found(a), rule+" config_files./etc/app/a") {
			t.Errorf("%s finds nothing that it could tell", rule)
		}
	}
	for _, f := range app.Check(a) {
		if strings.Contains(f.Summary+f.Detail, canary) {
			t.Errorf("%s shows the text", f.Rule)
		}
	}
	encoded, err := app.Encode(a)
	if err != nil || strings.Contains(string(encoded), canary) {
		t.Errorf("recorded as %s, %v", encoded, err)
	}
	back, err := app.Decode(encoded)
	if _, known := back.ConfigFiles["/etc/app/a"].Text(); err != nil || known || app.ReleaseID(back) != app.ReleaseID(a) || app.FilesHash(back) != app.FilesHash(a) {
		t.Errorf("read back as %+v, %v", back.ConfigFiles, err)
	}
	if shown := back.ConfigFiles["/etc/app/a"].Shown(); !app.ParseFileText(shown).Equal(a.ConfigFiles["/etc/app/a"]) {
		t.Errorf("%q does not stand for the text", shown)
	}
}

func TestFiles_makeAnotherRelease(t *testing.T) {
	t.Parallel()
	a := app.App{Name: "shop", Image: "shop:1"}
	b, c, d := a, a, a
	b.ConfigFiles = filesOf(map[string]string{"/etc/app/a": "1"})
	c.ConfigFiles = filesOf(map[string]string{"/etc/app/a": "2"})
	d.SecretFiles = map[string]string{"/etc/app/a": tlsKey}
	ids := map[string]bool{}
	for _, each := range []app.App{a, b, c, d} {
		ids[app.ReleaseID(each)] = true
	}
	if len(ids) != 4 {
		t.Errorf("4 releases have ids %v", ids)
	}
}
