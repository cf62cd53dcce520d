resource "twelvefactor_session_key" "shop" {
  name = "shop-session-key"
}

# On Cloud Run: a public API that scales to zero.
resource "twelvefactor_service" "public_api" {
  name      = "public-api"
  image     = "asia-docker.pkg.dev/acme/api/server:2.0.0"
  cloud_run = { location = "asia-northeast1", public = true }
  secrets   = { SESSION_KEYS = twelvefactor_session_key.shop.version_id }
  processes = { web = { scale = { min = 0, max = 100, concurrency = 80 } } }
}

# On GKE: an internal app with a worker, on Spot nodes.
resource "twelvefactor_cluster" "dev" {
  name     = "dev"
  location = "asia-northeast1"
  node_pools = {
    base = { machine_type = "e2-standard-2", min_nodes = 1, max_nodes = 2 }
    spot = { machine_type = "e2-standard-4", capacity = "spot", max_nodes = 10 }
  }
}

resource "twelvefactor_service" "shop" {
  name    = "shop"
  image   = "asia-docker.pkg.dev/acme/shop/web:1a2b3c4"
  gke     = { cluster = twelvefactor_cluster.dev.id, namespace = "shop", capacity = "spot" }
  config  = { LOG_LEVEL = "info" }
  secrets = { SESSION_KEYS = twelvefactor_session_key.shop.version_id }

  processes = {
    web    = { port = 8080, scale = { min = 2, max = 10 }, readiness = { path = "/healthz" } }
    worker = { command = ["/app", "worker"], scale = { min = 1, max = 3 } }
  }
}
