terraform {
  required_providers {
    twelvefactor = {
      source = "registry.terraform.io/twelvefactor/twelvefactor"
    }
  }
}

provider "twelvefactor" {
  project = "acme-dev"
  region  = "asia-northeast1"
  stack   = "acme-dev/shop"

  default_labels = { team = "shop" }
}
