output "id" {
  description = "Full name of the cluster: what services take as gke.cluster."
  value       = twelvefactor_cluster.this.id
}

output "status" {
  description = "Status of the cluster: ready, creating or degraded."
  value       = twelvefactor_cluster.this.status
}

output "workload_pool" {
  description = "Workload Identity pool of the cluster."
  value       = twelvefactor_cluster.this.workload_pool
}
