mock_provider "twelvefactor" {
  mock_resource "twelvefactor_service" {
    defaults = { status = "ready" }
  }
  mock_resource "twelvefactor_session_key" {
    defaults = { status = "ready", version_id = "projects/acme-dev/secrets/public-api-session-key/versions/1" }
  }
  mock_resource "twelvefactor_secret" {
    defaults = { status = "ready", version_id = "projects/acme-dev/secrets/tls-key/versions/1" }
  }
  mock_resource "twelvefactor_workload_identity" {
    defaults = { status = "ready", id = "projects/acme-dev/serviceAccounts/public-api@acme-dev.iam.gserviceaccount.com" }
  }
}

variables {
  name     = "public-api"
  image    = "asia-docker.pkg.dev/acme/api/server:2.0.0"
  location = "asia-northeast1"
}

run "it_is_public_and_scales_to_zero_by_default" {
  command = apply
  assert {
    condition     = twelvefactor_service.this.cloud_run.public && twelvefactor_service.this.processes.web.scale.min == 0
    error_message = "The API is public and scales to zero."
  }
}

run "latest_is_rejected" {
  command = plan
  variables { image = "asia-docker.pkg.dev/acme/api/server:latest" }
  expect_failures = [var.image]
}

run "an_unknown_ingress_is_rejected" {
  command = plan
  variables { ingress = "everywhere" }
  expect_failures = [var.ingress]
}

run "min_above_max_is_rejected" {
  command = plan
  variables {
    scale = { min = 5, max = 2 }
  }
  expect_failures = [var.scale]
}

run "a_port_out_of_range_is_rejected" {
  command = plan
  variables { port = 70000 }
  expect_failures = [var.port]
}

run "a_bad_name_is_rejected" {
  command = plan
  variables { name = "Public" }
  expect_failures = [var.name]
}

run "a_regional_secret_version_is_rejected" {
  command = plan
  variables {
    secret_versions = { TOKEN = "projects/acme-dev/locations/europe-west3/secrets/token/versions/3" }
  }
  expect_failures = [var.secret_versions]
}

run "an_unpinned_secret_version_is_rejected" {
  command = plan
  variables {
    secret_versions = { TOKEN = "projects/acme-dev/secrets/token/versions/latest" }
  }
  expect_failures = [var.secret_versions]
}

run "files_sidecars_workers_and_settings_reach_the_service" {
  command = apply
  variables {
    args         = ["serve"]
    config_files = { "/etc/api/conf/app.toml" = "checkout = true" }
    secret_files = { "/etc/api/tls/key" = "projects/acme-dev/secrets/tls/versions/3" }
    sidecars     = { proxy = { image = "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14.1", port = 9090, startup = { path = "/startup" } } }
    checks       = { readiness = { path = "/readyz", period = "5s" }, liveness = { grpc = true, grpc_service = "api" } }
    resources    = { memory = "1Gi", scratch = { "/var/cache/api" = "128Mi" } }
    workers = {
      outbox = { command = ["/app", "outbox"], port = 9100, liveness = { path = "/live" }, instances = 2 }
      mail   = { command = ["/app", "mail"] }
    }
    annotations  = { "acme.example/runbook" = "https://runbooks.acme.example/api" }
    image_owner  = "external"
    drift_ignore = ["Service template.labels"]
    rerender     = true
    timeouts     = { update = "30m" }
  }
  assert {
    condition     = keys(twelvefactor_service.this.config_files) == tolist(["/etc/api/conf/app.toml"]) && keys(twelvefactor_service.this.secret_files) == tolist(["/etc/api/tls/key"])
    error_message = "Files must be mounted."
  }
  assert {
    condition = alltrue([
      twelvefactor_service.this.processes.web.args == tolist(["serve"]), twelvefactor_service.this.processes.web.readiness.period == "5s",
      twelvefactor_service.this.processes.web.liveness.grpc_service == "api", twelvefactor_service.this.processes.web.scratch["/var/cache/api"] == "128Mi",
    ])
    error_message = "Arguments, checks and writable paths are web's."
  }
  assert {
    condition = alltrue([
      twelvefactor_service.this.processes.outbox.scale.min == 2, twelvefactor_service.this.processes.outbox.scale.max == 2,
      twelvefactor_service.this.processes.outbox.liveness.path == "/live", twelvefactor_service.this.processes.mail.scale.max == 1,
    ])
    error_message = "Workers have a fixed number of instances and checks of their own."
  }
  assert {
    condition = alltrue([
      twelvefactor_service.this.sidecars.proxy.startup.path == "/startup", twelvefactor_service.this.image_owner == "external",
      length(twelvefactor_service.this.annotations) == 1, length(twelvefactor_service.this.drift_ignore) == 1, twelvefactor_service.this.rerender,
      twelvefactor_service.this.timeouts.update == "30m",
    ])
    error_message = "Sidecars, annotations, owner of the image, ignored drift, rerender and timeouts must be passed on."
  }
}

