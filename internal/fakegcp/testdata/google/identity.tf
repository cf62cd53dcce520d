resource "google_service_account" "app" {
  account_id   = "app-runner"
  display_name = "App of ${local.team}"
}

# The identity pool comes with the first cluster that uses it.
resource "google_service_account_iam_member" "app" {
  service_account_id = google_service_account.app.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${google_container_cluster.dev.workload_identity_config[0].workload_pool}[shop/web]"
}

resource "google_project_iam_member" "logs" {
  project = local.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.app.member
}

resource "google_project_iam_member" "metrics" {
  project = local.project
  role    = "roles/monitoring.metricWriter"
  member  = google_service_account.app.member

  condition {
    title      = "until-2030"
    expression = "request.time < timestamp(\"2030-01-01T00:00:00Z\")"
  }
}

resource "google_secret_manager_secret" "database" {
  secret_id = "database"
  labels    = { team = local.team }

  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_version" "database" {
  secret      = google_secret_manager_secret.database.id
  secret_data = "password-${var.release}"
}

resource "google_secret_manager_secret_iam_member" "database" {
  secret_id = google_secret_manager_secret.database.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.app.member
}

resource "google_secret_manager_secret" "regional" {
  secret_id = "regional"

  replication {
    user_managed {
      replicas {
        location = "asia-northeast1"
      }
    }
  }
}

resource "google_secret_manager_secret_version" "regional" {
  secret                 = google_secret_manager_secret.regional.id
  secret_data_wo         = "never-in-the-state"
  secret_data_wo_version = var.release
}
