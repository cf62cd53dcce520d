package fakegcp

import (
	"context"
	"encoding/binary"
	"net/http"
	"strconv"
	"strings"
)

// truncateKey is the key of a call's truncator.
type truncateKey struct{}

// truncator is a response writer that can be told to cut the answer off in its middle and to end the connection, as a proxy
// or a machine that goes down does: over HTTP/1.1 the body is shorter than its Content-Length, over gRPC the stream is reset
// within a message.
type truncator struct {
	http.ResponseWriter
	armed  bool
	status int // that is held back until the body's length is known
}

// withTruncation lets faults cut off the answers of a handler.
func withTruncation(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := &truncator{ResponseWriter: w}
		next.ServeHTTP(t, r.WithContext(context.WithValue(r.Context(), truncateKey{}, t)))
	})
}

// truncate has the answer to a call cut off.
func truncate(ctx context.Context) {
	if t, ok := ctx.Value(truncateKey{}).(*truncator); ok {
		t.armed = true
	}
}

// WriteHeader implements http.ResponseWriter.
func (t *truncator) WriteHeader(status int) {
	if t.armed {
		t.status = status
		return
	}
	t.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter. An armed one sends half of a body or of a gRPC message and does not come back.
func (t *truncator) Write(b []byte) (int, error) {
	if !t.armed || t.framed() && beginsMessage(b) {
		return t.ResponseWriter.Write(b)
	}
	if !t.framed() {
		t.Header().Set("Content-Length", strconv.Itoa(len(b)))
	}
	if t.status != 0 {
		t.ResponseWriter.WriteHeader(t.status)
	}
	_, _ = t.ResponseWriter.Write(b[:len(b)/2]) // the answer is to be lost anyhow
	t.Flush()
	panic(http.ErrAbortHandler)
}

func (t *truncator) framed() bool {
	return strings.HasPrefix(t.Header().Get("Content-Type"), "application/grpc")
}

// beginsMessage says whether the bytes are the prefix of a gRPC message that is not empty.
// Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, Length-Prefixed-Message.
func beginsMessage(b []byte) bool {
	const prefix = 5
	return len(b) == prefix && binary.BigEndian.Uint32(b[1:]) > 0
}

// Flush implements http.Flusher, which gRPC asks for.
func (t *truncator) Flush() {
	if f, ok := t.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}
