package sessionkey_test

import (
	"strconv"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// TestSessionKey_leastPrivilege goes through a whole life.
func TestSessionKey_leastPrivilege(t *testing.T) {
	t.Parallel()
	acctest.CheckLeastPrivilege(t, noun, func(l *acctest.Life) string {
		var steps []func() string
		for trigger := range 6 {
			config := valid(acctest.Attributes{
				"rotation_trigger": strconv.Itoa(trigger + 1), "accessors": []string{"user:reader" + strconv.Itoa(trigger/3) + "@example.com"},
			})
			steps = append(steps, func() string { return l.Apply(config) }, l.Refresh)
		}
		return acctest.Steps(append(steps, func() string { return l.Import(id) }, l.Destroy)...)
	}, acctest.NewCanaries, "secretmanager.versions.disable")
}
