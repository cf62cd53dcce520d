package cloudrun_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/cloudrun"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/golden"
)

// What is seen of a rendered service renders the same again, except for what is left out on purpose; no value of a plain
// variable is seen.
func TestSeenIsTheInverse(t *testing.T) {
	t.Parallel()
	for name, in := range golden.CloudRun(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			live := cloudrun.Service(in)
			if live == nil || len(in.App.Sidecars) > 0 || len(in.App.ConfigFiles) > 0 {
				t.Skip("without web, with side containers, which are drift, or with files of config, which only we keep in a secret")
			}
			id := names.RunServiceID{Project: in.App.CloudRun.Project, Location: in.App.CloudRun.Location, Name: in.App.Name}
			seen := cloudrun.Seen(id, live)
			want, got := cloudrun.Shown(id, live), cloudrun.Service(cloudrun.Input{App: seen})
			want.Template.Labels, got.Template.Labels = nil, nil
			want.Template.Annotations, got.Template.Annotations = nil, nil
			if diff := cmp.Diff(want.GetTemplate(), got.GetTemplate(), protocmp.Transform(), protocmp.IgnoreEmptyMessages()); diff != "" {
				t.Errorf("(-live, +seen and rendered)\n%s", diff)
			}
			if got.GetIngress() != want.GetIngress() {
				t.Errorf("ingress is %v, want %v", got.GetIngress(), want.GetIngress())
			}
			encoded, err := app.Encode(seen)
			if err != nil {
				t.Fatal(err)
			}
			for env, value := range in.App.Config {
				if len(value) > 3 && strings.Contains(string(encoded), value) {
					t.Errorf("the value of %s was read", env)
				}
			}
		})
	}
}
