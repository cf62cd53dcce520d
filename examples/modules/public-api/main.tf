# A public API on Cloud Run that scales to zero, with a session key; a second one that only named callers reach; and one with a
# worker, files of config, a way into a VPC network and a role of its own.

provider "twelvefactor" {
  project = "acme-dev"
  region  = "asia-northeast1"
}

module "api" {
  source = "../../../modules/public-api"

  name        = "public-api"
  image       = "asia-docker.pkg.dev/acme/api/server:2.0.0"
  location    = "asia-northeast1"
  session_key = { rotate_after = "720h" }
}

module "reports" {
  source = "../../../modules/public-api"

  name     = "reports"
  image    = "asia-docker.pkg.dev/acme/reports/server:1.4.2"
  location = "asia-northeast1"
  public   = false
  ingress  = "internal"
  invokers = ["group:analysts@acme.example"]
  scale    = { min = 0, max = 5, concurrency = 10 }
}

module "orders" {
  source = "../../../modules/public-api"

  name         = "orders"
  image        = "asia-docker.pkg.dev/acme/orders/server:3.1.0"
  location     = "asia-northeast1"
  config_files = { "/etc/orders/conf/features.toml" = "checkout = true\n" }
  grants       = [{ role = "roles/pubsub.publisher", project = "acme-dev" }]
  checks       = { readiness = { path = "/readyz" }, liveness = { path = "/healthz" } }
  workers      = { outbox = { command = ["/app", "outbox"] } }

  cloud_run = {
    vpc             = { subnetwork = "apps", tags = ["egress-database"] }
    request_timeout = "60s"
  }
}

output "urls" {
  description = "Addresses of the services."
  value       = [module.api.url, module.reports.url, module.orders.url]
}
