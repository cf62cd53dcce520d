terraform import twelvefactor_namespace.shop projects/acme-dev/locations/asia-northeast1/clusters/dev/namespaces/shop
