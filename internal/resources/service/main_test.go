package service_test

import (
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }
