package acctest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"
)

// cleanups end what tests of one process share.
var cleanups struct {
	sync.Mutex
	end []func(context.Context) error
}

func atEnd(end func(context.Context) error) {
	cleanups.Lock()
	defer cleanups.Unlock()
	cleanups.end = append(cleanups.end, end)
}

// reports are lines for the end of a process's tests.
var reports struct {
	sync.Mutex
	lines []string
}

// Report prints a line after the last test of the process.
func Report(format string, args ...any) {
	reports.Lock()
	defer reports.Unlock()
	reports.lines = append(reports.lines, fmt.Sprintf(format, args...))
}

// atOnce is how many tests run side by side unless -parallel says otherwise: they wait for operations more than they
// compute.
const atOnce = "6"

// Main is what TestMain of every package with acceptance tests calls. It runs the tests, then ends what they shared.
func Main(m *testing.M) {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		_ = flag.Set("test.parallel", atOnce) // the testing package registers it, and takes every number
	}
	code := m.Run()
	for _, line := range reports.lines {
		_, _ = fmt.Fprintln(os.Stdout, line)
	}
	cleanups.Lock()
	defer cleanups.Unlock()
	var failures error
	for _, end := range cleanups.end {
		failures = errors.Join(failures, end(context.Background()))
	}
	if failures != nil {
		fmt.Fprintln(os.Stderr, "end of the tests:", failures)
		code = 1
	}
	os.Exit(code)
}

// The testing library takes the provider's address apart into environment variables, and reads the user's command
// line configuration, which must not decide about tests.
func init() {
	for key, value := range map[string]string{
		"TF_ACC_PROVIDER_NAMESPACE": namespace,
		"TF_ACC_PROVIDER_HOST":      host,
		"TF_CLI_CONFIG_FILE":        os.DevNull,
		"CHECKPOINT_DISABLE":        "1",
	} {
		if err := os.Setenv(key, value); err != nil {
			panic(err)
		}
	}
}
