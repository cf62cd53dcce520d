package kube

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// endpointForm keeps paths, user names and schemes out of the address that the token goes to.
var endpointForm = regexp.MustCompile(`^([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?$`)

// CheckEndpoint accepts what may be reached as https://ENDPOINT: a host name or address, with a port or without.
func CheckEndpoint(endpoint string) error {
	if !endpointForm.MatchString(endpoint) {
		return fmt.Errorf("the cluster's endpoint %.80q is not a host name or address", endpoint)
	}
	return nil
}

// Authority gives the certificates of a cluster's own authority as PEM. It takes PEM in base64, as GKE hands it out;
// blocks of other kinds are left out.
func Authority(encoded string) (string, error) {
	rest, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", errors.New("the cluster's CA certificate is not base64")
	}
	var certificates strings.Builder
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return "", fmt.Errorf("the cluster's CA certificate cannot be read: %w", err)
		}
		certificates.Write(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes}))
	}
	if certificates.Len() == 0 {
		return "", errors.New("the cluster's CA certificate holds no PEM certificate")
	}
	return certificates.String(), nil
}

func parseAuthority(encoded string) (*x509.CertPool, error) {
	certificates, err := Authority(encoded)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(certificates))
	return pool, nil
}
