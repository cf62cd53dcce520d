# A platform and an internal app on it: session key, a kept secret, an identity with a grant of its own.

provider "twelvefactor" {
  project = "acme-dev"
  region  = "asia-northeast1"
}

variable "payments_api_key" {
  description = "Key of the payments provider; needed only when value_version changes."
  type        = string
  ephemeral   = true
  default     = null
}

module "platform" {
  source = "../../../modules/platform"

  name        = "dev"
  environment = "development"
  location    = "asia-northeast1"
}

module "shop" {
  source = "../../../modules/internal-service"

  name     = "shop"
  image    = "asia-docker.pkg.dev/acme/shop/web:1a2b3c4"
  cluster  = module.platform.id
  capacity = "spot"
  config   = { LOG_LEVEL = "info", FEATURES = "/etc/shop/conf/features.toml" }

  config_files  = { "/etc/shop/conf/features.toml" = "checkout = true\n" }
  secrets       = { PAYMENTS_API_KEY = { name = "payments-api-key", value_version = "2026-11", file = "/etc/shop/keys/payments" } }
  secret_values = { PAYMENTS_API_KEY = var.payments_api_key }

  grants = [
    { role = "roles/pubsub.publisher", project = "acme-dev" },
    { role = "roles/cloudsql.client", project = "acme-dev" },
  ]

  sidecars = {
    proxy = {
      image   = "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.15.2"
      args    = ["--health-check", "--http-address=0.0.0.0", "--http-port=9090", "acme-dev:asia-northeast1:shop"]
      port    = 9090
      startup = { path = "/startup" }
    }
  }

  processes = {
    web    = { port = 8080, scale = { min = 2, max = 4 }, readiness = { path = "/healthz", period = "5s" } }
    worker = { command = ["/app", "worker"] }
  }
}

output "url" {
  description = "Address of the shop inside of the cluster."
  value       = module.shop.url
}
