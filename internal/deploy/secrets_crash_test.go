package deploy_test

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// TestSecrets_crashAtEveryCall ends the process at every call, before and after the call's effect: nothing that comes
// after it is sent, and the state is lost with it. The next run converges.
func TestSecrets_crashAtEveryCall(t *testing.T) {
	for _, s := range sweeps() {
		for _, call := range s.calls(t) {
			for _, when := range []fakegcp.When{fakegcp.Before, fakegcp.After} {
				t.Run(fmt.Sprintf("%s/%s %d %s", s.name, call.method, call.occurrence, when), func(t *testing.T) {
					t.Parallel()
					b := newSecretBench(t)
					s.prepare(b)
					old := b.enabled()
					s.crash(b, fakegcp.Fault{Method: call.method, Occurrence: call.occurrence, When: when, Kind: fakegcp.FaultHang})
					durable := b.enabled()
					d := s.target(b)
					if d == nil {
						s.checkGone(b)
						return
					}
					if len(old) == 0 && b.finished() {
						// The write that ended the create was its last, and its answer was lost with the state: nothing tells
						// this secret from one that another state holds.
						checkRefusal(t, b.apply(*d), *d)
						return
					}
					b.mustApply(*d)
					b.checkSettled(*d)
					s.checkVersions(b, old, durable)
					b.checkSecrecy()
				})
			}
		}
	}
}

// crash runs the operation until the call hangs, and then takes the run's connections away for good.
func (s sweep) crash(b *secretBench, at fakegcp.Fault) {
	b.Helper()
	state, cloud := b.state, b.cloud
	b.patience = time.Minute
	line := newCuttable(b, b.fake.Addr())
	b.cloud = b.reach(line.addr, cloud.Stamp.Stack)
	if err := b.fake.Inject(at); err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.attempt(b) }()
	for !b.struck() {
		select {
		case err := <-ended:
			b.Fatalf("the run ended before it was struck: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	line.cut()
	b.fake.ClearFaults()
	_ = b.note(<-ended)
	b.state, b.cloud, b.tainted = state, cloud, false
}

// finished tells whether there is a secret that is not marked as being created.
func (b *secretBench) finished() bool {
	live, err := b.cloud.GCP.Secrets().Get(b.Context(), b.id.String())
	if err != nil {
		return false
	}
	_, creating := names.CreatingSince(live.GetLabels())
	return !creating
}

func (b *secretBench) struck() bool {
	for _, call := range b.fake.Journal() {
		if call.Fault != "" {
			return true
		}
	}
	return false
}

// cuttable forwards connections until it is cut; from then on nothing gets through.
type cuttable struct {
	addr     string
	listener net.Listener
	mu       sync.Mutex
	open     []net.Conn
}

func newCuttable(t testing.TB, to string) *cuttable {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cuttable{addr: listener.Addr().String(), listener: listener}
	t.Cleanup(c.cut)
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			c.forward(from, to)
		}
	}()
	return c
}

func (c *cuttable) forward(from net.Conn, to string) {
	onward, err := net.Dial("tcp", to)
	if err != nil {
		_ = from.Close()
		return
	}
	c.mu.Lock()
	c.open = append(c.open, from, onward)
	c.mu.Unlock()
	go func() { _, _ = io.Copy(onward, from) }()
	go func() { _, _ = io.Copy(from, onward) }()
}

func (c *cuttable) cut() {
	_ = c.listener.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.open {
		_ = conn.Close()
	}
}
