package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// binVariable names a directory with ready programs; without it tools/build.sh builds or finds them.
const binVariable = "TWELVEFACTOR_KUBERNETES_BIN"

// viewerToken is the read-only token of the shared cluster.
const viewerToken = "look-only"

// behaviours of the images that tests use; by the reference.
var behaviours = struct {
	sync.Mutex
	of map[string]Behaviour
}{of: map[string]Behaviour{
	"missing:1":    {Missing: true},
	"crash:1":      {Exits: true, ExitCode: 1},
	"exit-three:1": {Exits: true, ExitCode: 3},
	"deaf:1":       {NeverReady: true},
}}

func behave(image string) Behaviour {
	behaviours.Lock()
	defer behaviours.Unlock()
	return behaviours.of[image]
}

// denied are the secret versions that no pod may read.
var denied sync.Map

func denies(_ PodIdentity, version string) string {
	if _, is := denied.Load(version); is {
		return "code = PermissionDenied desc = Permission 'secretmanager.versions.access' denied for resource '" + version + "' (or it may not exist)."
	}
	return ""
}

// shared is the one cluster of this package's tests: each has a namespace of its own.
var shared *Cluster

func TestMain(m *testing.M) {
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	bin, err := programs()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	shared, err = New(Options{Name: "dev", Bin: bin, Behaviour: behave, Secret: denies, ReadOnlyToken: viewerToken})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	shared.SetNodePools([]NodePool{basePool(), spotPool()})
	code := m.Run()
	if r, ok := shared.started(); ok {
		fmt.Fprintf(os.Stderr, "control plane: ready after %s, %d MiB resident\n", r.Took().Round(100*time.Millisecond), r.Memory()>>20)
	}
	if err := shared.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func programs() (string, error) {
	if bin := os.Getenv(binVariable); bin != "" {
		return bin, CheckBin(bin)
	}
	command := exec.Command("../../../tools/build.sh", "kubernetes")
	command.Stderr = os.Stderr
	bin, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("tools/build.sh kubernetes: %w", err)
	}
	return strings.TrimSpace(string(bin)), nil
}

func basePool() NodePool {
	return NodePool{
		Name: "base", Region: "asia-northeast1", Zones: []string{"asia-northeast1-a"}, MachineType: "e2-standard-2",
		Version: "1.36.3-gke.1", NodesPerZone: 1,
	}
}

// spotTaint is what the tests' Spot pool carries; a toleration of it and the GKE label place a pod there.
var spotTaint = corev1.Taint{Key: labelSpot, Value: "true", Effect: corev1.TaintEffectNoSchedule}

func spotPool() NodePool {
	return NodePool{
		Name: "spot", Region: "asia-northeast1", Zones: []string{"asia-northeast1-a", "asia-northeast1-b"}, MachineType: "e2-standard-4",
		Spot: true, Version: "1.36.3-gke.1", Taints: []corev1.Taint{spotTaint}, Labels: map[string]string{"team": "shop"},
		Autoscaling: &Autoscaling{Min: 0, Max: 4},
	}
}

// session is one test's client and namespace, through the cluster's endpoint as a user would come.
type session struct {
	*testing.T
	ctx       context.Context
	client    clientset.Interface
	namespace string
	warnings  *warnings
}

type warnings struct {
	sync.Mutex
	texts []string
}

func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.Lock()
	defer w.Unlock()
	w.texts = append(w.texts, text)
}

func newSession(t *testing.T) *session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	s := &session{T: t, ctx: ctx, warnings: &warnings{}}
	config := endpointConfig("any-token")
	config.WarningHandler = s.warnings
	client, err := clientset.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	s.client = client
	s.namespace = strings.ToLower(strings.NewReplacer("/", "-", "_", "-", ":", "-").Replace(t.Name()))
	s.namespace = s.namespace[:min(50, len(s.namespace))] + "-" + rand.String(4)
	s.must(s.client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: s.namespace,
		Labels: map[string]string{
			"pod-security.kubernetes.io/enforce": "restricted",
			"pod-security.kubernetes.io/warn":    "restricted",
		},
	}}, metav1.CreateOptions{}))
	t.Cleanup(func() {
		_ = client.CoreV1().Namespaces().Delete(context.WithoutCancel(ctx), s.namespace, metav1.DeleteOptions{})
	})
	return s
}

