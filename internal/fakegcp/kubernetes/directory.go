package kubernetes

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
)

// What a cluster with a directory finds there again besides etcd's data: its authority, the endpoint's port, and the key
// that signs the tokens of service accounts.

func (f files) authorityKey() string { return f.in("ca.key") }
func (f files) endpoint() string     { return f.in("endpoint") }

// authorityIn is the authority that a directory has, or a new one, which is then kept there; without a directory a new one.
func authorityIn(dir, name string) (*authority, error) {
	if dir == "" {
		return newAuthority(name)
	}
	f := files{dir}
	ca, err := readAuthority(f)
	if !errors.Is(err, fs.ErrNotExist) {
		return ca, err
	}
	if ca, err = newAuthority(name); err != nil {
		return nil, err
	}
	key, err := keyPEM(ca.key)
	if err != nil {
		return nil, err
	}
	err = os.MkdirAll(dir, 0o700)
	if err == nil {
		err = os.WriteFile(f.authorityKey(), key, 0o600)
	}
	if err == nil { // last, as it is what readAuthority looks for first
		err = os.WriteFile(f.authority(), ca.pem, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("directory of cluster %s: %w", name, err)
	}
	return ca, nil
}

func readAuthority(f files) (*authority, error) {
	certificate, err := os.ReadFile(f.authority())
	if err != nil {
		return nil, fmt.Errorf("authority of a cluster: %w", err)
	}
	key, err := os.ReadFile(f.authorityKey())
	if err != nil {
		return nil, fmt.Errorf("authority of a cluster: %w", err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("authority of a cluster, %s: %w", f.authority(), err)
	}
	parsed, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("authority of a cluster, %s: %w", f.authority(), err)
	}
	signer, err := asECDSA(pair.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("authority of a cluster, %s: %w", f.authorityKey(), err)
	}
	return &authority{certificate: parsed, key: signer, pem: certificate}, nil
}

// listen opens the endpoint on the port that the directory names, or on a free one, which it names from then on.
func (c *Cluster) listen() (net.Listener, error) {
	const free = "127.0.0.1:0"
	if c.options.Dir == "" {
		return net.Listen("tcp", free)
	}
	f := files{c.options.Dir}
	before, err := os.ReadFile(f.endpoint())
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		l, err := net.Listen("tcp", strings.TrimSpace(string(before)))
		if err == nil {
			return l, nil
		}
		c.options.Log.Warn("a cluster's port is taken, it gets another one", "cluster", c.options.Name, "error", err)
	}
	l, err := net.Listen("tcp", free)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(f.endpoint(), []byte(l.Addr().String()), 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// signingKey is the key that signs service accounts' tokens, which pods and their clients hold beyond a restart.
func (c *ControlPlane) signingKey() ([]byte, error) {
	key, err := os.ReadFile(c.files.serviceAccount())
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	fresh, err := newKey()
	if err != nil {
		return nil, err
	}
	return keyPEM(fresh)
}
