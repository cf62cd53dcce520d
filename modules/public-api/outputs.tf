output "id" {
  description = "Full name of the service."
  value       = twelvefactor_service.this.id
}

output "image_digest" {
  description = "Digest of the image that runs, whoever deployed it; null while the runtime does not tell."
  value       = twelvefactor_service.this.image_digest
}

output "objects" {
  description = "Every object that the service is made of, by full name."
  value       = twelvefactor_service.this.objects
}

output "release_id" {
  description = "Release that is declared: it changes with image, config, secret versions and commands."
  value       = twelvefactor_service.this.release_id
}

output "url" {
  description = "Address of the API."
  value       = twelvefactor_service.this.url
}
