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
