# A cluster that somebody else makes, in another configuration or by hand.
data "twelvefactor_cluster" "shared" {
  name     = "shared"
  location = "asia-northeast1"

  lifecycle {
    postcondition {
      condition     = self.status == "ready"
      error_message = "Cluster shared is ${self.status}."
    }
  }
}

resource "twelvefactor_workload_identity" "shop" {
  name      = "shop"
  cluster   = data.twelvefactor_cluster.shared.id
  namespace = "shop"
}

output "spot_pools" {
  value = [for name, pool in data.twelvefactor_cluster.shared.node_pools : name if pool.capacity == "spot"]
}
