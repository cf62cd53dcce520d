package service_test

import (
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// The provider reads secrets to write them into Kubernetes, so what these runs leave behind is scanned for the drawn keys.
func TestMain(m *testing.M) { acctest.ScannedMain(m) }
