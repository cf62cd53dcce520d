# A database proxy and an agent beside the processes. The proxy says when it has started, so the agent and the processes
# wait for it. On Cloud Run the same sidecars are further containers.
locals {
  sidecars = {
    proxy = {
      image   = "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.15.2"
      args    = ["--health-check", "--http-address=0.0.0.0", "--http-port=9090", "acme-dev:asia-northeast1:orders"]
      port    = 9090
      startup = { path = "/startup" }
    }
    agent = {
      image  = "asia-docker.pkg.dev/acme/agents/telemetry:1.4.0"
      config = { EXPORT_INTERVAL = "30s" }
      after  = ["proxy"]
    }
  }
}

resource "twelvefactor_service" "invoices" {
  name        = "invoices"
  image       = "asia-docker.pkg.dev/acme/orders/web:9f8e7d6"
  gke         = { cluster = twelvefactor_cluster.dev.id, namespace = "invoices" }
  annotations = { "prometheus.io/scrape" = "true", "prometheus.io/port" = "8080" }
  sidecars    = local.sidecars

  processes = {
    web    = { scale = { min = 2, max = 4 } }
    mailer = { command = ["/app", "mailer"], port = 9000, liveness = { path = "/alive" } }
  }
}

resource "twelvefactor_service" "orders_api" {
  name      = "orders-api"
  image     = "asia-docker.pkg.dev/acme/orders/api:9f8e7d6"
  cloud_run = { location = "asia-northeast1" }
  sidecars  = local.sidecars
  processes = { web = {} }
}
