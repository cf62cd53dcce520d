// Command bench measures what the provider costs a run of Terraform: the time of `terraform validate` of a
// configuration with one resource against the same without any provider, the provider's peak memory, and the time of a
// plan of a service on each runtime in which nothing has changed, on a fake Google Cloud. Each is measured alternately in
// one run, because the machine may be busy with other things; compare the ratio, not the seconds. Only the standard
// library is needed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const oneResource = `terraform {
  required_providers {
    twelvefactor = { source = "registry.terraform.io/twelvefactor/twelvefactor" }
  }
}
resource "twelvefactor_session_key" "k" {
  name = "shop-session-key"
}
`

// nothing is a configuration without a provider.
const nothing = "terraform {}\noutput \"x\" {\n  value = 1\n}\n"

func main() {
	root := flag.String("root", ".", "folder of the project, with bin/ built")
	terraform := flag.String("terraform", "terraform", "terraform or tofu binary")
	kubernetes := flag.String("kubernetes-bin", "", "folder with the programs of Kubernetes; without it nothing is measured on GKE")
	runs := flag.Int("runs", 10, "how many times each is measured")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *root, *terraform, *kubernetes, *runs)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures until ctx ends; what it has started it ends on every way out.
func run(ctx context.Context, root, terraform, kubernetes string, runs int) error {
	work, err := os.MkdirTemp("", "twelvefactor-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	rss := filepath.Join(work, "peak")
	dirs, err := prepare(root, work, rss)
	if err != nil {
		return err
	}
	tf := terraformIn{ctx: ctx, terraform: terraform, env: []string{"TF_CLI_CONFIG_FILE=" + filepath.Join(work, "cli.tfrc")}}
	err = compare("validate", runs, dirs[0], dirs[1], func(dir string) (time.Duration, error) { return tf.timed(dir, "validate", "-no-color") })
	if err != nil {
		return err
	}
	peak, err := peakMemory(rss)
	if err != nil {
		return err
	}
	fmt.Printf("provider's peak memory: %d MB\n", peak/1024)
	return measurePlans(ctx, root, terraform, kubernetes, work, runs)
}

// compare measures the same command without and with the provider, alternately, and prints the medians and their ratio.
func compare(what string, runs int, withoutDir, withDir string, measure func(dir string) (time.Duration, error)) error {
	var with, without []time.Duration
	for range runs {
		for dir, times := range map[string]*[]time.Duration{withoutDir: &without, withDir: &with} {
			d, err := measure(dir)
			if err != nil {
				return err
			}
			*times = append(*times, d)
		}
	}
	a, b := median(without), median(with)
	fmt.Printf("%s, median of %d: without provider %d ms, with provider %d ms, difference %d ms, ratio %.2f\n",
		what, runs, a.Milliseconds(), b.Milliseconds(), (b - a).Milliseconds(), float64(b)/float64(a))
	return nil
}

// prepare writes the two configurations and a wrapper around the provider that notes its peak memory when it ends.
func prepare(root, work, rss string) ([2]string, error) {
	dirs := [2]string{filepath.Join(work, "without"), filepath.Join(work, "with")}
	bin := filepath.Join(work, "bin")
	for _, d := range []string{dirs[0], dirs[1], bin} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return dirs, err
		}
	}
	provider, err := filepath.Abs(filepath.Join(root, "bin", "terraform-provider-twelvefactor"))
	if err != nil {
		return dirs, err
	}
	files := map[string]string{
		filepath.Join(dirs[0], "main.tf"): nothing,
		filepath.Join(dirs[1], "main.tf"): oneResource,
		filepath.Join(work, "cli.tfrc"):   overrides(bin),
	}
	for name, body := range files {
		if err := os.WriteFile(name, []byte(body), 0o600); err != nil {
			return dirs, err
		}
	}
	// The kernel's high-water mark of the provider itself is polled while it runs: Terraform kills it at the end.
	wrapper := fmt.Sprintf("#!/bin/sh\n(while sed -n 's/^VmHWM:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$$/status >>%q; do sleep 0.02; done) >/dev/null 2>&1 </dev/null &\nexec %q \"$@\"\n", rss, provider)
	return dirs, os.WriteFile(filepath.Join(bin, "terraform-provider-twelvefactor"), []byte(wrapper), 0o755)
}

// overrides is a configuration of Terraform that takes the provider from a folder.
func overrides(bin string) string {
	return fmt.Sprintf("provider_installation {\n  dev_overrides { %q = %q }\n}\n", "registry.terraform.io/twelvefactor/twelvefactor", bin)
}

func peakMemory(file string) (kib int, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.FieldsSeq(string(b)) {
		var n int
		if _, err := fmt.Sscan(line, &n); err == nil {
			kib = max(kib, n)
		}
	}
	return kib, nil
}

func median(d []time.Duration) time.Duration {
	d = slices.Clone(d)
	slices.Sort(d)
	return d[len(d)/2]
}
