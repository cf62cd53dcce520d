# Clusters for both environments. Development runs on Spot nodes; production is protected from deletion.
# deletion_protection is set here only because this example is applied and destroyed by a test.

provider "twelvefactor" {
  project = "acme-dev"
  region  = "asia-northeast1"
}

module "development" {
  source = "../../../modules/platform"

  name        = "dev"
  environment = "development"
  location    = "asia-northeast1"
}

module "production" {
  source = "../../../modules/platform"

  name                = "prod"
  environment         = "production"
  location            = "asia-northeast1"
  deletion_protection = false
  labels              = { cost-center = "shop" }
}

output "clusters" {
  description = "Full names of the clusters."
  value       = [module.development.id, module.production.id]
}
