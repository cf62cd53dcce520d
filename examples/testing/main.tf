# A configuration with tests of its own, which run against fakegcp: see tests/api.tftest.hcl and fake_test.go.

terraform {
  required_version = ">= 1.11"
  required_providers {
    twelvefactor = {
      source = "registry.terraform.io/twelvefactor/twelvefactor"
    }
  }
}

provider "twelvefactor" {
  project = "acme-dev"
  region  = "asia-northeast1"
}

variable "tag" {
  description = "Tag of the image."
  type        = string
  default     = "1.0.0"
}

resource "twelvefactor_session_key" "api" {
  name = "api-session-key"
}

resource "twelvefactor_service" "api" {
  name      = "api"
  image     = "asia-docker.pkg.dev/acme/api/server:${var.tag}"
  cloud_run = { location = "asia-northeast1", public = true }
  secrets   = { SESSION_KEYS = twelvefactor_session_key.api.version_id }
  processes = { web = { scale = { min = 0, max = 10 } } }
}

output "url" {
  description = "Address of the service."
  value       = twelvefactor_service.api.url
}

output "status" {
  description = "ready, or what is wrong."
  value       = twelvefactor_service.api.status
}