run "settings_of_cloud_run_reach_the_service" {
  command = apply
  variables {
    cloud_run = {
      cpu_always_allocated  = true
      custom_audiences      = ["https://api.example.com"]
      default_uri_disabled  = true
      execution_environment = "gen2"
      invoker_iam_disabled  = true
      protocol              = "h2c"
      request_timeout       = "60s"
      revision_scale        = { max = 50 }
      session_affinity      = true
      startup_cpu_boost     = false
      vpc                   = { subnetwork = "apps", egress = "all_traffic", tags = ["egress-database"] }
    }
  }
  assert {
    condition = alltrue([
      twelvefactor_service.this.cloud_run.cpu_always_allocated, twelvefactor_service.this.cloud_run.custom_audiences == toset(["https://api.example.com"]),
      twelvefactor_service.this.cloud_run.default_uri_disabled, twelvefactor_service.this.cloud_run.execution_environment == "gen2",
      twelvefactor_service.this.cloud_run.protocol == "h2c", twelvefactor_service.this.cloud_run.request_timeout == "60s",
      twelvefactor_service.this.cloud_run.revision_scale.max == 50, twelvefactor_service.this.cloud_run.session_affinity,
      !twelvefactor_service.this.cloud_run.startup_cpu_boost,
    ])
    error_message = "Settings of Cloud Run must be passed on."
  }
  assert {
    condition     = twelvefactor_service.this.cloud_run.vpc.subnetwork == "apps" && twelvefactor_service.this.cloud_run.vpc.egress == "all_traffic" && length(twelvefactor_service.this.cloud_run.vpc.tags) == 1
    error_message = "The way into the network must be passed on."
  }
  assert {
    condition     = twelvefactor_service.this.cloud_run.invoker_iam_disabled && !twelvefactor_service.this.cloud_run.public
    error_message = "Where the check of callers is off, nothing is granted to allUsers."
  }
}

run "kept_secrets_and_session_key_as_files" {
  command = apply
  variables {
    session_key   = { encoding = "raw", keep = 0, file = "/etc/api/session/key" }
    secrets       = { TLS_KEY = { name = "tls-key", value_version = "1", file = "/etc/api/tls/key" } }
    secret_values = { TLS_KEY = "not-a-secret" }
  }
  assert {
    condition     = length(twelvefactor_service.this.secrets) == 0 && keys(twelvefactor_service.this.secret_files) == tolist(["/etc/api/session/key", "/etc/api/tls/key"])
    error_message = "What has a file is mounted, and no environment."
  }
  assert {
    condition     = twelvefactor_session_key.this["this"].encoding == "raw"
    error_message = "The encoding of the session key must be passed on."
  }
}

run "grants_make_an_identity" {
  command = apply
  variables {
    grants = [{ role = "roles/cloudsql.client", project = "acme-dev" }]
  }
  assert {
    condition     = twelvefactor_service.this.identity == twelvefactor_workload_identity.this[0].id && twelvefactor_workload_identity.this[0].mode == "service_account"
    error_message = "The API must run as the account that holds the grants."
  }
}

run "a_grant_on_both_is_rejected" {
  command = plan
  variables {
    grants = [{ role = "roles/viewer", project = "acme-dev", secret = "projects/acme-dev/secrets/x" }]
  }
  expect_failures = [var.grants]
}

run "grants_beside_an_identity_are_rejected" {
  command = plan
  variables {
    identity = "projects/acme-dev/serviceAccounts/api@acme-dev.iam.gserviceaccount.com"
    grants   = [{ role = "roles/cloudsql.client", project = "acme-dev" }]
  }
  expect_failures = [var.identity]
}

run "an_open_api_that_is_not_public_is_rejected" {
  command = plan
  variables {
    public    = false
    cloud_run = { invoker_iam_disabled = true }
  }
  expect_failures = [var.cloud_run]
}

run "a_way_into_no_network_is_rejected" {
  command = plan
  variables { cloud_run = { vpc = { egress = "all_traffic" } } }
  expect_failures = [var.cloud_run]
}

run "an_unknown_egress_is_rejected" {
  command = plan
  variables { cloud_run = { vpc = { network = "default", egress = "everything" } } }
  expect_failures = [var.cloud_run]
}

run "a_check_that_asks_twice_is_rejected" {
  command = plan
  variables { checks = { startup = { path = "/healthz", tcp = true } } }
  expect_failures = [var.checks]
}

run "a_worker_called_web_is_rejected" {
  command = plan
  variables { workers = { web = {} } }
  expect_failures = [var.workers]
}

run "half_a_worker_is_rejected" {
  command = plan
  variables { workers = { outbox = { instances = 0.5 } } }
  expect_failures = [var.workers]
}

run "a_relative_config_file_is_rejected" {
  command = plan
  variables {
    config_files = { "etc/app.toml" = "x" }
  }
  expect_failures = [var.config_files]
}

run "a_regional_secret_file_is_rejected" {
  command = plan
  variables {
    secret_files = { "/etc/api/tls/key" = "projects/acme-dev/locations/europe-west3/secrets/tls/versions/3" }
  }
  expect_failures = [var.secret_files]
}

run "a_sidecar_of_an_image_that_moves_is_rejected" {
  command = plan
  variables {
    sidecars = { proxy = { image = "acme/proxy" } }
  }
  expect_failures = [var.sidecars]
}

run "a_sidecar_with_the_name_of_a_worker_is_rejected" {
  command = plan
  variables {
    sidecars = { outbox = { image = "acme/proxy:1" } }
    workers  = { outbox = {} }
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
  variables { drift_ignore = ["traffic"] }
  expect_failures = [var.drift_ignore]
}

run "a_timeout_without_a_unit_is_rejected" {
  command = plan
  variables { timeouts = { create = "30" } }
  expect_failures = [var.timeouts]
}