func endpointConfig(token string) *rest.Config {
	return &rest.Config{
		Host:            "https://" + shared.Endpoint(),
		BearerToken:     token,
		TLSClientConfig: rest.TLSClientConfig{CAData: shared.authority.pem},
		QPS:             -1,
	}
}

// must fails the test on an error of a call whose result it does not need.
func (s *session) must(_ any, err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// eventually waits until check returns nil.
func (s *session) eventually(within time.Duration, check func() error) {
	s.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-deadline.C:
			s.Fatalf("not within %s: %v\n%s", within, err, s.describe())
		case <-tick.C:
		}
	}
}

func (s *session) describe() string {
	var text strings.Builder
	pods, err := s.client.CoreV1().Pods(s.namespace).List(s.ctx, metav1.ListOptions{})
	if err != nil {
		return err.Error()
	}
	for _, pod := range pods.Items {
		fmt.Fprintf(&text, "pod %s on %q: %s %v %v\n", pod.Name, pod.Spec.NodeName, pod.Status.Phase, pod.Status.Conditions, pod.Status.ContainerStatuses)
	}
	return text.String()
}

// deployment runs an image as the restricted profile wants it; options change it.
func (s *session) deployment(image string, replicas int32, options ...func(*corev1.PodSpec)) {
	s.Helper()
	template := podTemplate(image)
	for _, option := range options {
		option(&template.Spec)
	}
	s.must(s.client.AppsV1().Deployments(s.namespace).Create(s.ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: template.Labels},
			Template: template,
		},
	}, metav1.CreateOptions{}))
}

func podTemplate(image string) corev1.PodTemplateSpec {
	yes, no, user := true, false, int64(10001)
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
		Spec: corev1.PodSpec{
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: &yes, RunAsUser: &user, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name:           "web",
				Image:          image,
				ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: intstrFrom(8080)}}},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
}

// onSpot places pods on Spot nodes as a user of GKE does.
func onSpot(spec *corev1.PodSpec) {
	spec.NodeSelector = map[string]string{labelSpot: "true"}
	spec.Tolerations = []corev1.Toleration{{Key: spotTaint.Key, Operator: corev1.TolerationOpEqual, Value: "true", Effect: corev1.TaintEffectNoSchedule}}
}

// available is an error unless n replicas of the deployment are.
func (s *session) available(n int32) func() error {
	return func() error {
		d, err := s.client.AppsV1().Deployments(s.namespace).Get(s.ctx, "web", metav1.GetOptions{})
		if err == nil && d.Status.AvailableReplicas != n {
			err = fmt.Errorf("%d replicas available, want %d", d.Status.AvailableReplicas, n)
		}
		return err
	}
}

func (s *session) pods() []corev1.Pod {
	s.Helper()
	list, err := s.client.CoreV1().Pods(s.namespace).List(s.ctx, metav1.ListOptions{})
	if err != nil {
		s.Fatal(err)
	}
	return list.Items
}

// waits is an error unless some container waits for the reason.
func (s *session) waits(reason string) func() error {
	return func() error {
		var seen []string
		for _, pod := range s.pods() {
			for _, c := range pod.Status.ContainerStatuses {
				if c.State.Waiting != nil {
					seen = append(seen, c.State.Waiting.Reason)
				}
				if c.State.Waiting != nil && c.State.Waiting.Reason == reason {
					return nil
				}
			}
		}
		return fmt.Errorf("containers wait for %v, want %s", seen, reason)
	}
}

var errNotYet = errors.New("not yet")

func statusOf(err error, response *http.Response) string {
	if err != nil {
		return err.Error()
	}
	return response.Status
}
