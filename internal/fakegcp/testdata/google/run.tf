resource "google_cloud_run_v2_service" "web" {
  name                = "web"
  location            = "asia-northeast1"
  deletion_protection = false
  ingress             = "INGRESS_TRAFFIC_ALL"
  labels              = { team = local.team }

  template {
    service_account = google_service_account.app.email

    containers {
      image = "asia-docker.pkg.dev/acme/shop/web:${var.release}"

      env {
        name = "DATABASE_PASSWORD"
        value_source {
          secret_key_ref {
            secret  = google_secret_manager_secret.database.secret_id
            version = google_secret_manager_secret_version.database.version
          }
        }
      }

      resources {
        limits = { cpu = "1", memory = "512Mi" }
      }
    }
  }

  traffic {
    type    = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
    percent = 100
  }

  depends_on = [google_secret_manager_secret_iam_member.database]
}

resource "google_cloud_run_v2_service_iam_member" "everyone" {
  name     = google_cloud_run_v2_service.web.name
  location = google_cloud_run_v2_service.web.location
  role     = "roles/run.invoker"
  member   = "allUsers"
}

resource "google_cloud_run_v2_job" "migrate" {
  name                = "migrate"
  location            = "asia-northeast1"
  deletion_protection = false

  template {
    template {
      service_account = google_service_account.app.email
      max_retries     = var.release

      containers {
        image   = "asia-docker.pkg.dev/acme/shop/web:${var.release}"
        command = ["migrate"]
      }
    }
  }
}

resource "google_cloud_run_v2_worker_pool" "mail" {
  name                = "mail"
  location            = "asia-northeast1"
  deletion_protection = false

  scaling {
    manual_instance_count = var.release
  }

  template {
    service_account = google_service_account.app.email

    containers {
      image = "asia-docker.pkg.dev/acme/shop/mail:1"
    }
  }
}
