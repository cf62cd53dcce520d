# A whole application in one apply, from nothing: a cluster with an on-demand and a Spot pool, a session key that the
# provider draws, a secret whose value never reaches plan or state, an internal service on GKE and a public one on
# Cloud Run.

terraform {
  required_version = ">= 1.11"
  required_providers {
    twelvefactor = {
      source = "registry.terraform.io/twelvefactor/twelvefactor"
    }
  }
}

provider "twelvefactor" {
  project = var.project
  region  = var.region
}

resource "twelvefactor_cluster" "dev" {
  name     = "dev"
  location = var.region
  node_pools = {
    base = { machine_type = "e2-standard-2", capacity = "on_demand", min_nodes = 1, max_nodes = 2 }
    spot = { machine_type = "e2-standard-4", capacity = "spot", min_nodes = 0, max_nodes = 10 }
  }

  lifecycle {
    postcondition {
      condition     = self.status == "ready"
      error_message = "Cluster dev is ${self.status}: apply again when the reason in the warning is gone."
    }
  }
}

resource "twelvefactor_session_key" "shop" {
  name             = "shop-session-key"
  bytes            = 32
  rotate_after     = "720h"
  rotation_trigger = var.rotation_trigger
  keep             = 1 # one previous key stays valid

  lifecycle {
    postcondition {
      condition     = self.status == "ready"
      error_message = "Session key shop is ${self.status}: see the warning, mend the cause and apply again."
    }
  }
}

resource "twelvefactor_secret" "payments" {
  name             = "payments-api-key"
  value_wo         = var.payments_api_key
  value_wo_version = "2026-11"

  lifecycle {
    postcondition {
      condition     = self.status == "ready"
      error_message = "Secret payments is ${self.status}: see the warning, mend the cause and apply again."
    }
  }
}

resource "twelvefactor_service" "shop" { # internal: GKE
  name  = "shop"
  image = "asia-docker.pkg.dev/acme/shop/web:1a2b3c4"
  gke   = { cluster = twelvefactor_cluster.dev.id, namespace = "shop", capacity = "spot" }

  config = { LOG_LEVEL = "info", DATABASE_HOST = "10.0.0.3" }
  secrets = {
    SESSION_KEYS     = twelvefactor_session_key.shop.version_id
    PAYMENTS_API_KEY = twelvefactor_secret.payments.version_id
  }
  processes = {
    web    = { port = 8080, scale = { min = 2, max = 10 }, readiness = { path = "/healthz" } }
    worker = { command = ["/app", "worker"], scale = { min = 1, max = 3 } }
  }

  lifecycle {
    postcondition {
      condition     = self.status == "ready"
      error_message = "Service shop is ${self.status}: see the warning, mend the cause and apply again."
    }
  }
}

resource "twelvefactor_service" "public_api" { # public: Cloud Run
  name      = "public-api"
  image     = "asia-docker.pkg.dev/acme/api/server:2.0.0"
  cloud_run = { location = var.region, public = true }
  processes = { web = { scale = { min = 0, max = 100, concurrency = 80 } } }

  lifecycle {
    postcondition {
      condition     = self.status == "ready"
      error_message = "Service public-api is ${self.status}: see the warning, mend the cause and apply again."
    }
  }
}
