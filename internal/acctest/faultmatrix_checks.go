package acctest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// StoredVersion is a secret version as the fake holds it.
type StoredVersion struct {
	// Secret is the name of the secret, Number that of the version.
	Secret string
	Number int
	// State is ENABLED, DISABLED or DESTROYED.
	State string
	// Hash is that of the value, empty when it was destroyed.
	Hash string
}

// StoredVersions are all versions of all secrets, by secret and number.
func (e *Env) StoredVersions(t testing.TB) []StoredVersion {
	t.Helper()
	objects, err := e.Fake.Objects()
	if err != nil {
		t.Fatal(err)
	}
	var all []StoredVersion
	for name, object := range objects {
		if object.Kind != "google.cloud.secretmanager.v1.SecretVersion" {
			continue
		}
		secret, number, _ := strings.Cut(name, "/versions/")
		var data struct {
			State string `json:"state"`
		}
		n, err := strconv.Atoi(number)
		if err == nil {
			err = json.Unmarshal(object.Data, &data)
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, StoredVersion{secret, n, data.State, object.PayloadSHA256})
	}
	slices.SortFunc(all, func(a, b StoredVersion) int { return cmp.Or(cmp.Compare(a.Secret, b.Secret), a.Number-b.Number) })
	return all
}

// checkConverged demands what holds for every resource: an empty plan without and with a refresh, the same world as
// without trouble, and no detour that a user would not want.
func (c *FaultCase) checkConverged() {
	c.Helper()
	world, err := c.Env.Fake.Objects()
	if err != nil {
		c.Fatal(err)
	}
	seen, err := json.Marshal(map[string]any{"objects": world, "journal": c.Env.Fake.Journal()})
	if err != nil {
		c.Fatal(err)
	}
	c.Canaries.CheckText(c, "objects and journal", string(seen))
	if c.Operation.Config == nil {
		if c.State != nil {
			c.Error("the state holds what was deleted")
		}
		return
	}
	c.CheckEmptyPlan("without a refresh", c.Operation.Config)
	writes := c.mutations()
	c.Must(c.Refresh())
	c.CheckEmptyPlan("after a refresh", c.Operation.Config)
	c.Must(c.Apply(c.Operation.Config))
	if again := c.mutations() - writes; again > 0 {
		c.Errorf("a run with nothing to do wrote %d times", again)
	}
	if world, err = c.Env.Fake.Objects(); err != nil {
		c.Fatal(err)
	}
	if is, want := Comparable(c.TB, world), Comparable(c.TB, c.Clean); !maps.Equal(is, want) {
		c.Errorf("the world is another than without the trouble:\n%s", differing(is, want))
	}
	if deleted := c.Env.Effects("DeleteSecret"); deleted > c.Replaced {
		c.Errorf("%d secrets were deleted, and %d were tainted", deleted, c.Replaced)
	}
}

func (c *FaultCase) mutations() (n int) {
	for _, call := range c.Env.Fake.Journal() {
		if call.Mutating {
			n++
		}
	}
	return n
}

// CheckVersions demands that no value was lost and none was stored twice: what was there before the operation and what
// the first run has stored are still the versions of those numbers, each is as it would be without trouble, and the
// effective version is the first that was stored for the operation.
func (c *FaultCase) CheckVersions() {
	c.Helper()
	if c.Operation.Config == nil {
		return
	}
	now := c.Env.StoredVersions(c)
	effective := c.State.Get(c, "version")
	byNumber, seen := map[int]StoredVersion{}, map[string]int{}
	newest := 0
	for _, v := range now {
		byNumber[v.Number] = v
		if v.State == "ENABLED" {
			newest = max(newest, v.Number)
			if other, twice := seen[v.Hash]; twice {
				c.Errorf("versions %d and %d hold the same value", other, v.Number)
			}
			seen[v.Hash] = v.Number
		}
	}
	for _, earlier := range slices.Concat(c.Before, c.Stored) {
		if is := byNumber[earlier.Number]; is.Hash != earlier.Hash && is.State != "DESTROYED" {
			c.Errorf("version %d, stored earlier, is gone or holds something else", earlier.Number)
		}
	}
	if effective != strconv.Itoa(newest) && (effective != "" || newest != 0) {
		c.Errorf("version %s is effective, and the newest that can be read is %d", effective, newest)
	}
	if len(c.Stored) > len(c.Before) && !c.Operation.Reads {
		if first := c.Stored[len(c.Before)]; effective != strconv.Itoa(first.Number) {
			c.Errorf("the first run stored version %d, and version %s is effective", first.Number, effective)
		}
	}
}

// passing are the fields that differ from run to run.
var passing = []string{"createTime", "etag", "destroyTime", "updateTime", "scheduledDestroyTime"}

// Comparable writes a world without what differs from run to run, by object.
func Comparable(t testing.TB, objects map[string]fakegcp.Object) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for name, object := range objects {
		if object.BuiltIn {
			continue
		}
		var data map[string]any
		if err := json.Unmarshal(object.Data, &data); err != nil {
			t.Fatal(err)
		}
		for _, field := range passing {
			delete(data, field)
		}
		text, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	return texts
}

func differing(is, want map[string]string) string {
	var lines []string
	names := maps.Clone(is)
	maps.Copy(names, want)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if is[name] != want[name] {
			lines = append(lines, fmt.Sprintf("%s\n  is   %s\n  want %s", name, is[name], want[name]))
		}
	}
	return strings.Join(lines, "\n")
}
