variable "authorized_networks" {
  description = "Address blocks that may reach the control plane's addresses, with a name for each. Null: any may try."
  type        = map(string)
  default     = null
  validation {
    condition     = alltrue([for block in keys(coalesce(var.authorized_networks, {})) : can(cidrnetmask(block)) || can(regex(":", block))])
    error_message = "Authorized_networks must be address blocks with a name. Example: authorized_networks = { \"203.0.113.0/24\" = \"office\" }."
  }
}

variable "deletion_protection" {
  description = "Whether destroying the cluster is refused. Null: true in production, false in development."
  type        = bool
  default     = null
}

variable "environment" {
  description = "What the cluster is for: \"development\" (mostly Spot nodes) or \"production\" (on-demand nodes over all zones, protected from deletion)."
  type        = string
  nullable    = false
  validation {
    condition     = contains(["development", "production"], var.environment)
    error_message = "Environment must be \"development\" or \"production\". Example: environment = \"development\"."
  }
}

variable "labels" {
  description = "Labels of the cluster, besides environment."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "location" {
  description = "Region, or zone for a cluster in one zone. Null: the provider's region."
  type        = string
  default     = null
}

variable "machine_type" {
  description = "Machine type of the default pools."
  type        = string
  default     = "e2-standard-4"
  nullable    = false
}

variable "maintenance" {
  description = "When GKE may upgrade: daily_start, or window, and exclusions, as in twelvefactor_cluster. Null: any time."
  type = object({
    daily_start = optional(string)
    window      = optional(object({ start = string, end = string, recurrence = string }))
    exclusions  = optional(map(object({ start = string, end = optional(string), scope = optional(string) })))
  })
  default = null
  validation {
    condition     = var.maintenance == null || try(var.maintenance.daily_start, null) == null || try(var.maintenance.window, null) == null
    error_message = "Maintenance takes daily_start or window, not both. Example: maintenance = { daily_start = \"03:00\" }."
  }
}

variable "max_nodes" {
  description = "Upper bound of each large default pool, over all zones."
  type        = number
  default     = 10
  nullable    = false
  validation {
    condition     = var.max_nodes >= 3 && var.max_nodes <= 1000 && floor(var.max_nodes) == var.max_nodes
    error_message = "Max_nodes must be a whole number from 3 to 1000, the total over all zones. Example: max_nodes = 10."
  }
}

variable "min_version" {
  description = "Least version of the control plane, such as \"1.35\". Null: the channel's."
  type        = string
  default     = null
  validation {
    condition     = var.min_version == null || can(regex("^\\d+\\.\\d+(\\.\\d+(-gke\\.\\d+)?)?$", var.min_version))
    error_message = "Min_version must be a version of GKE. Example: min_version = \"1.35\"."
  }
}

variable "name" {
  description = "Name of the cluster."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$", var.name))
    error_message = "Name must have 1 to 40 lower-case letters, digits and hyphens, start with a letter and not end with a hyphen. Example: name = \"dev\"."
  }
}

variable "network" {
  description = "VPC network. Null: the provider's default."
  type        = string
  default     = null
}

variable "node_pools" {
  description = "Node pools by name, instead of the environment's own. Counts are totals over all zones."
  type = map(object({
    machine_type    = string
    capacity        = optional(string, "on_demand")
    min_nodes       = optional(number)
    max_nodes       = optional(number)
    disk_gb         = optional(number)
    disk_type       = optional(string)
    isolate         = optional(bool)
    labels          = optional(map(string))
    location_policy = optional(string)
    service_account = optional(string)
    tags            = optional(set(string))
    zones           = optional(set(string))
    # Bounds of each zone, instead of min_nodes and max_nodes.
    min_nodes_per_zone = optional(number)
    max_nodes_per_zone = optional(number)
    taints = optional(list(object({
      key    = string
      value  = optional(string)
      effect = string
    })))
  }))
  default = null
  validation {
    condition     = alltrue([for p in coalesce(var.node_pools, {}) : contains(["on_demand", "spot", "preemptible"], p.capacity)])
    error_message = "Capacity of a node pool must be \"on_demand\", \"spot\" or \"preemptible\". Example: spot = { machine_type = \"e2-standard-4\", capacity = \"spot\", max_nodes = 10 }."
  }
  validation {
    condition     = alltrue([for p in coalesce(var.node_pools, {}) : coalesce(p.min_nodes, 0) <= coalesce(p.max_nodes, 15000)])
    error_message = "Min_nodes of a node pool must not be above its max_nodes. Example: base = { machine_type = \"e2-standard-2\", min_nodes = 1, max_nodes = 2 }."
  }
}

variable "pods_range" {
  description = "Secondary range of the subnetwork for pods: a name, or a block or size for one that GKE makes. Null: GKE chooses."
  type        = string
  default     = null
}

variable "private_nodes" {
  description = "Whether nodes have internal addresses only. Null: the provider's default, true."
  type        = bool
  default     = null
}

variable "project" {
  description = "Google Cloud project. Null: the provider's project."
  type        = string
  default     = null
}

variable "public_endpoint" {
  description = "Whether the control plane has an address that is reachable from outside of the VPC. Null: the provider's default, true."
  type        = bool
  default     = null
}

variable "release_channel" {
  description = "GKE release channel: \"rapid\", \"regular\", \"stable\" or \"extended\". Null: stable in production, regular in development."
  type        = string
  default     = null
  validation {
    condition     = var.release_channel == null || contains(["rapid", "regular", "stable", "extended"], coalesce(var.release_channel, "regular"))
    error_message = "Release_channel must be \"rapid\", \"regular\", \"stable\" or \"extended\". Example: release_channel = \"regular\"."
  }
}

variable "services_range" {
  description = "Secondary range of the subnetwork for Kubernetes services, as pods_range. Null: GKE chooses."
  type        = string
  default     = null
}

variable "subnetwork" {
  description = "Subnetwork of the nodes. Null: the network's own in this region."
  type        = string
  default     = null
}

variable "upgrade_after" {
  description = "Cluster that must have run a version before GKE upgrades this one to it, its id, and for how long. Null: nobody waits."
  type        = object({ cluster = string, soak = optional(string, "168h"), granularity = optional(string) })
  default     = null
  validation {
    condition     = var.upgrade_after == null || can(regex("^projects/[^/]+/locations/[^/]+/clusters/[^/]+$", var.upgrade_after.cluster))
    error_message = "Upgrade_after.cluster must be a cluster's id. Example: upgrade_after = { cluster = \"projects/acme-dev/locations/asia-northeast1/clusters/dev\" }."
  }
}
