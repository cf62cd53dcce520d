terraform import twelvefactor_session_key.shop projects/acme-dev/secrets/shop-session-key
terraform import twelvefactor_session_key.regional projects/acme-dev/locations/europe-west3/secrets/shop-session-key
