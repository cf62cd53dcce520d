# A public API on Cloud Run that scales to zero, with a session key, and a second one that only named callers reach.

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

output "urls" {
  description = "Addresses of the services."
  value       = [module.api.url, module.reports.url]
}
