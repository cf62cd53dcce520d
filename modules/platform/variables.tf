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
    min_nodes       = optional(number, 0)
    max_nodes       = number
    disk_gb         = optional(number)
    labels          = optional(map(string))
    service_account = optional(string)
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
    condition     = alltrue([for p in coalesce(var.node_pools, {}) : p.min_nodes <= p.max_nodes])
    error_message = "Min_nodes of a node pool must not be above its max_nodes. Example: base = { machine_type = \"e2-standard-2\", min_nodes = 1, max_nodes = 2 }."
  }
}

variable "project" {
  description = "Google Cloud project. Null: the provider's project."
  type        = string
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

variable "subnetwork" {
  description = "Subnetwork of the nodes. Null: the network's own in this region."
  type        = string
  default     = null
}
