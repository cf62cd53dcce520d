resource "twelvefactor_cluster" "dev" {
  name     = "dev"
  location = "asia-northeast1"

  node_pools = {
    base = { machine_type = "e2-standard-2", min_nodes = 1, max_nodes = 2 }
    spot = { machine_type = "e2-standard-4", capacity = "spot", max_nodes = 10 }
  }

  labels = { environment = "development" }

  lifecycle {
    postcondition {
      condition     = self.status == "ready"
      error_message = "Cluster dev is ${self.status}: apply again when the reason in the warning is gone."
    }
  }
}
