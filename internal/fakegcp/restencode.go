package fakegcp

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// restFormat is what the system parameters ask for.
type restFormat struct {
	enumNumbers, compact bool
}

func restFormatOf(query url.Values) (restFormat, error) {
	var f restFormat
	for _, key := range []string{"alt", "$alt"} {
		kind, option, _ := strings.Cut(query.Get(key), ";")
		if kind != "" && kind != "json" {
			return f, invalid("Invalid value at 'alt': only json is served.")
		}
		f.enumNumbers = f.enumNumbers || option == "enum-encoding=int"
	}
	for _, key := range []string{"prettyPrint", "$prettyPrint"} {
		f.compact = f.compact || slices.Contains([]string{"false", "0"}, query.Get(key))
	}
	return f, nil
}

func writeREST(w http.ResponseWriter, m proto.Message, format restFormat) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	if isMalformed(m) {
		_, _ = w.Write([]byte(`{"name": "projects/`)) // cut off on purpose
		return
	}
	body, err := protojson.MarshalOptions{UseEnumNumbers: format.enumNumbers}.Marshal(m)
	if err != nil {
		writeRESTError(w, "", status.Errorf(codes.Internal, "encoding the answer: %v", err))
		return
	}
	writeJSON(w, http.StatusOK, body, format)
}

// writeJSON normalises the white space, which protojson varies from build to build.
func writeJSON(w http.ResponseWriter, code int, body []byte, format restFormat) {
	var out bytes.Buffer
	shape := func() error { return json.Indent(&out, body, "", "  ") }
	if format.compact {
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
	Domain  string `json:"domain"`
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
	codes.Unauthenticated:    "authError",
	codes.ResourceExhausted:  "rateLimitExceeded",
	codes.Unavailable:        "backendError",
	codes.Internal:           "backendError",
}

func writeRESTError(w http.ResponseWriter, method string, err error) {
	st := status.Convert(err)
	e := restError{
		Code:    runtime.HTTPStatusFromCode(st.Code()),
		Message: st.Message(),
		Status:  statusName(st.Code()),
	}
	if m := strings.TrimPrefix(method, "/"); strings.HasPrefix(m, containerService) || strings.HasPrefix(m, iamService) {
		e.Errors = []legacyError{{Message: e.Message, Domain: "global", Reason: legacyReasons[st.Code()]}}
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
	writeJSON(w, e.Code, body, restFormat{})
}
