package gke

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// renderingKey is where a record keeps what was applied, so that a newer renderer can tell drift from what it makes
// differently itself.
const renderingKey = "rendering"

// maxRendering bounds what is read out of a record: what the objects of one app can be at most.
const maxRendering = 8 << 20

// EncodeRendering packs rendered objects for a record. What a ConfigMap holds is left out: its name stands for it.
func EncodeRendering(objects []*unstructured.Unstructured) (string, error) {
	var plain []map[string]any
	for _, o := range objects {
		content := o.Object
		if o.GetKind() == "ConfigMap" {
			content = map[string]any{}
			for key, value := range o.Object {
				if key != "data" && key != "binaryData" {
					content[key] = value
				}
			}
		}
		plain = append(plain, content)
	}
	encoded, err := json.Marshal(plain)
	if err != nil {
		return "", fmt.Errorf("encoding the rendered objects: %w", err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err = w.Write(encoded)
	err = errors.Join(err, w.Close())
	return base64.StdEncoding.EncodeToString(packed.Bytes()), err
}

// RecordedRendering is what a record says was applied, and the RendererRevision that made it; nothing when the record
// does not tell.
func RecordedRendering(record *unstructured.Unstructured) (objects []*unstructured.Unstructured, revision int) {
	revision, err := strconv.Atoi(record.GetAnnotations()[RendererAnnotation])
	if err != nil {
		return nil, 0
	}
	packed, _, _ := unstructured.NestedString(record.Object, "data", renderingKey)
	raw, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		return nil, revision
	}
	r, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, revision
	}
	encoded, err := io.ReadAll(io.LimitReader(r, maxRendering))
	var plain []map[string]any
	if err != nil || json.Unmarshal(encoded, &plain) != nil {
		return nil, revision
	}
	for _, content := range plain {
		objects = append(objects, &unstructured.Unstructured{Object: content})
	}
	return objects, revision
}
