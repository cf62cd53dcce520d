locals {
  # Development runs on Spot nodes, with one small on-demand pool for what must not be preempted. Production runs on
  # demand, and keeps a Spot pool at hand for services with capacity = "mixed".
  _defaults = {
    development = {
      deletion_protection = false
      node_pools = {
        base = { machine_type = var.machine_type, capacity = "on_demand", min_nodes = 1, max_nodes = 2 }
        spot = { machine_type = var.machine_type, capacity = "spot", min_nodes = 0, max_nodes = var.max_nodes }
      }
      release_channel = "regular"
    }
    production = {
      deletion_protection = true
      node_pools = {
        base = { machine_type = var.machine_type, capacity = "on_demand", min_nodes = 3, max_nodes = var.max_nodes }
        spot = { machine_type = var.machine_type, capacity = "spot", min_nodes = 0, max_nodes = var.max_nodes }
      }
      release_channel = "stable"
    }
  }

  _environment = local._defaults[var.environment]

  # Not coalesce: it would convert the pools of the variable to the object type of the defaults, and lose their names.
  _node_pools = [for pools in [var.node_pools, local._environment.node_pools] : pools if pools != null][0]
}

resource "twelvefactor_cluster" "this" {
  name                = var.name
  project             = var.project
  location            = var.location
  network             = var.network
  subnetwork          = var.subnetwork
  pods_range          = var.pods_range
  services_range      = var.services_range
  private_nodes       = var.private_nodes
  public_endpoint     = var.public_endpoint
  authorized_networks = var.authorized_networks
  maintenance         = var.maintenance
  upgrade_after       = var.upgrade_after
  min_version         = var.min_version
  node_pools          = local._node_pools
  release_channel     = coalesce(var.release_channel, local._environment.release_channel)
  labels              = merge({ environment = var.environment }, var.labels)
  deletion_protection = coalesce(var.deletion_protection, local._environment.deletion_protection)

  lifecycle {
    postcondition {
      condition     = self.status == "ready"
      error_message = "Cluster ${var.name} is ${self.status}: apply again when the reason in the warning is gone."
    }
  }
}
