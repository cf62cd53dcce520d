package kube_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
)

func TestAuthorityIsItsCertificatesAndNothingElse(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))
	broken := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("no certificate")}))
	private := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("key")}))
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

	got, err := kube.Authority(encode("words " + private + certificate + certificate + "words"))
	if err != nil || got != certificate+certificate {
		t.Errorf("got %q, %v", got, err)
	}
	for _, refused := range []string{"", "!", encode("words"), encode(private), encode(broken)} {
		if got, err := kube.Authority(refused); err == nil {
			t.Errorf("%q became %q", refused, got)
		}
	}
}
