terraform {
  required_version = ">= 1.11"
  required_providers {
    twelvefactor = {
      source = "registry.terraform.io/twelvefactor/twelvefactor"
    }
  }
}
