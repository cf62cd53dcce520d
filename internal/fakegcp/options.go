package fakegcp

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"time"
)

// Defaults of Options.
const (
	DefaultListen        = "127.0.0.1:0"
	DefaultProject       = "acme-dev"
	DefaultProjectNumber = "123456789012"
	DefaultOperationTime = time.Second
)

// Options configures a Server. The zero value is usable: a free port, project acme-dev, operations of one second.
type Options struct {
	// Listen is host:port; the host must be a loopback address. Port 0 takes a free one.
	Listen string
	// Project is the id of the one project that exists at the start.
	Project string
	// ProjectNumber is its number, 12 digits in the real service.
	ProjectNumber string
	// OperationTime is how long an operation runs, by the virtual clock.
	OperationTime time.Duration
	// PropagationDelay is how long a change of a policy takes to become effective, by the virtual clock.
	PropagationDelay time.Duration
	// AccountReadDelay is for how long a new service account cannot be read (SetAccountReadDelay), by the virtual clock.
	AccountReadDelay time.Duration
	// Clock is the time that the virtual clock starts from; the system's by default. If it has a method
	// Advance(time.Duration), the server turns it forward instead of keeping a distance of its own, so that a client
	// under test can share it, until its speed is set.
	Clock Clock
	// Now is what the virtual clock says at the start; what Clock says if it is zero. With a state file the clock goes on
	// from where it was.
	Now time.Time
	// JournalSize is how many calls the journal keeps, the latest; 0 keeps all.
	JournalSize int
	// Control is sent to the control API at the start and again after a reset, such as {"images", {"image": …}}.
	Control []ControlInput
	// StateFile is a file that what is in the fake survives a restart in, by whatever end (state.go says what and how); empty
	// keeps nothing. Secret payloads are in it. A file that is not one of the fake's is refused and left alone. What control
	// methods change in Go is not kept: use Control, or the control API over HTTP.
	StateFile string
	// KubernetesBin is a directory with kube-apiserver, kube-controller-manager, kube-scheduler, etcd and kwok.
	KubernetesBin string
	// KubernetesBuild makes these programs when there is no KubernetesBin and returns their directory. It is called once a
	// cluster's endpoint is first used, and may take minutes. Without both, clusters exist in the API only: their
	// endpoints answer 501 and say why.
	KubernetesBuild func(ctx context.Context) (dir string, err error)
	// ReadOnlyToken is a bearer token whose caller may read everything but secret payloads and change nothing.
	ReadOnlyToken string
	// Log gets what is worth telling an operator; nothing by default. Request bodies are never logged.
	Log *slog.Logger
}

// GCPercent is the garbage collector's target in a process that is a fake and nothing else (debug.SetGCPercent). Nearly all
// that a fake holds stays: collecting it seldom takes some tens of megabytes more and keeps the slowest answers quick.
const GCPercent = 400

var (
	projectIDForm     = regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	projectNumberForm = regexp.MustCompile(`^[1-9][0-9]{5,18}$`)
)

func (o Options) withDefaults() (Options, error) {
	o.Listen = cmp.Or(o.Listen, DefaultListen)
	o.Project = cmp.Or(o.Project, DefaultProject)
	o.ProjectNumber = cmp.Or(o.ProjectNumber, DefaultProjectNumber)
	o.OperationTime = cmp.Or(o.OperationTime, DefaultOperationTime)
	if o.Clock == nil {
		o.Clock = systemClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := checkProject(o.Project, o.ProjectNumber); err != nil {
		return o, err
	}
	if o.JournalSize < 0 {
		return o, fmt.Errorf("journal size %d: want a number of calls such as 100000, or 0 for all", o.JournalSize)
	}
	return o, checkLoopback(o.Listen)
}

func checkProject(id, number string) error {
	if !projectIDForm.MatchString(id) {
		return fmt.Errorf("project id %q: 6 to 30 lower case letters, digits and hyphens, starting with a letter, such as %q", id, DefaultProject)
	}
	if !projectNumberForm.MatchString(number) {
		return fmt.Errorf("project number %q: digits only, such as %q", number, DefaultProjectNumber)
	}
	return nil
}

// checkLoopback refuses addresses that other machines could reach: the fake has no authentication.
func checkLoopback(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("listen address %q: want host:port, such as %s: %w", listen, DefaultListen, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("listen address %q is not a loopback address: the fake has no authentication, listen on 127.0.0.1:PORT", listen)
	}
	return nil
}
