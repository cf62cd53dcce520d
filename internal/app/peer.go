package app

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Peer is the other end of an allowed connection: the pods of a namespace, or a range of addresses.
type Peer struct {
	Namespace string // or
	CIDR      string
	Port      int // TCP; 0 for every port and protocol
}

const peerExample = `"cart", "cart:8080", "10.20.0.0/16" or "10.20.0.0/16:5432"`

// ParsePeer reads NAMESPACE, NAMESPACE:PORT, CIDR or CIDR:PORT.
func ParsePeer(text string) (Peer, error) {
	address, length, isRange := strings.Cut(text, "/")
	if isRange {
		bits, port, hasPort := strings.Cut(length, ":") // behind the slash, where no address has a colon
		p := Peer{CIDR: address + "/" + bits}
		if err := checkCIDR(p.CIDR); err != nil {
			return Peer{}, err
		}
		return p.at(text, port, hasPort)
	}
	if _, err := netip.ParseAddr(text); err == nil {
		return Peer{}, fmt.Errorf("%s is one address, and ranges are asked for: write %q", quote(text), text+hostBits(text))
	}
	name, port, hasPort := strings.Cut(text, ":")
	if err := CheckNamespace(name); err != nil {
		return Peer{}, fmt.Errorf("%s is neither a namespace nor a range of addresses, with or without a TCP port; for example %s",
			quote(text), peerExample)
	}
	return Peer{Namespace: name}.at(text, port, hasPort)
}

// CheckPeer refuses what ParsePeer does not read.
func CheckPeer(text string) error {
	_, err := ParsePeer(text)
	return err
}

func (p Peer) at(text, port string, hasPort bool) (Peer, error) {
	if !hasPort {
		return p, nil
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != port {
		return Peer{}, fmt.Errorf("%s ends with a port that is none: 1 to 65535; for example %s", quote(text), peerExample)
	}
	p.Port = n
	return p, nil
}

func checkCIDR(cidr string) error {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return fmt.Errorf("%s is not a range of addresses; for example %q or, for one address, %q", quote(cidr), "10.20.0.0/16", "10.20.0.5/32")
	}
	if written := prefix.Masked().String(); written != cidr {
		return fmt.Errorf("the range %s is written %q; for the one address, %q", quote(cidr), written, prefix.Addr().String()+hostBits(prefix.Addr().String()))
	}
	return nil
}

func hostBits(address string) string {
	if strings.Contains(address, ":") {
		return "/128"
	}
	return "/32"
}
