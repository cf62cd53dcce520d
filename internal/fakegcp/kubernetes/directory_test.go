package kubernetes

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestDirectoryKeepsAuthorityAndPort(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cluster")
	open := func() *Cluster {
		c, err := New(Options{Name: "dev", Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	shut := func(end func() error) {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	first := open()
	shut(first.Close)
	second := open()
	if second.Endpoint() != first.Endpoint() || second.CACertificate() != first.CACertificate() {
		t.Errorf("at %s, before at %s, with the same authority: %t", second.Endpoint(), first.Endpoint(), second.CACertificate() == first.CACertificate())
	}
	shut(second.Close)

	other, err := net.Listen("tcp", first.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	third := open()
	if third.Endpoint() == first.Endpoint() || third.CACertificate() != first.CACertificate() {
		t.Errorf("at %s although that is taken, with the same authority: %t", third.Endpoint(), third.CACertificate() == first.CACertificate())
	}
	shut(third.Close)
	shut(other.Close)
	fourth := open()
	if fourth.Endpoint() != third.Endpoint() {
		t.Errorf("at %s, want the new port to be kept, %s", fourth.Endpoint(), third.Endpoint())
	}
	shut(fourth.Remove)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory of a removed cluster: %v", err)
	}
}

func TestDamagedAuthorityIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"ca.crt", "ca.key"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := New(Options{Name: "dev", Dir: dir}); err == nil {
		_ = c.Close()
		t.Error("a damaged authority was taken or replaced")
	}
}

func TestNodesOfAnEarlierRunAreAdopted(t *testing.T) {
	v := newInventory()
	zones := []string{"a", "b"}
	v.declare([]NodePool{
		{Name: "fixed", Zones: zones, NodesPerZone: 1},
		{Name: "grows", Zones: zones, Autoscaling: &Autoscaling{Max: 3}},
	})
	for _, pool := range []string{"fixed", "grows", "gone"} {
		v.adopt(pool, "a", 2)
		v.adopt(pool, "b", 2)
		v.adopt(pool, "elsewhere", 2)
	}
	if got := v.wanted(); got["fixed"] != 2 || got["grows"] != 3 || len(got) != 2 {
		t.Errorf("sizes %v, want the fixed pool as declared and the other at its maximum", got)
	}
}
