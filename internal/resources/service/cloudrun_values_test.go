package service

// everythingOfRun is a cloud_run block with every attribute that goes with the others.
func everythingOfRun() object {
	return object{
		"location": "asia-northeast1", "public": true, "ingress": "internal_and_load_balancing", "default_uri_disabled": true,
		"custom_audiences": []any{"https://b.example.com", "https://a.example.com"}, "session_affinity": true, "cpu_always_allocated": true,
		"startup_cpu_boost": false, "execution_environment": "gen2", "request_timeout": "1m", "protocol": "h2c",
		"revision_scale": object{"min": 1, "max": 50},
		"vpc":            object{"network": "shared", "subnetwork": "apps", "tags": []any{"b", "a"}, "egress": "all_traffic"},
	}
}
