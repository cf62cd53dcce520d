output "cluster" {
  description = "Full name of the cluster."
  value       = twelvefactor_cluster.dev.id
}

output "public_api_url" {
  description = "Address of the public API."
  value       = twelvefactor_service.public_api.url
}

output "session_key_version" {
  description = "Secret version that the shop signs its sessions with."
  value       = twelvefactor_session_key.shop.version_id
}

output "shop_url" {
  description = "Address of the shop inside of the cluster."
  value       = twelvefactor_service.shop.url
}

output "wiring" {
  description = "Every object that the services are made of, by full name."
  value = {
    shop       = twelvefactor_service.shop.objects
    public_api = twelvefactor_service.public_api.objects
  }
}
