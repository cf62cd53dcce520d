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
