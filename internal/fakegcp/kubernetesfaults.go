package fakegcp

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"

	"google.golang.org/grpc/codes"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp/kubernetes"
)

// KubernetesMethod begins the methods of the requests that clusters' Kubernetes APIs get: "kubernetes/VERB RESOURCE", such
// as "kubernetes/patch deployments". Their Resource is CLUSTER/namespaces/NAMESPACE/RESOURCE/NAME.
const KubernetesMethod = "kubernetes/"

// KubernetesRequests lists every request of a cluster's client so far, as far as Options.JournalSize lets it. The Code is
// that of the gRPC status that stands for the answer's.
func (s *Server) KubernetesRequests() []Call {
	calls, _ := s.requests.matching(JournalFilter{})
	return calls
}

// WaitKubernetes is WaitJournal for KubernetesRequests.
func (s *Server) WaitKubernetes(ctx context.Context, f JournalFilter) []Call {
	return s.requests.wait(ctx, f)
}

// throughKubernetes keeps the journal of a cluster's endpoint and has the faults strike there. What Kubernetes and the
// fake's own players do does not come through it.
func (s *Server) throughKubernetes(cluster string) func(http.ResponseWriter, *http.Request, kubernetes.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, about kubernetes.Request, serve http.Handler) {
		call := Call{
			Method: KubernetesMethod + strings.TrimSpace(about.Verb+" "+about.Resource), Resource: cluster + "/" + about.Path(),
			Mutating: about.Mutating() && r.URL.Query().Get("dryRun") == "",
		}
		fault, struck := s.faults.strike(call.Method, call.Resource)
		if !struck {
			answer := &codeOf{ResponseWriter: w}
			serve.ServeHTTP(answer, r)
			call.Code = statusName(kubernetesCode(answer.code))
			s.recordRequest(call)
			return
		}
		call.Fault = fault.String()
		answered := httptest.NewRecorder()
		if fault.When == After && about.Verb != "watch" { // a watch has no end that one could wait for
			// The effect does not depend on whether the caller is still there.
			serve.ServeHTTP(answered, r.WithContext(context.WithoutCancel(r.Context())))
		}
		s.strikeKubernetes(w, r, call, fault, answered)
	}
}

func (s *Server) recordRequest(call Call) {
	call.Time = s.clock.Now()
	s.requests.add(call)
}

// strikeKubernetes is what a struck request gets. Like answer, it masks no refusal.
func (s *Server) strikeKubernetes(w http.ResponseWriter, r *http.Request, call Call, fault Fault, answered *httptest.ResponseRecorder) {
	refused := answered.Code >= http.StatusBadRequest
	switch fault.Kind {
	case FaultHang:
		s.recordRequest(call)
		_ = s.faults.hang(r.Context()) // nothing is answered, however it ends
		panic(http.ErrAbortHandler)
	case FaultReset:
		s.recordRequest(call)
		panic(http.ErrAbortHandler)
	case FaultMalformed:
		call.Code = statusName(codes.OK)
		s.recordRequest(call)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"kind":`))
		return
	case FaultTruncated:
		call.Code = statusName(kubernetesCode(answered.Code))
		s.recordRequest(call)
		passOn(w, answered, answered.Body.Len()/2)
		panic(http.ErrAbortHandler)
	}
	if refused {
		call.Code = statusName(kubernetesCode(answered.Code))
		s.recordRequest(call)
		passOn(w, answered, answered.Body.Len())
		return
	}
	call.Code = statusName(fault.Code)
	s.recordRequest(call)
	status := kubernetesStatuses[fault.Code]
	if status.http == 0 {
		status = kubernetesStatuses[codes.Internal]
	}
	kubernetes.Refuse(w, status.http, status.reason, fault.Message)
}

// passOn writes the first bytes of an answer.
func passOn(w http.ResponseWriter, answered *httptest.ResponseRecorder, length int) {
	for name, values := range answered.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answered.Code)
	_, _ = w.Write(answered.Body.Bytes()[:length]) // a caller that has gone needs no answer
	if flusher, ok := w.(http.Flusher); ok {
		flusher.Flush()
	}
}

// kubernetesStatuses are the answers of the Kubernetes API that mean what a code means. Source:
// k8s.io/apimachinery/pkg/apis/meta/v1, StatusReason.
var kubernetesStatuses = map[codes.Code]struct {
	http   int
	reason metav1.StatusReason
}{
	codes.InvalidArgument:   {http.StatusUnprocessableEntity, metav1.StatusReasonInvalid},
	codes.Unauthenticated:   {http.StatusUnauthorized, metav1.StatusReasonUnauthorized},
	codes.PermissionDenied:  {http.StatusForbidden, metav1.StatusReasonForbidden},
	codes.NotFound:          {http.StatusNotFound, metav1.StatusReasonNotFound},
	codes.AlreadyExists:     {http.StatusConflict, metav1.StatusReasonAlreadyExists},
	codes.Aborted:           {http.StatusConflict, metav1.StatusReasonConflict},
	codes.ResourceExhausted: {http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests},
	codes.Unavailable:       {http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable},
	codes.DeadlineExceeded:  {http.StatusGatewayTimeout, metav1.StatusReasonTimeout},
	codes.Internal:          {http.StatusInternalServerError, metav1.StatusReasonInternalError},
}

// kubernetesCode is the code that stands for an answer in the journal.
func kubernetesCode(status int) codes.Code {
	switch {
	case status < http.StatusBadRequest:
		return codes.OK
	case status == http.StatusConflict:
		return codes.Aborted
	}
	for code, known := range kubernetesStatuses {
		if known.http == status {
			return code
		}
	}
	return codes.Unknown
}

// codeOf remembers the status of an answer.
type codeOf struct {
	http.ResponseWriter
	code int
}

// WriteHeader passes the status on.
func (w *codeOf) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap lets a http.ResponseController reach the connection.
func (w *codeOf) Unwrap() http.ResponseWriter { return w.ResponseWriter }
