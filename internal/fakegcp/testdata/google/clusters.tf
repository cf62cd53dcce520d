resource "google_container_cluster" "dev" {
  name                     = "dev"
  location                 = "asia-northeast1"
  remove_default_node_pool = true
  initial_node_count       = 1
  deletion_protection      = false
  resource_labels          = { team = local.team }

  workload_identity_config {
    workload_pool = "${local.project}.svc.id.goog"
  }
}

resource "google_container_node_pool" "spot" {
  name               = "spot"
  location           = google_container_cluster.dev.location
  cluster            = google_container_cluster.dev.name
  initial_node_count = 1

  autoscaling {
    min_node_count = 0
    max_node_count = var.release == 1 ? 3 : 5
  }

  node_config {
    machine_type = "e2-standard-2"
    spot         = true
    labels       = { class = "spot" }

    workload_metadata_config {
      mode = "GKE_METADATA"
    }
  }
}

# node_count is read from the managed instance groups of Compute Engine.
resource "google_container_node_pool" "base" {
  name       = "base"
  location   = google_container_cluster.dev.location
  cluster    = google_container_cluster.dev.name
  node_count = var.release

  node_config {
    machine_type = "e2-standard-2"
  }
}

resource "google_container_cluster" "inline" {
  name                = "inline"
  location            = "asia-northeast1-a"
  deletion_protection = false

  node_pool {
    name       = "only"
    node_count = 1

    node_config {
      machine_type = "e2-standard-2"
    }
  }
}

data "google_container_cluster" "dev" {
  name     = google_container_cluster.dev.name
  location = google_container_cluster.dev.location
}
