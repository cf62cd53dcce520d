package kubernetes

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// logPath is the subresource that the API server would get from a kubelet.
var logPath = regexp.MustCompile(`^(/api/v1/namespaces/([^/]+)/pods/([^/]+))/log$`)

// logRequest is a request for a container's log.
type logRequest struct {
	podPath   string
	pod       string
	container string
	previous  bool
}

func parseLogPath(r *http.Request) (logRequest, bool) {
	match := logPath.FindStringSubmatch(r.URL.Path)
	if match == nil || r.Method != http.MethodGet {
		return logRequest{}, false
	}
	query := r.URL.Query()
	return logRequest{podPath: match[1], pod: match[3], container: query.Get("container"), previous: query.Get("previous") == "true"}, true
}

// serveLog answers in place of the kubelet. Who may not read the pod may not read its log either.
func (f *front) serveLog(w http.ResponseWriter, r *http.Request, plane *ControlPlane, log logRequest, credential string) {
	answer, err := f.fetch(r.Context(), plane, credential, log.podPath)
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, err.Error())
		return
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, answer.Body)
		return
	}
	var pod corev1.Pod
	if err := json.NewDecoder(answer.Body).Decode(&pod); err != nil {
		refuse(w, http.StatusInternalServerError, metav1.StatusReasonInternalError, err.Error())
		return
	}
	text, err := logText(&pod, log)
	if err != nil {
		refuse(w, http.StatusBadRequest, metav1.StatusReasonBadRequest, err.Error())
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, text)
}

// logText is what a container would have written. Errors have the texts of the API server.
func logText(pod *corev1.Pod, log logRequest) (string, error) {
	name, err := logContainer(pod, log)
	if err != nil {
		return "", err
	}
	status := containerStatus(pod, name)
	state := status.State
	if log.previous || state.Running == nil && state.Terminated == nil && status.LastTerminationState.Terminated != nil {
		if status.LastTerminationState.Terminated == nil {
			return "", fmt.Errorf("previous terminated container %q in pod %q not found", name, log.pod)
		}
		state = status.LastTerminationState
	}
	switch {
	case state.Terminated != nil:
		return started(name, status.Image, state.Terminated.StartedAt) +
			fmt.Sprintf("%s exits with status %d\n", name, state.Terminated.ExitCode), nil
	case state.Running != nil:
		return started(name, status.Image, state.Running.StartedAt), nil
	case state.Waiting != nil && strings.Contains(state.Waiting.Reason, "Image"):
		return "", fmt.Errorf("container %q in pod %q is waiting to start: trying and failing to pull image", name, log.pod)
	case state.Waiting != nil:
		return "", fmt.Errorf("container %q in pod %q is waiting to start: %s", name, log.pod, state.Waiting.Reason)
	}
	return "", fmt.Errorf("container %q in pod %q is not available", name, log.pod)
}

func started(name, image string, at metav1.Time) string {
	return fmt.Sprintf("%s %s of image %s starts; it is a fake and runs no code\n", at.UTC().Format("2006-01-02T15:04:05Z"), name, image)
}

func logContainer(pod *corev1.Pod, log logRequest) (string, error) {
	var names []string
	for _, c := range pod.Spec.Containers {
		names = append(names, c.Name)
	}
	if log.container == "" {
		if len(names) == 1 {
			return names[0], nil
		}
		return "", fmt.Errorf("a container name must be specified for pod %s, choose one of: %v", log.pod, names)
	}
	for _, c := range pod.Spec.InitContainers {
		names = append(names, c.Name)
	}
	for _, name := range names {
		if name == log.container {
			return name, nil
		}
	}
	return "", fmt.Errorf("container %s is not valid for pod %s", log.container, log.pod)
}

func containerStatus(pod *corev1.Pod, name string) corev1.ContainerStatus {
	for _, all := range [][]corev1.ContainerStatus{pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses} {
		for _, status := range all {
			if status.Name == name {
				return status
			}
		}
	}
	return corev1.ContainerStatus{}
}
