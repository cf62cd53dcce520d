mock_provider "twelvefactor" {
  mock_resource "twelvefactor_service" {
    defaults = { status = "ready" }
  }
  mock_resource "twelvefactor_session_key" {
    defaults = { status = "ready", version_id = "projects/acme-dev/secrets/shop-session-key/versions/1" }
  }
  mock_resource "twelvefactor_secret" {
    defaults = { status = "ready", version_id = "projects/acme-dev/secrets/payments-api-key/versions/1" }
  }
  mock_resource "twelvefactor_workload_identity" {
    defaults = { status = "ready", id = "projects/acme-dev/locations/asia-northeast1/clusters/dev/namespaces/shop/serviceAccounts/shop" }
  }
}

variables {
  name    = "shop"
  image   = "asia-docker.pkg.dev/acme/shop/web:1a2b3c4"
  cluster = "projects/acme-dev/locations/asia-northeast1/clusters/dev"
}

run "a_session_key_is_wired_by_default" {
  command = apply
  assert {
    condition     = twelvefactor_service.this.secrets.SESSION_KEYS == "projects/acme-dev/secrets/shop-session-key/versions/1"
    error_message = "SESSION_KEYS must hold the session key's version."
  }
  assert {
    condition     = twelvefactor_service.this.gke.namespace == "shop" && length(twelvefactor_workload_identity.this) == 0
    error_message = "The namespace is the service's name, and without grants the service makes its own identity."
  }
}

run "grants_make_an_identity" {
  command = apply
  variables {
    grants = [{ role = "roles/pubsub.publisher", project = "acme-dev" }]
  }
  assert {
    condition     = twelvefactor_service.this.identity == twelvefactor_workload_identity.this[0].id
    error_message = "The service must run as the identity that holds the grants."
  }
}

run "a_kept_secret_is_wired" {
  command = apply
  variables {
    session_key   = null
    secrets       = { PAYMENTS_API_KEY = { name = "payments-api-key", value_version = "1" } }
    secret_values = { PAYMENTS_API_KEY = "not-a-secret" }
  }
  assert {
    condition     = keys(twelvefactor_service.this.secrets) == tolist(["PAYMENTS_API_KEY"])
    error_message = "Only the kept secret is wired when session_key is null."
  }
}

run "latest_is_rejected" {
  command = plan
  variables { image = "asia-docker.pkg.dev/acme/shop/web:latest" }
  expect_failures = [var.image]
}

run "an_image_without_a_tag_is_rejected" {
  command = plan
  variables { image = "asia-docker.pkg.dev/acme/shop/web" }
  expect_failures = [var.image]
}

run "a_short_cluster_name_is_rejected" {
  command = plan
  variables { cluster = "dev" }
  expect_failures = [var.cluster]
}

run "an_unknown_capacity_is_rejected" {
  command = plan
  variables { capacity = "preemptible" }
  expect_failures = [var.capacity]
}

run "a_grant_on_both_is_rejected" {
  command = plan
  variables {
    grants = [{ role = "roles/viewer", project = "acme-dev", secret = "projects/acme-dev/secrets/x" }]
  }
  expect_failures = [var.grants]
}

run "no_process_is_rejected" {
  command = plan
  variables { processes = {} }
  expect_failures = [var.processes]
}

run "a_regional_secret_version_is_accepted" {
  command = plan
  variables {
    secret_versions = { TOKEN = "projects/acme-dev/locations/europe-west3/secrets/token/versions/3" }
  }
}

run "an_unpinned_secret_version_is_rejected" {
  command = plan
  variables {
    secret_versions = { TOKEN = "projects/acme-dev/secrets/token/versions/latest" }
  }
  expect_failures = [var.secret_versions]
}

run "a_bad_name_is_rejected" {
  command = plan
  variables { name = "shop_1" }
  expect_failures = [var.name]
}
