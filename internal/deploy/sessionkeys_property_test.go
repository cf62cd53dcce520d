package deploy_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
)

var (
	keySeed      = flag.Uint64("session-key-seed", 0, "the first seed of the session key property test; 0 draws one")
	keySequences = flag.Int("session-key-sequences", 200, "how many sequences the session key property test tries")
)

const keySteps = 24

// TestSessionKey_property tries random sequences of everything that can happen to a session key, and holds every apply that
// ends well to the rules of keyLedger and to these: its version is the one and only effective one, and there was at most
// one rotation, and none unless it was asked for or due, or the key was gone. Run one sequence again with
// -session-key-seed=N -session-key-sequences=1.
func TestSessionKey_property(t *testing.T) {
	first := *keySeed
	if first == 0 {
		first = rand.Uint64N(1 << 40)
	}
	t.Logf("seeds %d to %d", first, first+uint64(*keySequences)-1)
	t.Run("sequences", func(t *testing.T) {
		for i := range *keySequences {
			seed := first + uint64(i)
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				w := newKeyWorld(t, seed, nil)
				if faults := w.live(); len(faults) > 0 {
					t.Errorf("%s\n\nsequence of seed %d:\n%s", strings.Join(faults, "\n"), seed, strings.Join(w.log, "\n"))
				}
			})
		}
	})
}

// TestSessionKey_propertyFindsBrokenRotations breaks what the property is about; some sequence must find it.
func TestSessionKey_propertyFindsBrokenRotations(t *testing.T) {
	for name, mutant := range map[string]keyMutant{
		"the previous keys are forgotten": func(s *deploy.SessionKeySettings, _ *deploy.SessionKeyRotation) { s.Keep = 0 },
		"one previous key too few is kept": func(s *deploy.SessionKeySettings, _ *deploy.SessionKeyRotation) {
			s.Keep = max(0, s.Keep-1)
		},
		"one previous key too many is kept": func(s *deploy.SessionKeySettings, _ *deploy.SessionKeyRotation) { s.Keep++ },
		"other runs' rotations do not count": func(_ *deploy.SessionKeySettings, r *deploy.SessionKeyRotation) {
			if r != nil {
				r.Base = 1 << 40
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(60) {
				if w := newKeyWorld(t, seed, mutant); len(w.live()) > 0 {
					return
				}
			}
			t.Error("no sequence found it")
		})
	}
}

// keyMutant changes what the use case is told, without the test's knowledge.
type keyMutant func(*deploy.SessionKeySettings, *deploy.SessionKeyRotation)

// keyState is what a state file holds of a session key.
type keyState struct {
	deploy.SecretState
	due time.Time
}

// keyWorld is one sequence.
type keyWorld struct {
	*secretBench
	random *rand.Rand
	mutant keyMutant
	other  *deploy.Cloud // a second run at the same time
	config deploy.SessionKeySettings
	now    *keyState // the state file; nil without the resource
	old    []keyState
	ledger *keyLedger
	log    []string
	faults []string
}

func newKeyWorld(t *testing.T, seed uint64, mutant keyMutant) *keyWorld {
	b := newSecretBench(t)
	b.patience = time.Minute
	b.cloud = b.another("stack")
	w := &keyWorld{secretBench: b, random: rand.New(rand.NewPCG(seed, 12)), mutant: mutant, ledger: newKeyLedger(), other: b.another("stack")}
	w.config = deploy.SessionKeySettings{Bytes: 32, Encoding: "hex", Separator: ",", Keep: w.random.IntN(4), RotationTrigger: "0"}
	return w
}

