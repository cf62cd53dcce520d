package kubernetes

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
)

// Options configures a Cluster.
type Options struct {
	// Name is the cluster's name; it becomes part of the names of nodes.
	Name string
	// Bin is the directory that holds the Programs.
	Bin string
	// Build makes the Programs when there is no Bin and returns their directory. It is called when the first connection
	// arrives, may take minutes, and ends early when its context does. Without Bin and Build the endpoint answers 501 and
	// says why.
	Build func(ctx context.Context) (dir string, err error)
	// Dir is where the cluster keeps its authority, its port and its objects, so that another one made with the same directory
	// goes on with them; it is made if need be, and Remove takes it away. Without it they go with the control plane.
	Dir string
	// Behaviour tells what the containers of an image do, by the reference in the pod. It is called from several
	// goroutines; nil lets every image run.
	Behaviour func(image string) Behaviour
	// Secret tells why a pod may not read a version of a secret, as "code = CODE desc = TEXT", "" if it may. It is called from
	// several goroutines; nil lets every pod read every version.
	Secret func(pod PodIdentity, version string) string
	// ReadOnlyToken is the bearer token whose caller may only read; any other token may do everything.
	ReadOnlyToken string
	// Through has every request of a client that is known by its token, and what serves it; nil lets all be served. It
	// is called from several goroutines.
	Through func(w http.ResponseWriter, r *http.Request, about Request, serve http.Handler)
	// Log gets what is worth telling an operator.
	Log *slog.Logger
}

// Cluster is a Kubernetes cluster behind a TLS endpoint on a loopback port. The endpoint listens from the beginning, the
// control plane starts when the first connection arrives.
type Cluster struct {
	options   Options
	authority *authority
	front     *front
	inventory *inventory
	ctx       context.Context // ends with the cluster
	end       context.CancelFunc
	building  atomic.Bool // while Options.Build may be running

	secretManager atomic.Bool // whether the Secret Manager add-on is on

	mu      sync.Mutex
	closed  bool
	attempt *attempt
}

// attempt is one start of the control plane and what came of it.
type attempt struct {
	done  chan struct{}
	plane *running
	err   error
}

// running is a control plane with what this package plays around it.
type running struct {
	*ControlPlane
	kubelet *kubelet
	nodes   *nodeController
	addons  *addonManager
	stop    context.CancelFunc
	players sync.WaitGroup
}

// errNotConfigured is what the endpoint says without Options.Bin.
var errNotConfigured = errors.New("this fake cluster has no Kubernetes: build the programs with tools/build.sh kubernetes and " +
	"start the fake with their directory (--kubernetes-bin)")

// New makes a cluster without nodes, or goes on with that in Options.Dir, and opens its endpoint.
func New(o Options) (*Cluster, error) {
	if o.Behaviour == nil {
		o.Behaviour = func(string) Behaviour { return Behaviour{} }
	}
	if o.Secret == nil {
		o.Secret = func(PodIdentity, string) string { return "" }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ca, err := authorityIn(o.Dir, o.Name)
	if err != nil {
		return nil, err
	}
	c := &Cluster{options: o, authority: ca, inventory: newInventory()}
	c.ctx, c.end = context.WithCancel(context.Background())
	if c.front, err = openFront(c); err != nil {
		c.end()
		return nil, err
	}
	return c, nil
}

// Endpoint is the address of the Kubernetes API, 127.0.0.1:PORT; it speaks TLS with a certificate of the cluster's own
// authority.
func (c *Cluster) Endpoint() string { return c.front.listener.Addr().String() }

// CACertificate is the certificate of the cluster's authority as GKE hands it out: a PEM block in base64.
func (c *Cluster) CACertificate() string { return base64.StdEncoding.EncodeToString(c.authority.pem) }

// Kubeconfig is a kubeconfig file for the endpoint and a bearer token.
func (c *Cluster) Kubeconfig(token string) ([]byte, error) {
	return kubeconfig(c.options.Name, "https://"+c.Endpoint(), c.authority.pem, token)
}

// ControlPlane starts the control plane if need be and waits until it is ready.
func (c *Cluster) ControlPlane(ctx context.Context) (*ControlPlane, error) {
	r, err := c.running(ctx)
	if err != nil {
		return nil, err
	}
	return r.ControlPlane, nil
}

func (c *Cluster) running(ctx context.Context) (*running, error) {
	a, err := c.begin()
	if err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-a.done:
	}
	if a.err != nil {
		return nil, a.err
	}
	return a.plane, a.plane.Check()
}

// begin starts the control plane unless it runs or is starting. It outlives the request that caused it. A failed start
// is tried again by the next caller.
func (c *Cluster) begin() (*attempt, error) {
	if c.options.Bin == "" && c.options.Build == nil {
		return nil, errNotConfigured
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, fmt.Errorf("cluster %s is gone", c.options.Name)
	}
	if c.attempt == nil || c.attempt.failed() {
		c.attempt = &attempt{done: make(chan struct{})}
		c.building.Store(c.options.Bin == "")
		go c.start(c.attempt)
	}
	return c.attempt, nil
}

