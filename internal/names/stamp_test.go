package names_test

import (
	"testing"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

func TestAdoptionNeedsSameStackAndUnfinishedCreate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	const timeout = time.Hour
	ours, theirs, none := names.Stamp{Stack: "acme/prod"}, names.Stamp{Stack: "acme/dev"}, names.Stamp{}
	tests := map[string]struct {
		me     names.Stamp
		labels map[string]string
		want   bool
	}{
		"same stack, creating":              {ours, ours.Labels(now.Add(-48 * time.Hour)), true},
		"same stack, finished":              {ours, ours.Labels(time.Time{}), false},
		"other stack, creating":             {ours, theirs.Labels(now), false},
		"no stack, just created":            {none, none.Labels(now.Add(-time.Minute)), true},
		"no stack, created long ago":        {none, none.Labels(now.Add(-2 * time.Hour)), false},
		"no stack meets a stack's object":   {none, ours.Labels(now), false},
		"a stack meets an object with none": {ours, none.Labels(now), false},
		"not made by the provider":          {ours, map[string]string{"team": "web"}, false},
		"mark that is not a time":           {ours, withLabel(ours.Labels(time.Time{}), names.LabelCreating, "soon"), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.me.MayAdopt(test.labels, test.labels, now, timeout, false); got != test.want {
				t.Errorf("MayAdopt = %v, want %v", got, test.want)
			}
		})
	}
}

func withLabel(labels map[string]string, key, value string) map[string]string {
	labels[key] = value
	return labels
}

func TestStampOfKubernetesObjects(t *testing.T) {
	t.Parallel()
	s := names.Stamp{Stack: "acme/prod"}
	if !s.OwnsKube(s.KubeLabels()) {
		t.Error("a stamp does not own what it labeled")
	}
	if (names.Stamp{Stack: "other"}).OwnsKube(s.KubeLabels()) {
		t.Error("another stack owns it")
	}
	if len(s.Hash()) != 12 || (names.Stamp{}).Hash() != "" {
		t.Errorf("hash %q", s.Hash())
	}
}

func TestMayAdopt_withoutStackOnlyFromTheSameOrigin(t *testing.T) {
	began := time.Unix(1767225600, 0)
	here := names.Stamp{Origin: "laptop\x00/home/ann/shop"}
	mark := here.Labels(began)
	tests := map[string]struct {
		stamp names.Stamp
		after time.Duration
		want  bool
	}{
		"the same folder":                   {here, time.Minute, true},
		"the same folder, after the time":   {here, time.Hour, false},
		"another folder":                    {names.Stamp{Origin: "laptop\x00/home/ann/other"}, time.Minute, false},
		"a stack, where the mark has none":  {names.Stamp{Stack: "shop", Origin: here.Origin}, time.Minute, false},
		"no origin, where the mark has one": {names.Stamp{}, time.Minute, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.stamp.MayAdopt(mark, mark, began.Add(tt.after), 30*time.Minute, false); got != tt.want {
				t.Errorf("MayAdopt is %t, want %t", got, tt.want)
			}
		})
	}
	if since, ok := names.CreatingSince(mark); !ok || !since.Equal(began) {
		t.Errorf("CreatingSince is %v, %t; want %v", since, ok, began)
	}
	if got := (names.Stamp{Stack: "shop", Origin: "x"}).Mark(began); got != "1767225600" {
		t.Errorf("with a stack the mark is %q, want the time alone", got)
	}
}
