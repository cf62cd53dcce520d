terraform import twelvefactor_session_key.shop projects/acme-dev/secrets/shop-session-key
