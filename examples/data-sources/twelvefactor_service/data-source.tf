# A service that another configuration makes.
data "twelvefactor_service" "orders" {
  name      = "orders"
  cloud_run = { location = "asia-northeast1" }

  lifecycle {
    postcondition {
      condition     = self.status == "ready"
      error_message = "Service orders is ${self.status}."
    }
  }
}

# This one calls it.
resource "twelvefactor_service" "web" {
  name      = "web"
  image     = "asia-docker.pkg.dev/acme/web/server:2.0.0"
  cloud_run = { location = "asia-northeast1", public = true }
  config    = { ORDERS_URL = data.twelvefactor_service.orders.url }
  processes = { web = {} }
}

output "orders_release" {
  value = data.twelvefactor_service.orders.release_id
}
