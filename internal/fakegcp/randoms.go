package fakegcp

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
)

// Ids and etags are random as in the real service: clients must not rely on their form.

// idSeed makes the ids of one call or effect come out as they did the first time.
type idSeed = [32]byte

// ids is what all ids come from. It is one for the process, as handlers draw from it without knowing their server: a process
// has one fake with a state file at a time.
var ids idSource

// idSource is random, or follows a seed while a fake with a state file handles a call.
type idSource struct {
	mu     sync.Mutex
	seeded *mathrand.ChaCha8
}

// use has ids follow a seed, or be random again when it is nil, and returns what they followed before: that is put back
// with restore.
func (i *idSource) use(seed *idSeed) *mathrand.ChaCha8 {
	var source *mathrand.ChaCha8
	if seed != nil {
		source = mathrand.NewChaCha8(*seed)
	}
	return i.restore(source)
}

func (i *idSource) restore(source *mathrand.ChaCha8) *mathrand.ChaCha8 {
	i.mu.Lock()
	defer i.mu.Unlock()
	before := i.seeded
	i.seeded = source
	return before
}

func (i *idSource) read(b []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.seeded != nil {
		_, _ = i.seeded.Read(b) // never fails, see math/rand/v2
		return
	}
	_, _ = rand.Read(b) // never fails, see crypto/rand
}

// randomHex is n random bytes in hexadecimal.
func randomHex(n int) string {
	return hex.EncodeToString(randomBytes(n))
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	ids.read(b)
	return b
}

// randomUUID is a version 4 UUID.
func randomUUID() string {
	b := randomBytes(16)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// randomDigits is n decimal digits, the first not 0.
func randomDigits(n int) string {
	b := randomBytes(n)
	for i := range b {
		b[i] = '0' + b[i]%10
	}
	if b[0] == '0' {
		b[0] = '1'
	}
	return string(b)
}

// randomLetters is n lower case letters.
func randomLetters(n int) string {
	b := randomBytes(n)
	for i := range b {
		b[i] = 'a' + b[i]%26
	}
	return string(b)
}
