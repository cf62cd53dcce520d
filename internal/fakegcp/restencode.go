package fakegcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// answerFormat is how an answer is written.
type answerFormat struct {
	system
	selection *fieldSelection
	beta      bool // links are v1beta1's
}

// plain says whether an answer is written as its message is, with names and white space.
func (f answerFormat) plain() bool {
	return !f.enumNumbers && !f.compact && f.selection == nil && !f.beta
}

func writeREST(w http.ResponseWriter, m proto.Message, format answerFormat) {
	if isMalformed(m) {
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		_, _ = w.Write([]byte(`{"name": "projects/`)) // cut off on purpose
		return
	}
	body, err := protojson.MarshalOptions{UseEnumNumbers: format.enumNumbers}.Marshal(m)
	if err == nil {
		body, err = format.shape(body)
	}
	if err != nil {
		writeRESTError(w, "", status.Errorf(codes.Internal, "encoding the answer: %v", err), format.system)
		return
	}
	writeJSON(w, http.StatusOK, body, format.system)
}

// shape leaves of an answer what was asked for.
func (f answerFormat) shape(body []byte) ([]byte, error) {
	if f.selection == nil && !f.beta {
		return body, nil
	}
	n, err := parseJSON(body)
	if err != nil {
		return nil, err
	}
	if f.beta {
		n.linkBeta()
	}
	return f.selection.of(n).append(nil), nil
}

// linkBeta has links lead to v1beta1, where they were asked for. Source: recorded.
func (n *jsonNode) linkBeta() {
	const v1, beta = "https://container.googleapis.com/v1/", "https://container.googleapis.com/v1beta1/"
	for i, item := range n.items {
		if n.kind == jsonObject && (n.names[i] == "selfLink" || n.names[i] == "targetLink") {
			if rest, ok := strings.CutPrefix(item.text, v1); ok {
				item.text = beta + rest
			}
		}
		item.linkBeta()
	}
}

// writeJSON normalises the white space, which protojson varies from build to build.
func writeJSON(w http.ResponseWriter, code int, body []byte, o system) {
	var out bytes.Buffer
	shape := func() error { return json.Indent(&out, body, "", "  ") }
	if o.compact {
		shape = func() error { return json.Compact(&out, body) }
	}
	if shape() != nil {
		out.Reset()
		out.Write(body)
	}
	out.WriteByte('\n')
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(code)
	_, _ = w.Write(out.Bytes()) // the client has gone if this fails
}

// restError is the body of a failed request. Source: https://cloud.google.com/apis/design/errors#http_mapping.
type restError struct {
	Code    int               `json:"code"`
	Message string            `json:"message"`
	Errors  []legacyError     `json:"errors,omitempty"`
	Status  string            `json:"status"`
	Details []json.RawMessage `json:"details,omitempty"`
}

type legacyError struct {
	Message string `json:"message"`
	Domain  string `json:"domain,omitempty"`
	Reason  string `json:"reason"`
}

// legacyReasons are the older API's words for codes; container and iam still send them, the newer APIs do not.
var legacyReasons = map[codes.Code]string{
	codes.NotFound:           "notFound",
	codes.AlreadyExists:      "alreadyExists",
	codes.Aborted:            "aborted",
	codes.PermissionDenied:   "forbidden",
	codes.FailedPrecondition: "failedPrecondition",
	codes.InvalidArgument:    "badRequest",
	codes.OutOfRange:         "badRequest",
	codes.Unauthenticated:    "authError",
	codes.ResourceExhausted:  "rateLimitExceeded",
	codes.Unimplemented:      "notImplemented",
}

// legacyErrors words an error as the older APIs do. A request that could not be read has another reason, and no domain.
// Source: answers of older APIs in public repositories, such as Fitness and Gmail.
func legacyErrors(err error, message string) []legacyError {
	var unread badPayload
	if errors.As(err, &unread) {
		return []legacyError{{Message: message, Reason: "invalid"}}
	}
	reason, ok := legacyReasons[status.Code(err)]
	if !ok {
		reason = "backendError"
	}
	return []legacyError{{Message: message, Domain: "global", Reason: reason}}
}

func writeRESTError(w http.ResponseWriter, method string, err error, o system) {
	st := status.Convert(err)
	e := restError{
		Code:    runtime.HTTPStatusFromCode(st.Code()),
		Message: st.Message(),
		Status:  statusName(st.Code()),
	}
	if m := strings.TrimPrefix(method, "/"); strings.HasPrefix(m, containerService) || strings.HasPrefix(m, iamService) || strings.HasPrefix(m, computeGroupsService) {
		e.Errors = legacyErrors(err, e.Message)
	}
	for _, d := range st.Proto().GetDetails() {
		if raw, err := protojson.Marshal(d); err == nil {
			e.Details = append(e.Details, raw)
		}
	}
	body, merr := json.Marshal(map[string]restError{"error": e})
	if merr != nil {
		body = []byte(`{"error":{"code":500,"status":"INTERNAL"}}`)
	}
	writeJSON(w, e.Code, body, system{compact: o.compact})
}
