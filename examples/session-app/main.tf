# The app of this folder on Cloud Run, with a session key that is replaced every two weeks.

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

variable "image" {
  description = "Image of the app."
  type        = string
  default     = "asia-docker.pkg.dev/acme/session-app/web:1.0.0"
}

resource "twelvefactor_session_key" "app" {
  name         = "session-app-keys"
  rotate_after = "336h"
  keep         = 1 # a session is valid for at least keep times rotate_after
}

resource "twelvefactor_service" "app" {
  name      = "session-app"
  image     = var.image
  cloud_run = { location = "asia-northeast1", public = true }
  config    = { SESSION_LIFETIME = "336h" }
  secrets   = { SESSION_KEYS = twelvefactor_session_key.app.version_id }
  processes = { web = { scale = { min = 0, max = 10 } } }
}

output "url" {
  description = "Address of the app."
  value       = twelvefactor_service.app.url
}
