# The app of this folder: web and worker of one image, on GKE or on Cloud Run, with a session key that the provider draws
# and the store's address as a secret.

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

variable "runtime" {
  description = "Where the app runs: gke or cloud_run."
  type        = string
  default     = "cloud_run"

  validation {
    condition     = contains(["gke", "cloud_run"], var.runtime)
    error_message = "Say runtime = \"gke\" or runtime = \"cloud_run\"."
  }
}

variable "image" {
  description = "Image of the app."
  type        = string
  default     = "asia-docker.pkg.dev/acme/twelve-factor-app/app:1.0.0"
}

variable "store_url" {
  description = "Address of the store with its credentials; needed only when value_wo_version changes."
  type        = string
  ephemeral   = true # never in plan or state
  default     = "http://app:change-me@store.internal:9000"
}

resource "twelvefactor_cluster" "app" {
  count    = var.runtime == "gke" ? 1 : 0
  name     = "twelve-factor"
  location = "asia-northeast1"
  node_pools = {
    base = { machine_type = "e2-standard-2", min_nodes = 1, max_nodes = 3 }
  }
}

resource "twelvefactor_session_key" "app" {
  name         = "twelve-factor-app-session-keys"
  rotate_after = "336h" # as long as a session of the app
  keep         = 1      # the previous key still verifies
}

resource "twelvefactor_secret" "store" {
  name             = "twelve-factor-app-store-url"
  value_wo         = var.store_url
  value_wo_version = "2026-11"
}

resource "twelvefactor_service" "app" {
  name  = "twelve-factor-app"
  image = var.image

  gke       = var.runtime == "gke" ? { cluster = twelvefactor_cluster.app[0].id, namespace = "twelve-factor-app" } : null
  cloud_run = var.runtime == "cloud_run" ? { location = "asia-northeast1", public = true } : null

  config = { DRAIN_DELAY = "2s", DRAIN_TIME = "6s" } # together less than shutdown_grace
  secrets = {
    SESSION_KEYS = twelvefactor_session_key.app.version_id
    STORE_URL    = twelvefactor_secret.store.version_id
  }

  processes = {
    web = {
      args      = ["web"]
      port      = 8080
      scale     = { min = 2, max = 10 }
      liveness  = { path = "/healthz" } # looks at nothing but the process
      readiness = { path = "/readyz" }  # looks at the store too, and says no while it drains
    }
    worker = {
      args  = ["worker"]
      scale = { min = 1, max = 1 }
    }
  }
}

output "url" {
  description = "Address of the app."
  value       = twelvefactor_service.app.url
}
