package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// Encode gives the canonical JSON of an app: keys in a fixed order, empty values left out, no spaces. Equal apps give
// equal bytes.
func Encode(a App) ([]byte, error) { return encode(a) }

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encoding the app: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// maxEncoded is the most that Decode reads: what Kubernetes and Cloud Run allow for all annotations of an object.
// Source: k8s.io/apimachinery/pkg/api/validation, TotalAnnotationSizeLimitB.
const maxEncoded = 256 << 10

var errTooLong = errors.New("it is longer than an annotation can be")

// Decode reads what Encode wrote. Fields of a newer version are ignored: the next apply writes them again.
func Decode(encoded []byte) (App, error) {
	if len(encoded) > maxEncoded {
		return App{}, fmt.Errorf("decoding the recorded app: %w", errTooLong)
	}
	var a App
	if err := json.Unmarshal(encoded, &a); err != nil {
		return App{}, fmt.Errorf("decoding the recorded app: %w", err)
	}
	return a, nil
}

// release is what a release consists of (factor V: a build and its config). Scale, probes and placement are not part
// of it: changing them runs the same release differently.
type release struct {
	Image       string              `json:"image"`
	Config      map[string]string   `json:"config,omitempty"`
	Secrets     map[string]string   `json:"secrets,omitempty"`
	Commands    map[string]commands `json:"commands"`
	ConfigFiles map[string]FileText `json:"config_files,omitempty"`
	SecretFiles map[string]string   `json:"secret_files,omitempty"`
	// Sidecars are what the app was tested with, as much as its image.
	Sidecars map[string]sidecarRelease `json:"sidecars,omitempty"`
}

type sidecarRelease struct {
	Image    string            `json:"image"`
	Config   map[string]string `json:"config,omitempty"`
	Secrets  map[string]string `json:"secrets,omitempty"`
	Commands commands          `json:"commands"`
}

type commands struct {
	Command []string `json:"command,omitempty"`
	Args    []string `json:"args,omitempty"`
}

// ReleaseID identifies the release: 12 hexadecimal characters made from the image reference, the config, the secret
// versions, the files, the commands of all processes, and the image, config, secret versions and command of each sidecar.
// An image that another tool deploys is not part of what is released here.
func ReleaseID(a App) string {
	if a.ImageIsExternal() {
		a.Image = ""
	}
	r := release{
		Image: a.Image, Config: a.Config, Secrets: a.Secrets, Commands: map[string]commands{},
		ConfigFiles: a.ConfigFiles, SecretFiles: a.SecretFiles,
	}
	for name, p := range a.Processes {
		r.Commands[name] = commands{p.Command, p.Args}
	}
	for name, s := range a.Sidecars {
		if r.Sidecars == nil {
			r.Sidecars = map[string]sidecarRelease{}
		}
		r.Sidecars[name] = sidecarRelease{s.Image, s.Config, s.Secrets, commands{s.Command, s.Args}}
	}
	return contentHash(r)
}

// ConfigHash identifies the content of the config: 12 hexadecimal characters.
func ConfigHash(a App) string { return contentHash(a.Config) }

// SecretsHash identifies the set of secret versions under the keys of SecretUses: 12 hexadecimal characters. It is made
// from references, never from values.
func SecretsHash(a App) string {
	versions := map[string]string{}
	for _, use := range SecretUses(a) {
		versions[use.Key] = use.Version
	}
	return contentHash(versions)
}

func contentHash(v any) string {
	b, err := encode(v)
	if err != nil { // strings, maps and slices of strings always encode
		panic(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}
