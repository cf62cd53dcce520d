package gcp

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Endpoint is where one API is reached.
type Endpoint struct {
	// Host is HOST:PORT.
	Host string
	// Plain is true for http, which is for loopback addresses only.
	Plain bool
}

// ParseEndpoint reads https://HOST[:PORT] or, for a loopback address, http://HOST:PORT. A path is refused: the APIs
// are called by gRPC, which has none.
func ParseEndpoint(raw string) (Endpoint, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return Endpoint{}, fmt.Errorf("%q is not an address like https://container.example.com:443", raw)
	}
	if strings.Trim(u.Path, "/") != "" {
		return Endpoint{}, fmt.Errorf("%q has a path, which gRPC cannot use: give the host only, such as https://%s", raw, u.Host)
	}
	port := u.Port()
	switch u.Scheme {
	case "https":
		if port == "" {
			port = "443"
		}
		return Endpoint{Host: net.JoinHostPort(u.Hostname(), port)}, nil
	case "http":
		host := net.JoinHostPort(u.Hostname(), port)
		if err := CheckLoopback(host); err != nil {
			return Endpoint{}, fmt.Errorf("plain http is accepted for a loopback address only: %w", err)
		}
		return Endpoint{Host: host, Plain: true}, nil
	default:
		return Endpoint{}, fmt.Errorf("%q must start with https://", raw)
	}
}

// CheckLoopback accepts HOST:PORT when HOST is this machine itself: 127.0.0.0/8, ::1 or localhost.
func CheckLoopback(hostport string) error {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil || port == "" {
		return fmt.Errorf("%q is not HOST:PORT, such as 127.0.0.1:8085", hostport)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%q is not a loopback address: use 127.0.0.1, ::1 or localhost", hostport)
}
