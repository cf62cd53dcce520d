package deploy_test

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// destroyed destroys a version by hand.
func (b *secretBench) destroyed(version string) {
	b.Helper()
	if _, err := b.cloud.GCP.SecretVersions().Destroy(b.Context(), benchID.String()+"/versions/"+version); err != nil {
		b.Fatal(err)
	}
}

// rotated applies and demands this version, whose ring is a new key and then exactly these.
func (b *secretBench) rotated(d declared, version string, previous ...string) (key string) {
	b.Helper()
	b.mustApply(d)
	ring := strings.Split(b.payload(b.state.Version), d.key.Separator)
	if b.state.Version != version || !slices.Equal(ring[1:], previous) || slices.Contains(previous, ring[0]) {
		b.Fatalf("version %s has %d keys, or not the right ones; want version %s with %d", b.state.Version, len(ring), version, 1+len(previous))
	}
	return ring[0]
}

// TestSessionKey_nothingComesBack repairs rings of which the newest versions are lost: a key that was out of the ring stays
// out, whatever older versions hold.
func TestSessionKey_nothingComesBack(t *testing.T) {
	t.Run("after a leak", func(t *testing.T) {
		b := newSecretBench(t)
		b.rotated(keyWith("1", keep(1)), "1")
		b.rotated(keyWith("leak", keep(0)), "2")
		b.destroyed("2")
		b.rotated(keyWith("leak", keep(1)), "3")
	})
	t.Run("with more to keep than before", func(t *testing.T) {
		b := newSecretBench(t)
		b.rotated(keyWith("1", keep(1)), "1")
		first := b.payload("1")
		second := b.rotated(keyWith("2", keep(1)), "2", first)
		b.rotated(keyWith("3", keep(1)), "3", second)
		b.destroyed("3")
		b.rotated(keyWith("3", keep(5)), "4", second)
	})
	t.Run("made by hand in between", func(t *testing.T) {
		b := newSecretBench(t)
		first := b.rotated(keyWith("1", keep(3)), "1")
		addByHand(b, "by hand")
		b.rotated(keyWith("2", keep(3)), "3", first)
		b.destroyed("3")
		b.rotated(keyWith("2", keep(3)), "4", first)
	})
}

// TestSessionKey_neverEffectiveIsNeverKept covers what an interrupted rotation has added: it is the new key if it is what is
// wanted still, and else it takes no key's place.
func TestSessionKey_neverEffectiveIsNeverKept(t *testing.T) {
	for name, test := range map[string]struct {
		next    declared
		version string
		kept    bool
	}{
		"the same again":     {keyWith("2", keep(1)), "2", true},
		"another rotation":   {keyWith("3", keep(1)), "3", true},
		"nothing to be kept": {keyWith("2", keep(0)), "3", false},
		"other bytes": {keyWith("2", func(s *deploy.SessionKeySettings) {
			s.Bytes = 64
		}), "3", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSecretBench(t)
			first := b.rotated(keyWith("1", keep(1)), "1")
			interruptedAfterAdd(b, keyWith("2", keep(1)))
			var previous []string
			if test.kept {
				previous = []string{first}
			}
			b.rotated(test.next, test.version, previous...)
			b.checkSettled(test.next)
			b.checkSecrecy()
		})
	}
}

func interruptedAfterAdd(b *secretBench, d declared) {
	b.Helper()
	sweep{target: func(*secretBench) *declared { return &d }}.crash(b, fakegcp.Fault{
		Method: "/AddSecretVersion", Occurrence: 1, When: fakegcp.After, Kind: fakegcp.FaultHang,
	})
}

// TestSessionKey_separatorOfEachVersion keeps keys apart that were written with other separators than today's.
func TestSessionKey_separatorOfEachVersion(t *testing.T) {
	with := func(trigger, separator string) declared {
		return keyWith(trigger, func(s *deploy.SessionKeySettings) { s.Keep, s.Separator = 3, separator })
	}
	t.Run("an older plan does not write its own into the record", func(t *testing.T) {
		b := newSecretBench(t)
		first := b.rotated(with("1", ","), "1")
		stale := *b.state
		second := b.rotated(with("1", "|"), "2", first)
		b.state = &stale
		if _, _, err := b.update(b.Context(), with("1", ",")); err != nil {
			t.Fatal(err)
		}
		fewer := with("2", "|")
		fewer.key.Keep = 1
		b.rotated(fewer, "3", second)
	})
	t.Run("an older version is read with its own", func(t *testing.T) {
		b := newSecretBench(t)
		first := b.rotated(with("1", ","), "1")
		second := b.rotated(with("2", ","), "2", first)
		b.rotated(with("3", "|"), "3", second, first)
		b.destroyed("3")
		b.rotated(with("3", "|"), "4", second, first)
	})
}

