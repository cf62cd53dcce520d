# The runtime account of a Cloud Run service that may publish to Pub/Sub, and sign as another account until a migration is over.
resource "twelvefactor_workload_identity" "publisher" {
  name = "publisher"
  mode = "service_account"

  grants = [
    { role = "roles/pubsub.publisher", project = "acme-dev" },
    {
      role            = "roles/iam.serviceAccountTokenCreator"
      service_account = twelvefactor_workload_identity.signer.service_account
      condition = {
        title       = "until the migration is over"
        description = "URLs are signed by the new service then"
        expression  = "request.time < timestamp('2030-01-01T00:00:00Z')"
      }
    },
  ]
}

resource "twelvefactor_workload_identity" "signer" {
  name = "signer"
  mode = "service_account"
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
