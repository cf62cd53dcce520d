mock_provider "twelvefactor" {
  mock_resource "twelvefactor_cluster" {
    defaults = { status = "ready" }
  }
}

variables {
  name        = "dev"
  environment = "development"
  location    = "asia-northeast1"
}

run "development_is_mostly_spot_and_may_be_deleted" {
  command = apply
  assert {
    condition     = twelvefactor_cluster.this.node_pools.spot.capacity == "spot" && twelvefactor_cluster.this.node_pools.base.max_nodes == 2
    error_message = "Development needs a Spot pool and a small on-demand one."
  }
  assert {
    condition     = twelvefactor_cluster.this.deletion_protection == false
    error_message = "A development cluster must not be protected from deletion."
  }
}

run "production_is_protected_and_over_all_zones" {
  command = apply
  variables { environment = "production" }
  assert {
    condition     = twelvefactor_cluster.this.deletion_protection && twelvefactor_cluster.this.node_pools.base.min_nodes == 3
    error_message = "Production needs protection from deletion and a node in each zone."
  }
}

run "own_pools_replace_the_defaults" {
  command = apply
  variables {
    node_pools = { only = { machine_type = "e2-standard-2", capacity = "preemptible", max_nodes = 4 } }
  }
  assert {
    condition     = keys(twelvefactor_cluster.this.node_pools) == tolist(["only"])
    error_message = "Own pools must replace the environment's."
  }
}

run "an_unknown_environment_is_rejected" {
  command = plan
  variables { environment = "staging" }
  expect_failures = [var.environment]
}

run "an_upper_case_name_is_rejected" {
  command = plan
  variables { name = "Dev" }
  expect_failures = [var.name]
}

run "a_fraction_of_a_node_is_rejected" {
  command = plan
  variables { max_nodes = 3.5 }
  expect_failures = [var.max_nodes]
}

run "a_pool_with_min_above_max_is_rejected" {
  command = plan
  variables {
    node_pools = { base = { machine_type = "e2-standard-2", min_nodes = 3, max_nodes = 2 } }
  }
  expect_failures = [var.node_pools]
}

run "an_unknown_capacity_is_rejected" {
  command = plan
  variables {
    node_pools = { base = { machine_type = "e2-standard-2", capacity = "cheap", max_nodes = 2 } }
  }
  expect_failures = [var.node_pools]
}

run "an_unknown_release_channel_is_rejected" {
  command = plan
  variables { release_channel = "nightly" }
  expect_failures = [var.release_channel]
}

run "both_kinds_of_windows_are_rejected" {
  command = plan
  variables {
    maintenance = {
      daily_start = "03:00"
      window      = { start = "2026-01-03T18:00:00Z", end = "2026-01-04T18:00:00Z", recurrence = "FREQ=DAILY" }
    }
  }
  expect_failures = [var.maintenance]
}

run "a_name_instead_of_an_id_to_upgrade_after_is_rejected" {
  command = plan
  variables { upgrade_after = { cluster = "dev" } }
  expect_failures = [var.upgrade_after]
}

run "a_version_of_something_else_is_rejected" {
  command = plan
  variables { min_version = "latest" }
  expect_failures = [var.min_version]
}

run "an_address_without_a_size_is_rejected" {
  command = plan
  variables { authorized_networks = { "203.0.113.7" = "office" } }
  expect_failures = [var.authorized_networks]
}

run "settings_reach_the_cluster" {
  command = apply
  variables {
    authorized_networks = { "203.0.113.0/24" = "office" }
    maintenance         = { daily_start = "03:00" }
    min_version         = "1.35"
    upgrade_after       = { cluster = "projects/acme-dev/locations/asia-northeast1/clusters/dev" }
    node_pools          = { base = { machine_type = "e2-standard-2", max_nodes_per_zone = 2, zones = ["asia-northeast1-a"] } }
  }
  assert {
    condition = (twelvefactor_cluster.this.maintenance.daily_start == "03:00" && twelvefactor_cluster.this.min_version == "1.35" &&
      twelvefactor_cluster.this.node_pools.base.max_nodes_per_zone == 2 &&
      twelvefactor_cluster.this.upgrade_after.soak == "168h" &&
    twelvefactor_cluster.this.authorized_networks["203.0.113.0/24"] == "office")
    error_message = "Settings must be passed on."
  }
}