func (a *attempt) failed() bool {
	select {
	case <-a.done:
		return a.err != nil
	default:
		return false
	}
}

// started is the control plane if it runs already.
func (c *Cluster) started() (*running, bool) {
	c.mu.Lock()
	a := c.attempt
	c.mu.Unlock()
	if a == nil {
		return nil, false
	}
	select {
	case <-a.done:
		return a.plane, a.err == nil
	default:
		return nil, false
	}
}

func (c *Cluster) start(a *attempt) {
	defer close(a.done)
	plane, err := c.startControlPlane()
	if err != nil {
		c.options.Log.Error("a cluster's control plane did not start", "cluster", c.options.Name, "error", err)
		a.err = err
		return
	}
	c.options.Log.Info("control plane started", "cluster", c.options.Name, "took", plane.Took())
	a.plane = c.play(plane)
	for _, ready := range []chan struct{}{a.plane.nodes.compared, a.plane.addons.compared} { // a new cluster answers with its nodes and add-ons
		select {
		case <-ready:
		case <-c.ctx.Done():
		}
	}
}

// startControlPlane builds the Programs if need be and starts them.
func (c *Cluster) startControlPlane() (*ControlPlane, error) {
	bin := c.options.Bin
	if bin == "" {
		defer c.building.Store(false)
		var err error
		if bin, err = c.options.Build(c.ctx); err != nil {
			return nil, fmt.Errorf("build Kubernetes: %w", err)
		}
	}
	return startControlPlane(c.ctx, bin, c.options.Dir, c.authority)
}

// play starts the parts of a cluster that are not Kubernetes: kubelets, node pools, autoscaler.
func (c *Cluster) play(plane *ControlPlane) *running {
	r := &running{ControlPlane: plane}
	var ctx context.Context
	ctx, r.stop = context.WithCancel(c.ctx)
	watch := newWatch(plane.client)
	r.kubelet = newKubelet(plane.client, watch, c.options.Behaviour)
	r.kubelet.secret, r.kubelet.secretManager = c.options.Secret, c.secretManager.Load
	r.addons = newAddonManager(plane.client, c.secretManager.Load, c.options.Log)
	r.nodes = newNodeController(plane.client, watch, c.inventory, c.options)
	r.players.Go(func() { watch.run(ctx) })
	r.players.Go(func() { r.kubelet.run(ctx) })
	r.players.Go(func() { r.nodes.run(ctx) })
	r.players.Go(func() { r.addons.run(ctx) })
	return r
}

// ImagesChanged has the pods looked at again after Options.Behaviour answers differently.
func (c *Cluster) ImagesChanged() {
	if r, ok := c.started(); ok {
		r.kubelet.playAll()
	}
}

// SetNodePools declares the node pools; nodes follow as soon as there is a control plane.
func (c *Cluster) SetNodePools(pools []NodePool) {
	c.inventory.declare(pools)
	c.nodesChanged()
}

// SetStockout declares that a zone (all zones when it is empty) has no machines left, or has some again.
func (c *Cluster) SetStockout(zone string, out bool) {
	c.inventory.setStockout(zone, out)
	c.nodesChanged()
}

func (c *Cluster) nodesChanged() {
	if r, ok := c.started(); ok {
		r.nodes.wake()
	}
}

// NodeCounts is the number of nodes by pool: those that exist, or before the control plane has started those that will.
func (c *Cluster) NodeCounts() map[string]int {
	if r, ok := c.started(); ok {
		return r.nodes.counts()
	}
	return c.inventory.wanted()
}

// NodeZones is what NodeCounts counts, by pool and zone.
func (c *Cluster) NodeZones() map[string]map[string]int {
	if r, ok := c.started(); ok {
		return r.nodes.zones()
	}
	return c.inventory.wantedZones()
}

// Preempt takes Spot and preemptible nodes away as Compute Engine does, and returns when their pods are no longer ready.
// Without a control plane there is nothing to take; nodes that are asked for by name or number are an error then.
func (c *Cluster) Preempt(ctx context.Context, p Preemption) error {
	r, ok := c.started()
	if !ok {
		return p.missing(nil)
	}
	return r.nodes.preempt(ctx, p)
}

// Close closes the endpoint and ends the control plane, a starting one included.
func (c *Cluster) Close() error {
	c.mu.Lock()
	c.closed = true
	a := c.attempt
	c.mu.Unlock()
	c.end()
	err := c.front.close()
	if a == nil {
		return err
	}
	<-a.done
	if a.plane == nil {
		return err
	}
	a.plane.stop()
	a.plane.players.Wait()
	return errors.Join(err, a.plane.Close())
}

// Remove is Close for a cluster that is not to come back: its directory goes too.
func (c *Cluster) Remove() error {
	err := c.Close()
	if c.options.Dir == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(c.options.Dir))
}
