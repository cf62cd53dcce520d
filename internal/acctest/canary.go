package acctest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"math/big"
	"sync"
	"testing"
)

// canaryBytes is the length of one canary.
const canaryBytes = 32

// Canaries are secret values made for one test, each unlike any other text, and the search for them in everything that
// Terraform and the provider leave behind.
type Canaries struct {
	mu      sync.Mutex
	names   []string
	values  map[string]bool
	needles *needles
}

// NewCanaries starts without any value.
func NewCanaries() *Canaries {
	return &Canaries{values: map[string]bool{}, needles: &needles{byHead: map[[window]byte][]needle{}}}
}

// Add makes a value a canary.
func (c *Canaries) Add(name string, value []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.values[string(value)] || len(value) < window {
		return
	}
	c.values[string(value)] = true
	c.names = append(c.names, name)
	c.needles.add(name, value)
}

// canaryAlphabet has what the forms of escaping treat differently, so that a leak in an escaped form is not the same
// text as the value.
const canaryAlphabet = `ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789+/=&<>"\% `

// Text draws a new canary that can be a Terraform string.
func (c *Canaries) Text(t testing.TB, name string) string {
	t.Helper()
	value, err := c.draw(name)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func (c *Canaries) draw(name string) (string, error) {
	value := make([]byte, canaryBytes)
	for i := range value {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(canaryAlphabet))))
		if err != nil {
			return "", err
		}
		value[i] = canaryAlphabet[n.Int64()]
	}
	c.Add(name, value)
	return string(value), nil
}

// Reader is a source of randomness for the provider whose every byte is a canary, raw and in the encodings that session
// keys have.
func (c *Canaries) Reader() io.Reader { return canaryReader{c} }

type canaryReader struct{ canaries *Canaries }

// Read draws from crypto/rand and remembers.
func (r canaryReader) Read(p []byte) (int, error) {
	n, err := rand.Read(p)
	r.canaries.Add("drawn key", p[:n])
	r.canaries.Add("drawn key, hex", []byte(hex.EncodeToString(p[:n])))
	r.canaries.Add("drawn key, base64", []byte(base64.StdEncoding.EncodeToString(p[:n])))
	r.canaries.Add("drawn key, base64url", []byte(base64.URLEncoding.EncodeToString(p[:n])))
	return n, err
}

// Count is the number of canaries.
func (c *Canaries) Count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.names)
}

// Leak is a canary that was found. It does not repeat the value.
type Leak struct {
	// Where is the file, with the members of archives and the encodings that were undone.
	Where string
	// Canary is the name of the canary, and Form how it was written.
	Canary, Form string
	// Offset is the place in bytes.
	Offset int
}

// String is one line about the leak.
func (l Leak) String() string {
	return fmt.Sprintf("%s: canary %q as %s at byte %d", l.Where, l.Canary, l.Form, l.Offset)
}
