# Files of config and of secrets. On GKE each is mounted at its path, beside what the image has there. On Cloud Run their
# directories are mounted: give the files directories of their own, one for config_files and one for each secret.
resource "twelvefactor_session_key" "cookies" {
  name     = "cookie-key"
  encoding = "raw"
  keep     = 0
}

resource "twelvefactor_service" "catalog" {
  name  = "catalog"
  image = "asia-docker.pkg.dev/acme/shop/catalog:4d5e6f7"
  gke   = { cluster = twelvefactor_cluster.dev.id, namespace = "catalog" }

  config       = { FEATURES = "/etc/catalog/conf/features.toml", COOKIE_KEY = "/etc/catalog/cookies/key" }
  config_files = { "/etc/catalog/conf/features.toml" = "checkout = true\n" } # or file("features.toml")
  secret_files = { "/etc/catalog/cookies/key" = twelvefactor_session_key.cookies.version_id }

  processes = {
    web = { scratch = { "/tmp" = "64Mi", "/var/cache/catalog" = "1Gi" } } # all that is writable on GKE
  }
}

resource "twelvefactor_service" "catalog_api" {
  name      = "catalog-api"
  image     = "asia-docker.pkg.dev/acme/shop/catalog:4d5e6f7"
  cloud_run = { location = "asia-northeast1" }

  config       = { FEATURES = "/etc/catalog/conf/features.toml", COOKIE_KEY = "/etc/catalog/cookies/key" }
  config_files = { "/etc/catalog/conf/features.toml" = "checkout = true\n" }
  secret_files = { "/etc/catalog/cookies/key" = twelvefactor_session_key.cookies.version_id }

  processes = { web = {} }
}
