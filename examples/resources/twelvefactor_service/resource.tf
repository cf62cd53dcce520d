resource "twelvefactor_session_key" "shop" {
  name = "shop-session-key"
}

# Raw bytes are for files.
resource "twelvefactor_session_key" "cookies" {
  name     = "cookie-key"
  encoding = "raw"
  keep     = 0
}

# On Cloud Run: a public API that scales to zero.
resource "twelvefactor_service" "public_api" {
  name      = "public-api"
  image     = "asia-docker.pkg.dev/acme/api/server:2.0.0"
  cloud_run = { location = "asia-northeast1", public = true }
  secrets   = { SESSION_KEYS = twelvefactor_session_key.shop.version_id }
  processes = { web = { scale = { min = 0, max = 100, concurrency = 80 } } }
}

# On Cloud Run with everything: gRPC for a partner, from behind a load balancer, with a database in a VPC network.
resource "twelvefactor_service" "orders" {
  name  = "orders"
  image = "asia-docker.pkg.dev/acme/orders/server:3.1.0"

  cloud_run = {
    location = "asia-northeast1"

    ingress              = "internal_and_load_balancing"
    default_uri_disabled = true # callers come by the load balancer
    invoker_iam_disabled = true # everybody, where the organization refuses allUsers; else public = true
    custom_audiences     = ["https://orders.example.com"]
    protocol             = "h2c" # HTTP/2 from end to end
    request_timeout      = "60s"

    vpc = {
      subnetwork = "apps"
      tags       = ["egress-database"]
      egress     = "private_ranges_only"
    }

    execution_environment = "gen2"
    cpu_always_allocated  = true # works between requests
    startup_cpu_boost     = true
    session_affinity      = false
    revision_scale        = { max = 50 } # a change makes a revision
  }

  processes = {
    web = {
      port      = 9000
      cpu       = "2"
      memory    = "1Gi"
      scale     = { min = 1, max = 20, concurrency = 200 } # a change makes no revision
      startup   = { grpc = true, period = "5s", failure_threshold = 12 }
      liveness  = { grpc = true, period = "30s" }
      readiness = { grpc = true }
    }
    outbox = { command = ["/app", "outbox"], scale = { min = 1, max = 1 } } # a worker pool of one
  }
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
  name   = "shop"
  image  = "asia-docker.pkg.dev/acme/shop/web:1a2b3c4"
  gke    = { cluster = twelvefactor_cluster.dev.id, namespace = "shop", capacity = "spot" }
  config = { LOG_LEVEL = "info" }

  # Files at exactly these paths, beside what the image has there. On Cloud Run they need directories of their own.
  config_files = { "/etc/shop/features.toml" = "checkout = true\n" }
  secret_files = { "/etc/shop/keys/cookies" = twelvefactor_session_key.cookies.version_id }

  processes = {
    web    = { port = 8080, scale = { min = 2, max = 10 }, readiness = { path = "/healthz" } }
    worker = { command = ["/app", "worker"], scale = { min = 1, max = 3 } }
  }
}

# On Cloud Run, deployed by CI with "gcloud run deploy": Terraform owns everything but the image.
resource "twelvefactor_service" "storefront" {
  name         = "storefront"
  image        = "asia-docker.pkg.dev/acme/shop/storefront:1.0.0" # what it begins with
  image_owner  = "external"
  drift_ignore = ["Service template.labels"] # the same tool writes these
  cloud_run    = { location = "asia-northeast1" }
  labels       = { team = "shop" }
  processes    = { web = {} }
}