func TestSessionKey_raw(t *testing.T) {
	raw := func(trigger string) declared {
		return keyWith(trigger, func(s *deploy.SessionKeySettings) { s.Encoding, s.Keep, s.Bytes = "raw", 0, 64 })
	}
	b := newSecretBench(t)
	b.mustApply(raw("1"))
	key := b.payload("1")
	if len(key) != 64 {
		t.Fatalf("the payload has %d bytes", len(key))
	}
	interruptedAfterAdd(b, raw("2"))
	added := b.payload("2")
	b.mustApply(raw("2"))
	if b.state.Version != "2" || b.payload("2") != added || added == key {
		t.Errorf("the key of the interrupted rotation is not the one that is effective (version %s)", b.state.Version)
	}
	hexKey := b.rotated(keyWith("2", keep(2)), "3", hex.EncodeToString([]byte(added)))
	b.destroyed("3")
	b.rotated(keyWith("2", keep(2)), "4", hex.EncodeToString([]byte(added)))
	b.mustApply(raw("3"))
	if got := b.payload("5"); len(got) != 64 || strings.Contains(got, hexKey) {
		t.Errorf("a payload of %d bytes holds a previous key", len(got))
	}
	b.checkSecrecy()
}

// TestSessionKey_madeByHandIsKept imports secrets that the provider knows nothing of and rotates them: what can be told apart
// is kept, as it was written.
func TestSessionKey_madeByHandIsKept(t *testing.T) {
	binary := "\x00\xff,\xfe binary key made by hand"
	for name, test := range map[string]struct {
		payload string
		keep    int
		want    []string
	}{
		"one key":                  {"key made by hand", 2, []string{"key made by hand"}},
		"with a newline":           {"key made by hand\n", 2, []string{"key made by hand\n"}},
		"a ring":                   {"the newer,the older", 2, []string{"the newer", "the older"}},
		"a ring that is too long":  {"the newest,the newer,the older", 2, []string{"the newest", "the newer"}},
		"a separator at the end":   {"the only,", 2, []string{"the only"}},
		"nothing but a separator":  {",", 2, nil},
		"no text":                  {binary, 2, []string{hex.EncodeToString([]byte(binary))}},
		"nothing is to be kept":    {"key made by hand", 0, nil},
		"another separator inside": {"one;two", 1, []string{"one;two"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSecretBench(t)
			byHand(b, test.payload)
			live, err := b.cloud.ReadSessionKey(t.Context(), benchID, deploy.SecretKnown{Imported: true})
			if err != nil || live.Version != "1" || live.Settings != nil || live.Recorded {
				t.Fatalf("imported: %+v, %v", live, err)
			}
			taken := keyWith("1", keep(test.keep))
			live.Settings, b.state = taken.key, &live // the plan of an import without settings rotates nothing
			if _, _, err := b.update(t.Context(), taken); err != nil {
				t.Fatal(err)
			}
			b.refresh(taken)
			if b.state.Version != "1" || b.payload("1") != test.payload || *b.state.Settings != *taken.key || !b.state.Recorded {
				t.Fatalf("taking it over changed something: %+v", b.state)
			}
			next := b.rotated(keyWith("2", keep(test.keep)), "2", test.want...)
			if kept := slices.Concat([]string{next}, test.want); test.keep > 0 {
				b.rotated(keyWith("3", keep(test.keep)), "3", kept[:min(test.keep, len(kept))]...)
			}
			b.destroyed(b.state.Version)
			b.refresh(taken)
			b.mustApply(keyWith(b.state.Settings.RotationTrigger, keep(test.keep)))
		})
	}
}
