# On GKE:
terraform import twelvefactor_service.shop projects/acme-dev/locations/asia-northeast1/clusters/dev/namespaces/shop/services/shop

# On Cloud Run:
terraform import twelvefactor_service.public_api projects/acme-dev/locations/asia-northeast1/services/public-api
