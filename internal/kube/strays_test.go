package kube_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func serviceWithPort(port int64) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": "web", "namespace": "shop"},
		"spec": map[string]any{"ports": []any{map[string]any{"name": "http", "port": port, "protocol": "TCP"}}},
	}}
}

// Controllers may write an object between the look at it and each of the patches that put a declared entry into the place
// of another: the patch is made again.
func TestSwapOfAnEntryIsMadeAgainAfterAConflict(t *testing.T) {
	t.Parallel()
	var applies, patches atomic.Int32
	config := serve(t, func(w http.ResponseWriter, r *http.Request) {
		live := serviceWithPort(81)
		body, err := json.Marshal(live.Object)
		if err != nil {
			t.Error(err)
		}
		switch kind := r.Header.Get("Content-Type"); {
		case r.Method == http.MethodGet:
		case strings.Contains(kind, "json-patch") && patches.Add(1)%2 == 1:
			answer(w, http.StatusConflict, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","code":409}`)
			return
		case strings.Contains(kind, "apply-patch") && applies.Add(1) == 1:
			answer(w, http.StatusUnprocessableEntity, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Invalid","code":422}`)
			return
		}
		answer(w, http.StatusOK, string(body))
	})
	if _, _, err := connect(t, config).Replace(t.Context(), serviceWithPort(80), serviceWithPort(81)); err != nil {
		t.Fatal(err)
	}
	if patches.Load() < 2 || applies.Load() != 2 {
		t.Errorf("%d patches and %d applies", patches.Load(), applies.Load())
	}
}
