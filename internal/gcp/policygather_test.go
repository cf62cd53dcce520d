package gcp_test

import (
	"testing"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// A write waits for half of the runs that were announced, for three poll intervals at most, and a run alone for a quarter of
// one.
func TestWritesGatherWhileAnnouncedRunsAreMissing(t *testing.T) {
	another := gcp.PolicyRef{Kind: gcp.ProjectPolicy, Name: "projects/another"}
	const quiet = 250 * time.Millisecond
	tests := map[string]struct {
		announced []gcp.PolicyRef
		ended     int
		want      time.Duration
	}{
		"nothing announced":         {nil, 0, quiet},
		"alone":                     {[]gcp.PolicyRef{project}, 0, quiet},
		"one of two":                {[]gcp.PolicyRef{project, project}, 0, quiet},
		"one of three":              {[]gcp.PolicyRef{project, project, project}, 0, 3 * time.Second},
		"runs that have ended":      {[]gcp.PolicyRef{project, project, project}, 1, quiet},
		"runs for another policy":   {[]gcp.PolicyRef{project, another, another}, 0, quiet},
		"one of many for one write": {[]gcp.PolicyRef{project, project, project, project, project, project}, 0, 3 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := serve(t, &server{})
			for i, ref := range test.announced {
				if done := c.Policies().Announce(ref); i < test.ended {
					done()
				}
			}
			began := c.Clock().Now()
			if err := c.Policies().Add(t.Context(), project, []gcp.Grant{viewer("user:a@example.com")}); err != nil {
				t.Fatal(err)
			}
			if took := c.Clock().Now().Sub(began); took != test.want {
				t.Errorf("written after %s, want %s", took, test.want)
			}
		})
	}
}
