package kubernetes

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Bounds of a start. On two idle cores it takes four seconds; a machine that is also compiling takes a minute.
const (
	startTimeout  = 3 * time.Minute
	startAttempts = 3
	readyPoll     = 100 * time.Millisecond
	stopTimeout   = 15 * time.Second
)

// stages is what kwok plays.
//
//go:embed stages.yaml
var stages []byte

// ControlPlane is the running programs of one Kubernetes cluster. They keep everything in a directory, which goes with them
// unless the cluster has one of its own.
type ControlPlane struct {
	files     files
	keep      bool // the directory
	processes *processes
	authority *authority
	apiserver string // host:port
	admin     string // token of a member of system:masters
	viewer    string // token that reads what the ClusterRole view allows
	client    *clientset.Clientset
	took      time.Duration
}

// startControlPlane starts the programs in the directory bin and returns when the API is ready. They go on with what is in dir;
// without one they begin anew. The context bounds the start only.
func startControlPlane(ctx context.Context, bin, dir string, ca *authority) (*ControlPlane, error) {
	if err := CheckBin(bin); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("the Kubernetes API was not ready within %s", startTimeout))
	defer cancel()
	for attempt := 1; ; attempt++ {
		plane, err := startOnce(ctx, bin, dir, ca)
		if err == nil || !portTaken(err) || attempt == startAttempts {
			return plane, err
		}
	}
}

// CheckBin says which of the Programs a directory lacks.
func CheckBin(bin string) error {
	var errs []error
	for _, name := range Programs {
		info, err := os.Stat(filepath.Join(bin, name))
		switch {
		case err != nil:
			errs = append(errs, err)
		case info.IsDir() || info.Mode().Perm()&0o111 == 0:
			errs = append(errs, fmt.Errorf("%s is not an executable file", filepath.Join(bin, name)))
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("kubernetes programs are missing, build them with tools/build.sh kubernetes: %w", errors.Join(errs...))
	}
	return nil
}

func startOnce(ctx context.Context, bin, dir string, ca *authority) (*ControlPlane, error) {
	begin := time.Now()
	keep := dir != ""
	if !keep {
		var err error
		if dir, err = os.MkdirTemp("", "fakegcp-kubernetes-"); err != nil {
			return nil, fmt.Errorf("directory of a control plane: %w", err)
		}
	}
	c := &ControlPlane{files: files{dir}, keep: keep, processes: newProcesses(dir), authority: ca, admin: newToken(), viewer: newToken()}
	if err := c.start(ctx, bin); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.took = time.Since(begin)
	return c, nil
}

func (c *ControlPlane) start(ctx context.Context, bin string) error {
	p, err := freePorts()
	if err != nil {
		return err
	}
	c.apiserver = net.JoinHostPort("127.0.0.1", strconv.Itoa(p.apiserver))
	if err := c.write(); err != nil {
		return err
	}
	if c.client, err = clientset.NewForConfig(c.config()); err != nil {
		return fmt.Errorf("client of the control plane: %w", err)
	}
	if err := c.run(bin, "etcd", etcdFlags(c.files, p)); err != nil {
		return err
	}
	if err := c.run(bin, "kube-apiserver", apiserverFlags(c.files, p)); err != nil {
		return err
	}
	if err := c.waitReady(ctx); err != nil {
		return err
	}
	return errors.Join(
		c.run(bin, "kube-controller-manager", controllerManagerFlags(c.files)),
		c.run(bin, "kube-scheduler", schedulerFlags(c.files)),
		c.run(bin, "kwok", kwokFlags(c.files)),
		c.bindViewer(ctx),
	)
}

func (c *ControlPlane) run(bin, program string, flags []string) error {
	_, err := c.processes.start(filepath.Join(bin, program), flags...)
	return err
}

// write puts the files in place that the programs read. Only this user may read them: some hold keys.
func (c *ControlPlane) write() error {
	certificate, key, err := c.authority.issue("kube-apiserver")
	if err != nil {
		return err
	}
	signing, err := c.signingKey()
	if err != nil {
		return err
	}
	admin, err := kubeconfig("admin", "https://"+c.apiserver, c.authority.pem, c.admin)
	if err != nil {
		return err
	}
	for path, content := range map[string][]byte{
		c.files.authority():       c.authority.pem,
		c.files.certificate():     certificate,
		c.files.certificateKey():  key,
		c.files.serviceAccount():  signing,
		c.files.admin():           admin,
		c.files.stages():          stages,
		c.files.schedulerConfig(): []byte(schedulerConfig(c.files)),
		c.files.tokens():          []byte(c.admin + ",admin,admin,system:masters\n" + c.viewer + ",viewer,viewer," + viewers + "\n"),
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return fmt.Errorf("file of a control plane: %w", err)
		}
	}
	return nil
}

// config is for clients that speak to the API server itself, past the endpoint.
func (c *ControlPlane) config() *rest.Config {
	return &rest.Config{
		Host:            "https://" + c.apiserver,
		BearerToken:     c.admin,
		TLSClientConfig: rest.TLSClientConfig{CAData: c.authority.pem},
		UserAgent:       "fakegcp",
		QPS:             -1,
		WarningHandler:  rest.NoWarnings{},
	}
}

func (c *ControlPlane) waitReady(ctx context.Context) error {
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		_, err := c.client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		if err == nil {
			return nil
		}
		if ended := c.processes.check(); ended != nil {
			return ended
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; last answer: %w", context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

// viewers is the group of the read-only token.
const viewers = "fakegcp:viewers"

// bindViewer gives the read-only token what roles/container.viewer gives in GKE, as far as the ClusterRole view has it.
func (c *ControlPlane) bindViewer(ctx context.Context) error {
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: viewers},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: viewers}},
	}
	_, err := c.client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("let the read-only token read: %w", err)
	}
	return nil
}

// Check returns an error when one of the programs has ended by itself.
func (c *ControlPlane) Check() error { return c.processes.check() }

// Took is how long the start took.
func (c *ControlPlane) Took() time.Duration { return c.took }

// Memory is the resident memory of the programs in bytes; 0 where the system does not tell.
func (c *ControlPlane) Memory() int64 { return c.processes.memory() }

// Close kills the programs, waits for their end and removes their directory if it is theirs alone.
func (c *ControlPlane) Close() error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), stopTimeout, fmt.Errorf("not ended within %s", stopTimeout))
	defer cancel()
	err := c.processes.stop(ctx)
	c.processes.close()
	if c.keep {
		return err
	}
	return errors.Join(err, os.RemoveAll(c.files.dir))
}

func newToken() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails, says its documentation
	return hex.EncodeToString(random[:])
}
