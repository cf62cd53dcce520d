mock_provider "twelvefactor" {
  mock_resource "twelvefactor_service" {
    defaults = { status = "ready" }
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
