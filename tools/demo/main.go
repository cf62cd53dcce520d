// Command demo shows the provider's main job from nothing to nothing: it starts the fake Google Cloud, applies the
// quickstart, shows what was wired, shows that a second plan is empty, preempts the Spot nodes, rotates the session
// key, destroys, and shows that nothing is left. It uses what a user would use: the built provider, Terraform or
// OpenTofu, and the fake's own command. Only the standard library is needed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

func main() {
	var o options
	flag.StringVar(&o.root, "root", ".", "folder of the project, with bin/ built")
	flag.StringVar(&o.terraform, "terraform", "", "terraform or tofu binary")
	flag.StringVar(&o.kubernetes, "kubernetes-bin", "", "folder with the Kubernetes binaries")
	flag.BoolVar(&o.keep, "keep", false, "leave everything running after the rotation, to explore")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo failed: %v\n", err)
		stop()
		os.Exit(1)
	}
}

type options struct {
	root, terraform, kubernetes string
	keep                        bool
}

func run(ctx context.Context, o options) (err error) {
	started := time.Now()
	work, err := os.MkdirTemp("", "twelvefactor-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()

	step("Start the fake Google Cloud")
	fake, err := startFake(ctx, filepath.Join(o.root, "bin", "fakegcp"), o.kubernetes, work)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fake.stop()) }()
	fmt.Printf("listening on %s, nothing in it yet\n", fake.addr)

	tf, err := newTerraform(o.terraform, o.root, work, fake.addr)
	if err != nil {
		return err
	}
	kube, err := show(ctx, tf, fake)
	if err != nil {
		return err
	}
	if o.keep {
		return explore(ctx, tf, fake)
	}
	if err := destroy(ctx, tf, fake, kube); err != nil {
		return err
	}
	fmt.Printf("\nDone in %s: wired, planned empty, preempted, rotated, destroyed; nothing is left.\n", time.Since(started).Round(time.Second))
	return nil
}

// show is the demo up to the rotation.
func show(ctx context.Context, tf *terraform, fake *fake) (*kube, error) {
	step("Apply examples/quickstart from nothing, in one run (the cluster is unknown at plan time)")
	if err := tf.quiet(ctx, "init", "-input=false", "-no-color"); err != nil {
		return nil, err
	}
	if err := tf.stream(ctx, "apply", "-auto-approve", "-input=false", "-no-color"); err != nil {
		return nil, err
	}

	step("What was wired")
	if err := fake.printObjects(ctx); err != nil {
		return nil, err
	}
	kube, err := connect(ctx, tf)
	if err != nil {
		return nil, err
	}
	if err := kube.printWorkloads(ctx); err != nil {
		return nil, err
	}

	step("Plan again: nothing to do")
	if err := tf.stream(ctx, "plan", "-detailed-exitcode", "-input=false", "-no-color"); err != nil {
		return nil, fmt.Errorf("the second plan is not empty: %w", err)
	}

	step("Preempt every Spot node")
	if err := preempt(ctx, fake, kube); err != nil {
		return nil, err
	}

	step("Rotate the session key: the plan shows it, and the service rolls in the same apply")
	return kube, rotate(ctx, tf, kube)
}

func preempt(ctx context.Context, fake *fake, kube *kube) error {
	if err := fake.preempt(ctx, "dev"); err != nil {
		return err
	}
	lost, err := kube.waitAvailability(ctx, "lost", 30*time.Second, func(a, want int) bool { return a < want })
	if err != nil {
		return err
	}
	fmt.Printf("after %4.1f s: %s\n", lost.after.Seconds(), lost.text)
	back, err := kube.waitAvailability(ctx, "back", 90*time.Second, func(a, want int) bool { return a == want })
	if err != nil {
		return err
	}
	fmt.Printf("after %4.1f s: %s\n", (lost.after + back.after).Seconds(), back.text)
	return kube.printWorkloads(ctx)
}

func rotate(ctx context.Context, tf *terraform, kube *kube) error {
	before, err := tf.output(ctx, "session_key_version")
	if err != nil {
		return err
	}
	running, err := kube.podSecrets(ctx)
	if err != nil {
		return err
	}
	tf.vars = append(tf.vars, "TF_VAR_rotation_trigger=demo")
	if err := tf.stream(ctx, "apply", "-auto-approve", "-input=false", "-no-color"); err != nil {
		return err
	}
	after, err := tf.output(ctx, "session_key_version")
	if err != nil {
		return err
	}
	if before == after {
		return fmt.Errorf("the session key was not rotated: still %s", before)
	}
	rolled, err := kube.podSecrets(ctx)
	if err != nil {
		return err
	}
	for _, secret := range rolled {
		if slices.Contains(running, secret) {
			return fmt.Errorf("the service was not rolled: a pod still reads from %s", secret)
		}
	}
	fmt.Printf("session key: %s -> %s\n", before, after)
	return kube.printWorkloads(ctx)
}

// destroy takes the service away first, because Kubernetes can only be looked into while its cluster is there.
func destroy(ctx context.Context, tf *terraform, fake *fake, kube *kube) error {
	step("Destroy the service, and look for what is left in Kubernetes")
	if err := tf.stream(ctx, "destroy", "-target=twelvefactor_service.shop", "-auto-approve", "-input=false", "-no-color"); err != nil {
		return err
	}
	inKube, err := kube.namespaces(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("namespaces left in Kubernetes, besides its own: %d\n", len(inKube))

	step("Destroy the rest, and look for what is left in Google Cloud")
	if err := tf.stream(ctx, "destroy", "-auto-approve", "-input=false", "-no-color"); err != nil {
		return err
	}
	left, err := fake.remaining(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("objects left in Google Cloud: %d\n", len(left))
	if left = append(left, inKube...); len(left) > 0 {
		return fmt.Errorf("%d objects are left: %v", len(left), left)
	}
	return nil
}

func explore(ctx context.Context, tf *terraform, fake *fake) error {
	fmt.Printf(`
Everything is still running. To explore, in another shell:

  cd %[1]s
  %[2]s
  %[3]s plan

To look into the cluster with kubectl:

  curl -s 'http://%[4]s/_fake/kubeconfig?cluster=dev' > kubeconfig
  KUBECONFIG=kubeconfig kubectl -n shop get deployments,pods -o wide

The fake's objects and calls: http://%[4]s/_fake/objects and http://%[4]s/_fake/journal
Press Ctrl-C here to end it.
`, tf.dir, tf.exports(), tf.binary, fake.addr)
	<-ctx.Done()
	return nil
}

func step(title string) { fmt.Printf("\n=== %s\n", title) }