func (w *keyWorld) fault(format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

func (w *keyWorld) chance(percent int) bool { return w.random.IntN(100) < percent }

// live goes through the sequence and ends with an apply that nothing disturbs, after which nothing is to be done.
func (w *keyWorld) live() []string {
	if w.chance(25) {
		w.madeByHand()
	}
	w.apply(true)
	for range keySteps {
		if len(w.faults) > 0 {
			return w.faults
		}
		w.step()
	}
	w.apply(true)
	w.apply(true)
	if next := w.rotation(w.now, w.config); next != nil || w.now.Status != deploy.SecretReady {
		w.fault("after the last apply there is something to do: %+v, status %s", next, w.now.Status)
	}
	return w.faults
}

func (w *keyWorld) step() {
	steps := []struct {
		weight int
		name   string
		do     func()
	}{
		{14, "apply", func() { w.apply(true) }},
		{4, "apply without a refresh", func() { w.apply(false) }},
		{14, "crash", w.crash},
		{8, "two runs at once", w.together},
		{14, "ask for a rotation", func() { w.config.RotationTrigger += "+" }},
		{5, "change bytes", func() { w.config.Bytes = []int{16, 32, 64}[w.random.IntN(3)] }},
		{5, "change the encoding", w.reencode},
		{4, "change the separator", w.separate},
		{8, "change keep", func() { w.config.Keep = w.random.IntN(5); w.consistent() }},
		{5, "change rotate_after", func() { w.config.RotateAfter = []string{"", "24h", "240h"}[w.random.IntN(3)] }},
		{8, "time passes", func() { _ = w.clock.Sleep(w.Context(), time.Duration(w.random.IntN(40))*time.Hour) }},
		{8, "disable", func() { w.harm(secretmanagerpb.SecretVersion_DISABLED) }},
		{4, "destroy", func() { w.harm(secretmanagerpb.SecretVersion_DESTROYED) }},
		{5, "enable", func() { w.harm(secretmanagerpb.SecretVersion_ENABLED) }},
		{4, "add a version by hand", func() { addByHand(w.secretBench, w.canaries.Text(w, "added by hand")) }},
		{6, "restore an older state", w.restore},
		{4, "apply an older plan", w.olderPlan},
		{4, "lose the state", func() { w.now = nil }},
	}
	total := 0
	for _, s := range steps {
		total += s.weight
	}
	pick := w.random.IntN(total)
	for _, s := range steps {
		if pick -= s.weight; pick < 0 {
			w.log = append(w.log, s.name)
			s.do()
			w.log[len(w.log)-1] += fmt.Sprintf("   %+v", w.config)
			return
		}
	}
}

// consistent keeps raw keys without a ring, as the schema demands.
func (w *keyWorld) consistent() {
	if w.config.Encoding == "raw" {
		w.config.Keep, w.config.Separator = 0, ","
	}
}

func (w *keyWorld) reencode() {
	w.config.Encoding = []string{"hex", "base64", "base64url", "raw"}[w.random.IntN(4)]
	w.consistent()
}

func (w *keyWorld) separate() {
	w.config.Separator = []string{",", "|", "\n", " ; "}[w.random.IntN(4)]
	w.consistent()
}

// madeByHand starts with a secret that the provider knows nothing of, and imports it.
func (w *keyWorld) madeByHand() {
	key := strings.ReplaceAll(fmt.Sprintf("made-by-hand-%x", w.random.Uint64()), ",", "")
	byHand(w.secretBench, key)
	w.log = append(w.log, "made by hand")
	w.ledger.rings[1], w.ledger.effective = []string{w.ledger.name(key, nil)}, []int64{1}
	w.importIt()
	w.ledger.handed[key] = 1
}

func (w *keyWorld) importIt() {
	live, err := w.cloud.ReadSessionKey(w.Context(), benchID, deploy.SecretKnown{Imported: true})
	if err != nil || !live.Exists {
		w.fault("import: %+v, %v", live, err)
		return
	}
	w.now = &keyState{SecretState: live}
}

// rotation is what the plan makes of a state and a configuration, as the resource does.
func (w *keyWorld) rotation(state *keyState, config deploy.SessionKeySettings) *deploy.SessionKeyRotation {
	due := !state.due.IsZero() && config.RotateAfter != "" && !config.NextRotation(state.VersionTime).After(state.due)
	switch {
	case state.Version == "":
		return &deploy.SessionKeyRotation{}
	case due, state.Settings != nil && state.Settings.NeedsRotation(config):
		return &deploy.SessionKeyRotation{Base: versionNumber(state.Version)}
	}
	return nil
}

func (w *keyWorld) refreshed(state keyState) *keyState {
	live, err := w.cloud.ReadSessionKey(w.Context(), benchID, deploy.SecretKnown{})
	if err != nil || !live.Exists {
		w.fault("refresh: %+v, %v", live, err)
		return &state
	}
	return &keyState{live, w.cloud.RotationDueSince(settingsOf(live, state), live.VersionTime)}
}

func settingsOf(live deploy.SecretState, prior keyState) deploy.SessionKeySettings {
	switch {
	case live.Settings != nil:
		return *live.Settings
	case prior.Settings != nil:
		return *prior.Settings
	}
	return deploy.SessionKeySettings{}
}

// carryOut is what one run does with a plan of that state and configuration.
func (w *keyWorld) carryOut(cloud *deploy.Cloud, state *keyState, config deploy.SessionKeySettings) (*keyState, error) {
	settings := config
	if state == nil {
		if w.mutant != nil {
			w.mutant(&settings, nil)
		}
		live, _, err := cloud.CreateSessionKey(w.Context(), deploy.SessionKeySpec{ID: benchID, Settings: settings, KeepVersions: deploy.MinKeepVersions}, time.Hour)
		live.Settings = &config
		return &keyState{SecretState: live}, err
	}
	rotation := w.rotation(state, config)
	if w.mutant != nil {
		w.mutant(&settings, rotation)
	}
	spec := deploy.SessionKeySpec{ID: benchID, Settings: settings, KeepVersions: deploy.MinKeepVersions}
	live, _, err := cloud.UpdateSessionKey(w.Context(), deploy.SecretKnown{}, spec, rotation)
	if rotation == nil { // what the plan showed stays
		live.Version, live.VersionTime = state.Version, state.VersionTime
	}
	live.Settings = &config
	return &keyState{SecretState: live}, err
}

// apply is an undisturbed run with the current configuration, which has to end well.
func (w *keyWorld) apply(refresh bool) {
	if w.now != nil && refresh {
		w.now = w.refreshed(*w.now)
	}
	w.run(w.now, w.config)
}

// run carries out one plan. A secret that is there and finished is imported, as the error says, and applied again.
func (w *keyWorld) run(state *keyState, config deploy.SessionKeySettings) {
	before, existed := w.before()
	next, err := w.carryOut(w.cloud, state, config)
	var told *deploy.Error
	if state == nil && errors.As(err, &told) && strings.Contains(told.Fix, "import {") {
		w.log = append(w.log, "import")
		if w.importIt(); len(w.faults) == 0 {
			w.apply(true)
		}
		return
	}
	if err != nil || next.Status != deploy.SecretReady {
		w.fault("an undisturbed apply ended %q: %v", next.Status, err)
		return
	}
	w.finished(before, existed, config, next)
	w.now = next
}

func (w *keyWorld) before() (live keyLive, existed bool) {
	if left, err := w.fake.Remaining(); err != nil || len(left) == 0 {
		return keyLive{}, false
	}
	return w.look(), true
}

// finished judges what runs that ended well have brought about.
func (w *keyWorld) finished(before keyLive, existed bool, config deploy.SessionKeySettings, states ...*keyState) {
	count := len(w.ledger.effective)
	asked := !existed || before.version == 0 || !before.enabled[before.version] || before.settings.NeedsRotation(config)
	// With keep = 0 a rotation that is planned comes true even if another one was first, as long as previous keys are valid.
	asked = asked || config.Keep == 0 && len(w.ledger.rings[before.version]) > 1
	due := existed && config.RotateAfter != ""
	w.note(before, config.Keep)
	switch rotations := len(w.ledger.effective) - count; {
	case rotations > 1:
		w.fault("%d rotations", rotations)
	case rotations == 1 && !asked && !due:
		w.fault("a rotation that nobody asked for: %+v before, %+v wanted", before, config)
	}
	live := w.look()
	for _, s := range states {
		number := versionNumber(s.Version)
		if !slices.Contains(w.ledger.effective, number) {
			w.fault("the apply ended with version %s, and effective is %d", s.Version, live.version)
			continue
		}
		w.ledger.handed[w.ledger.rings[number][0]] = number
		w.old = append(w.old, *s)
	}
	if !live.enabled[live.version] && live.version != before.version {
		w.fault("version %d is effective and not enabled", live.version)
	}
	w.faults = append(w.faults, w.ledger.judge()...)
}

// note enters a version that has become effective into the ledger.
func (w *keyWorld) note(before keyLive, keep int) {
	live := w.look()
	if live.version == 0 || slices.Contains(w.ledger.effective, live.version) {
		return
	}
	w.ledger.advance(live.version, w.payload(fmt.Sprint(live.version)), live.settings, keep, before)
}
