package deploy

import (
	"testing"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

func TestIdentityStampInADescription(t *testing.T) {
	t.Parallel()
	created := time.Unix(1767225600, 0)
	for _, stack := range []string{"", "shop/prod"} {
		stamp := names.Stamp{Stack: stack}
		description := identityDescription(stamp, created)
		if len(description) > 256 {
			t.Errorf("the description has %d bytes, IAM takes 256", len(description))
		}
		marks := identityMarks(description)
		if since, ok := names.CreatingSince(marks); !ok || !since.Equal(created) {
			t.Errorf("created %s, %t", since, ok)
		}
		if !stamp.Owns(marks) || (names.Stamp{Stack: "another"}).Owns(marks) {
			t.Errorf("the owner of %q is not recognized", description)
		}
		if _, creating := names.CreatingSince(identityMarks(identityDescription(stamp, time.Time{}))); creating {
			t.Error("a finished account is still marked")
		}
	}
	if stamp := (names.Stamp{Stack: "shop"}); stamp.Owns(identityMarks("made by hand, managed-by=terraform stack=")) {
		t.Error("somebody else's description counts as ours")
	}
}

func TestIdentityAccountOf(t *testing.T) {
	t.Parallel()
	for email, want := range map[string][2]string{
		"shop@acme-dev.iam.gserviceaccount.com":        {"shop", "acme-dev"},
		"shop@web.example.com.iam.gserviceaccount.com": {"shop", "example.com:web"},
	} {
		if id, project := identityAccountOf(email); id != want[0] || project != want[1] {
			t.Errorf("%s: %q, %q", email, id, project)
		}
		if got := names.ServiceAccountEmail(want[1], want[0]); got != email {
			t.Errorf("back: %s", got)
		}
	}
}
