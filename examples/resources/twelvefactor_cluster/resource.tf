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

# Production: versions that development has run for a week, maintenance at weekends and a freeze, nodes with an account of their own, blue-green upgrades.
resource "twelvefactor_cluster" "prod" {
  name     = "prod"
  location = "asia-northeast1"

  release_channel = "stable"
  upgrade_after   = { cluster = twelvefactor_cluster.dev.id, soak = "168h" }
  maintenance = {
    window = {
      start      = "2026-01-03T18:00:00Z"
      end        = "2026-01-04T18:00:00Z"
      recurrence = "FREQ=WEEKLY;BYDAY=SA,SU"
    }
    exclusions = {
      year-end = { start = "2026-12-20T00:00:00Z", end = "2027-01-05T00:00:00Z" }
    }
  }
  authorized_networks = { "203.0.113.0/24" = "office" }

  node_pools = {
    base = {
      machine_type       = "n2-standard-4"
      min_nodes_per_zone = 1
      max_nodes_per_zone = 5
      disk_type          = "pd-ssd"
      upgrade            = { blue_green = { batch_percent = 25, batch_soak = "10m", soak = "2h" } }
    }
    spot = { machine_type = "n2-standard-4", capacity = "spot", max_nodes = 20, labels = { team = "batch" } }
  }

  deletion_protection = false # true, once it serves

  timeouts = { update = "4h" } # a new machine type takes the batches and the soak of 2h
}
