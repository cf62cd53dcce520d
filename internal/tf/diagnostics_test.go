package tf_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

func TestErrorsAreTranslated(t *testing.T) {
	t.Parallel()
	denied := status.Error(codes.PermissionDenied, "Permission 'x' denied\x1b[31m\u202e")
	tests := map[string]struct {
		err      error
		summary  string
		at       string
		contains []string
		lacks    []string
	}{
		"in the user's words": {
			err: &deploy.Error{
				Summary: "Cluster \"dev\" was refused", Why: "It is too small.", Fix: "Set max_nodes = 2.", Err: denied,
				Attribute: []string{"node_pools", "spot", "max_nodes"},
			},
			summary:  "Cluster \"dev\" was refused",
			at:       `node_pools["spot"].max_nodes`,
			contains: []string{"It is too small.", "Set max_nodes = 2.", "PermissionDenied: Permission 'x' denied"},
			lacks:    []string{"guide", "\x1b", "\u202e"},
		},
		"without a way out of its own": {
			err:      &deploy.Error{Summary: "Cannot read secret", Err: denied},
			summary:  "Cannot read secret",
			contains: []string{"Permissions"},
		},
		"as the API said it": {err: denied, summary: "fallback", contains: []string{"Permissions", "denied"}},
		"of another kind":    {err: errors.New("broken"), summary: "fallback", contains: []string{"Original error: broken"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var diags diag.Diagnostics
			tf.AddError(&diags, test.err, "fallback")
			if len(diags) != 1 || diags[0].Summary() != test.summary {
				t.Fatalf("diagnostics %v", diags)
			}
			if at, ok := diags[0].(diag.DiagnosticWithPath); ok != (test.at != "") || ok && at.Path().String() != test.at {
				t.Errorf("the path is not %q: %v", test.at, diags[0])
			}
			for _, part := range test.contains {
				if !strings.Contains(diags[0].Detail(), part) {
					t.Errorf("the detail lacks %q:\n%s", part, diags[0].Detail())
				}
			}
			for _, part := range test.lacks {
				if strings.Contains(diags[0].Detail(), part) {
					t.Errorf("the detail has %q:\n%s", part, diags[0].Detail())
				}
			}
		})
	}
}

func TestNoErrorIsNoDiagnostic(t *testing.T) {
	t.Parallel()
	var diags diag.Diagnostics
	tf.AddError(&diags, nil, "fallback")
	tf.AddWarning(&diags, nil, "fallback")
	tf.AddNotices(&diags, nil)
	if len(diags) != 0 {
		t.Errorf("diagnostics %v", diags)
	}
}

func TestAttributePath(t *testing.T) {
	t.Parallel()
	for want, steps := range map[string][]string{
		"name":                        {"name"},
		"gke.namespace":               {"gke", "namespace"},
		`config["LOG_LEVEL"]`:         {"config", "LOG_LEVEL"},
		`processes["web"].scale.max`:  {"processes", "web", "scale", "max"},
		`processes["config"].port`:    {"processes", "config", "port"},
		`node_pools["a"].labels["b"]`: {"node_pools", "a", "labels", "b"},
	} {
		if got := tf.AttributePath(steps).String(); got != want {
			t.Errorf("%v: %s, want %s", steps, got, want)
		}
	}
}
