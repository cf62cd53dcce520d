// Package keyring reads a ring of session keys, as a twelvefactor_session_key stores it: keys as text, the newest first,
// with a separator between them.
package keyring

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"regexp"
	"strings"
	"time"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// The environment variables that say where the ring is: in the environment itself (a twelvefactor_service passes it as a
// secret), or in Secret Manager, by the version's full name.
const (
	Variable          = "SESSION_KEYS"
	VersionVariable   = "SESSION_KEYS_VERSION"
	SeparatorVariable = "SESSION_KEYS_SEPARATOR"
	// EmulatorVariable is HOST:PORT of a fake Secret Manager on this machine.
	EmulatorVariable = "SECRETMANAGER_EMULATOR_HOST"
)

const (
	defaultSeparator = ","
	// shortest is less than any key of a twelvefactor_session_key has as text: what is shorter is not a key.
	shortest = 16
	// patience is for one reading at start-up, with the client's own retries.
	patience = 20 * time.Second
)

// Ring are the keys, newest first. It prints as nothing of them.
type Ring struct{ keys [][]byte }

// Keys are the keys themselves. They must not be printed.
func (r Ring) Keys() [][]byte { return r.keys }

// String is the number of keys.
func (r Ring) String() string { return fmt.Sprintf("ring of %d keys", len(r.keys)) }

// GoString is the same, for %#v.
func (r Ring) GoString() string { return r.String() }

// Load reads the ring from where the environment says. No error repeats anything of a key.
func Load(ctx context.Context, getenv func(string) string) (Ring, error) {
	payload, version := getenv(Variable), getenv(VersionVariable)
	switch {
	case payload == "" && version == "":
		return Ring{}, fmt.Errorf("no session keys: set %s to the ring, or %s to the full name of a secret version", Variable, VersionVariable)
	case payload != "" && version != "":
		return Ring{}, fmt.Errorf("%s and %s are both set: set one of them", Variable, VersionVariable)
	case version != "":
		data, err := access(ctx, version, getenv(EmulatorVariable))
		if err != nil {
			return Ring{}, fmt.Errorf("reading %s: %w", version, err)
		}
		payload = string(data)
	}
	separator := getenv(SeparatorVariable)
	if separator == "" {
		separator = defaultSeparator
	}
	return Parse(payload, separator)
}

// Parse takes a payload apart. Empty parts are left out, as at the end of a file.
func Parse(payload, separator string) (Ring, error) {
	var ring Ring
	for key := range strings.SplitSeq(payload, separator) {
		switch key = strings.TrimSpace(key); {
		case key == "":
		case len(key) < shortest:
			return Ring{}, fmt.Errorf("key %d of the ring has only %d characters: is %s the separator?", len(ring.keys)+1, len(key), SeparatorVariable)
		default:
			ring.keys = append(ring.keys, []byte(key))
		}
	}
	if len(ring.keys) == 0 {
		return Ring{}, errors.New("the ring holds no key")
	}
	return ring, nil
}

// versionForm has the location of a regional secret, which only its region's endpoint serves.
var versionForm = regexp.MustCompile(`^projects/[^/]+(?:/locations/([^/]+))?/secrets/[^/]+/versions/[^/]+$`)

// access reads a version from Secret Manager and compares the checksum.
func access(ctx context.Context, version, emulator string) ([]byte, error) {
	parts := versionForm.FindStringSubmatch(version)
	if parts == nil {
		return nil, errors.New("that is not projects/PROJECT/secrets/NAME/versions/NUMBER")
	}
	options, err := dialOptions(parts[1], emulator)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client, err := secretmanager.NewClient(ctx, options...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }()
	answer, err := client.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: version})
	if err != nil {
		return nil, err
	}
	payload := answer.GetPayload()
	sum := int64(crc32.Checksum(payload.GetData(), crc32.MakeTable(crc32.Castagnoli)))
	if payload.DataCrc32C != nil && payload.GetDataCrc32C() != sum {
		return nil, errors.New("the value was damaged on the way: its checksum does not match")
	}
	return payload.GetData(), nil
}

func dialOptions(location, emulator string) ([]option.ClientOption, error) {
	switch {
	case emulator != "":
		host, _, err := net.SplitHostPort(emulator)
		if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return nil, fmt.Errorf("%s=%q is not HOST:PORT of this machine, such as 127.0.0.1:8080", EmulatorVariable, emulator)
		}
		return []option.ClientOption{
			option.WithEndpoint(emulator), option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
		}, nil
	case location != "":
		return []option.ClientOption{option.WithEndpoint("secretmanager." + location + ".rep.googleapis.com:443")}, nil
	default:
		return nil, nil
	}
}
