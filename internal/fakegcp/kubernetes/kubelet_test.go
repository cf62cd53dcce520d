package kubernetes

import (
	"fmt"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestImageDecidesWhatKubectlWouldShow(t *testing.T) {
	for _, row := range []struct{ image, reason string }{
		{"missing:1", "ErrImagePull"},
		{"missing:1", "ImagePullBackOff"},
		{"crash:1", "CrashLoopBackOff"},
	} {
		t.Run(row.reason, func(t *testing.T) {
			s := newSession(t)
			s.deployment(row.image, 1)
			s.eventually(30*time.Second, s.waits(row.reason))
			if err := s.available(0)(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPodRecoversWhenItsImageIsMended(t *testing.T) {
	s := newSession(t)
	behaviours.Lock()
	behaviours.of["late:1"] = Behaviour{Missing: true}
	behaviours.Unlock()
	s.deployment("late:1", 1)
	s.eventually(30*time.Second, s.waits("ImagePullBackOff"))
	behaviours.Lock()
	delete(behaviours.of, "late:1")
	behaviours.Unlock()
	shared.ImagesChanged()
	s.eventually(10*time.Second, s.available(1))
}

func TestNeverReadyImageRunsWithoutBecomingAvailable(t *testing.T) {
	s := newSession(t)
	s.deployment("deaf:1", 1)
	s.eventually(30*time.Second, func() error {
		for _, pod := range s.pods() {
			if pod.Status.Phase == corev1.PodRunning {
				return nil
			}
		}
		return errNotYet
	})
	if err := s.available(0)(); err != nil {
		t.Error(err)
	}
}

func TestMissingSecretKeepsTheContainerFromStarting(t *testing.T) {
	s := newSession(t)
	s.deployment("ok:1", 1, func(spec *corev1.PodSpec) {
		spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "keys"}}}}
	})
	s.eventually(30*time.Second, s.waits("CreateContainerConfigError"))
	s.must(s.client.CoreV1().Secrets(s.namespace).Create(s.ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "keys"}}, metav1.CreateOptions{}))
	s.eventually(10*time.Second, s.available(1))
}

func TestJobEndsAsItsImageSays(t *testing.T) {
	for _, row := range []struct {
		image     string
		condition batchv1.JobConditionType
		exitCode  int32
	}{
		{"ok:1", batchv1.JobComplete, 0},
		{"exit-three:1", batchv1.JobFailed, 3},
	} {
		t.Run(row.image, func(t *testing.T) {
			s := newSession(t)
			template := podTemplate(row.image)
			template.Spec.RestartPolicy = corev1.RestartPolicyNever
			none := int32(0)
			s.must(s.client.BatchV1().Jobs(s.namespace).Create(s.ctx, &batchv1.Job{
				ObjectMeta: metav1.ObjectMeta{Name: "migrate"},
				Spec:       batchv1.JobSpec{BackoffLimit: &none, Template: template},
			}, metav1.CreateOptions{}))
			s.eventually(30*time.Second, func() error {
				job, err := s.client.BatchV1().Jobs(s.namespace).Get(s.ctx, "migrate", metav1.GetOptions{})
				if err != nil {
					return err
				}
				for _, c := range job.Status.Conditions {
					if c.Type == row.condition && c.Status == corev1.ConditionTrue {
						return nil
					}
				}
				return fmt.Errorf("conditions %v, want %s", job.Status.Conditions, row.condition)
			})
			pod := s.pods()[0]
			if end := pod.Status.ContainerStatuses[0].State.Terminated; end == nil || end.ExitCode != row.exitCode {
				t.Errorf("container ended with %v, want status %d", end, row.exitCode)
			}
			log, err := s.client.CoreV1().Pods(s.namespace).GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(s.ctx)
			if want := fmt.Sprintf("exits with status %d", row.exitCode); err != nil || !strings.Contains(string(log), want) {
				t.Errorf("log is %q (%v), want it to say %q", log, err, want)
			}
		})
	}
}

func TestDeletedPodIsGoneWithinASecond(t *testing.T) {
	s := newSession(t)
	s.must(s.client.CoreV1().Pods(s.namespace).Create(s.ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "one"}, Spec: podTemplate("ok:1").Spec,
	}, metav1.CreateOptions{}))
	s.eventually(30*time.Second, func() error {
		pod := s.pods()[0]
		if pod.Status.Phase != corev1.PodRunning {
			return errNotYet
		}
		return nil
	})
	if err := s.client.CoreV1().Pods(s.namespace).Delete(s.ctx, "one", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	s.eventually(time.Second, func() error {
		if n := len(s.pods()); n > 0 {
			return fmt.Errorf("%d pods", n)
		}
		return nil
	})
}
