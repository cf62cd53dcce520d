# The runtime account of a Cloud Run service that may publish to Pub/Sub.
resource "twelvefactor_workload_identity" "publisher" {
  name = "publisher"
  mode = "service_account"

  grants = [
    { role = "roles/pubsub.publisher", project = "acme-dev" },
  ]
}

# A workload on GKE, without a Google service account.
resource "twelvefactor_cluster" "dev" {
  name       = "dev"
  location   = "asia-northeast1"
  node_pools = { base = { machine_type = "e2-standard-2", min_nodes = 1, max_nodes = 2 } }
}

resource "twelvefactor_workload_identity" "reports" {
  name      = "reports"
  cluster   = twelvefactor_cluster.dev.id
  namespace = "reports"

  grants = [
    { role = "roles/bigquery.jobUser", project = "acme-dev" },
  ]
}
