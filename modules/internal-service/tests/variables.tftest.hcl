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

run "files_sidecars_and_settings_reach_the_service" {
  command = apply
  variables {
    config_files = { "/etc/shop/app.toml" = "checkout = true" }
    secret_files = { "/etc/shop/tls/key" = "projects/acme-dev/secrets/tls/versions/3" }
    sidecars = {
      proxy = { image = "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14.1", port = 9090, startup = { path = "/startup" } }
      agent = { image = "asia-docker.pkg.dev/acme/agent:1.0", after = ["proxy"], processes = ["web"] }
    }
    processes = {
      web    = { startup = { path = "/healthz", period = "5s", timeout = "2s", failure_threshold = 12 } }
      worker = { port = 9100, liveness = { grpc = true, grpc_service = "worker" } }
    }
    annotations  = { "prometheus.io/scrape" = "true" }
    image_owner  = "external"
    drift_ignore = ["Deployment spec.template.spec.containers[*].resources"]
    rerender     = true
    gke          = { session_affinity = true, identity_wait = { image = "asia-docker.pkg.dev/acme/mirror/busybox:1.37.0", timeout = "90s" } }
    timeouts     = { update = "30m" }
  }
  assert {
    condition     = keys(twelvefactor_service.this.config_files) == tolist(["/etc/shop/app.toml"]) && keys(twelvefactor_service.this.secret_files) == tolist(["/etc/shop/tls/key"])
    error_message = "Files must be mounted."
  }
  assert {
    condition     = twelvefactor_service.this.sidecars.proxy.startup.path == "/startup" && twelvefactor_service.this.sidecars.agent.after == toset(["proxy"])
    error_message = "Sidecars must be passed on with their checks and their order."
  }
  assert {
    condition     = twelvefactor_service.this.processes.web.startup.failure_threshold == 12 && twelvefactor_service.this.processes.worker.liveness.grpc_service == "worker"
    error_message = "Checks must be passed on with all that they say."
  }
  assert {
    condition = alltrue([
      twelvefactor_service.this.annotations["prometheus.io/scrape"] == "true", twelvefactor_service.this.image_owner == "external",
      length(twelvefactor_service.this.drift_ignore) == 1, twelvefactor_service.this.rerender, twelvefactor_service.this.timeouts.update == "30m",
    ])
    error_message = "Annotations, owner of the image, ignored drift, rerender and timeouts must be passed on."
  }
  assert {
    condition = alltrue([
      twelvefactor_service.this.gke.session_affinity, twelvefactor_service.this.gke.identity_wait.timeout == "90s",
      twelvefactor_service.this.gke.namespace == "shop", twelvefactor_service.this.gke.cluster == var.cluster,
    ])
    error_message = "Settings of GKE must be passed on beside cluster, namespace and capacity."
  }
}

run "kept_secrets_and_session_key_as_files" {
  command = apply
  variables {
    session_key   = { encoding = "raw", keep = 0, file = "/etc/shop/keys/session" }
    secrets       = { TLS_KEY = { name = "tls-key", value_version = "1", file = "/etc/shop/tls/key" }, TOKEN = { name = "token", value_version = "1" } }
    secret_values = { TLS_KEY = "not-a-secret", TOKEN = "not-a-secret" }
  }
  assert {
    condition     = keys(twelvefactor_service.this.secrets) == tolist(["TOKEN"])
    error_message = "What has a file is no environment."
  }
  assert {
    condition     = twelvefactor_service.this.secret_files["/etc/shop/keys/session"] == twelvefactor_session_key.this["this"].version_id && twelvefactor_service.this.secret_files["/etc/shop/tls/key"] == twelvefactor_secret.this["TLS_KEY"].version_id
    error_message = "Session key and secret must be mounted as files."
  }
  assert {
    condition     = twelvefactor_session_key.this["this"].encoding == "raw"
    error_message = "The encoding of the session key must be passed on."
  }
}

run "an_identity_made_elsewhere_is_used" {
  command = apply
  variables { identity = "projects/acme-dev/locations/asia-northeast1/clusters/dev/namespaces/shop/serviceAccounts/shared" }
  assert {
    condition     = twelvefactor_service.this.identity == var.identity && length(twelvefactor_workload_identity.this) == 0
    error_message = "The service must run as the identity that is named."
  }
}

run "grants_beside_an_identity_are_rejected" {
  command = plan
  variables {
    identity = "projects/acme-dev/locations/asia-northeast1/clusters/dev/namespaces/shop/serviceAccounts/shared"
    grants   = [{ role = "roles/pubsub.publisher", project = "acme-dev" }]
  }
  expect_failures = [var.identity]
}

run "a_relative_config_file_is_rejected" {
  command = plan
  variables {
    config_files = { "etc/app.toml" = "x" }
  }
  expect_failures = [var.config_files]
}

run "an_unpinned_secret_file_is_rejected" {
  command = plan
  variables {
    secret_files = { "/etc/shop/tls/key" = "projects/acme-dev/secrets/tls/versions/latest" }
  }
  expect_failures = [var.secret_files]
}

run "a_sidecar_of_an_image_that_moves_is_rejected" {
  command = plan
  variables {
    sidecars = { proxy = { image = "acme/proxy:latest" } }
  }
  expect_failures = [var.sidecars]
}

run "a_sidecar_with_the_name_of_a_process_is_rejected" {
  command = plan
  variables {
    sidecars = { web = { image = "acme/proxy:1" } }
  }
  expect_failures = [var.sidecars]
}

run "a_relative_file_of_a_secret_is_rejected" {
  command = plan
  variables {
    secrets = { TLS_KEY = { name = "tls-key", value_version = "1", file = "tls.key" } }
  }
  expect_failures = [var.secrets]
}

run "the_same_name_for_two_secrets_is_rejected" {
  command = plan
  variables {
    secrets         = { TOKEN = { name = "token", value_version = "1" } }
    secret_versions = { TOKEN = "projects/acme-dev/secrets/token/versions/3" }
  }
  expect_failures = [var.secrets]
}

run "a_raw_session_key_as_environment_is_rejected" {
  command = plan
  variables { session_key = { encoding = "raw", keep = 0 } }
  expect_failures = [var.session_key]
}

run "a_relative_file_of_the_session_key_is_rejected" {
  command = plan
  variables { session_key = { file = "session" } }
  expect_failures = [var.session_key]
}

run "an_unknown_image_owner_is_rejected" {
  command = plan
  variables { image_owner = "ci" }
  expect_failures = [var.image_owner]
}

run "a_path_without_an_object_in_drift_ignore_is_rejected" {
  command = plan
  variables { drift_ignore = ["spec.replicas"] }
  expect_failures = [var.drift_ignore]
}

run "a_wait_of_an_image_that_is_not_pinned_is_rejected" {
  command = plan
  variables { gke = { identity_wait = { image = "busybox" } } }
  expect_failures = [var.gke]
}

run "a_timeout_without_a_unit_is_rejected" {
  command = plan
  variables { timeouts = { create = "30" } }
  expect_failures = [var.timeouts]
}
