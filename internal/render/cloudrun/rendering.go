package cloudrun

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"io"
	"strconv"

	"google.golang.org/protobuf/proto"
)

// RenderingAnnotation keeps what was written, so that a newer renderer can tell drift from what it makes differently
// itself, and an ignored field that others changed from one that the declaration changes.
const RenderingAnnotation = "twelvefactor.dev/rendering"

// maxRendering bounds what is read out of an annotation.
const maxRendering = 4 << 20

// EncodeRendering packs a rendered service or worker pool. Its own annotations, which are the record, are left out.
func EncodeRendering(m proto.Message) (string, error) {
	bare := proto.Clone(m).ProtoReflect()
	bare.Clear(bare.Descriptor().Fields().ByName("annotations"))
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(bare.Interface())
	if err != nil {
		return "", err
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err = w.Write(encoded)
	err = errors.Join(err, w.Close())
	return base64.StdEncoding.EncodeToString(packed.Bytes()), err
}

// DecodeRendering reads what was written and the RendererRevision that made it; ok is false when the annotations do not tell.
func DecodeRendering(annotations map[string]string, into proto.Message) (revision int, ok bool) {
	revision, err := strconv.Atoi(annotations[RendererAnnotation])
	if err != nil {
		return 0, false
	}
	raw, err := base64.StdEncoding.DecodeString(annotations[RenderingAnnotation])
	if err != nil || len(raw) == 0 {
		return revision, false
	}
	r, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return revision, false
	}
	encoded, err := io.ReadAll(io.LimitReader(r, maxRendering))
	if err != nil || proto.Unmarshal(encoded, into) != nil {
		return revision, false
	}
	return revision, true
}
