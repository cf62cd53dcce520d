package app

import (
	"fmt"
	"regexp"
	"strings"
)

// Image is a container image reference taken apart.
type Image struct {
	Registry   string // "asia-docker.pkg.dev"; "docker.io" when the reference names none
	Repository string // "acme/shop/web"
	Tag        string // "1a2b3c4", empty when only a digest is given
	Digest     string // "sha256:" and 64 hexadecimal digits, empty when only a tag is given
}

const imageExample = "asia-docker.pkg.dev/acme/shop/web:1a2b3c4"

// The grammar of image references.
// Source: github.com/distribution/reference, reference.go; OCI distribution specification 1.1, "Pulling manifests".
var (
	registryForm   = regexp.MustCompile(`^([a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)(\.[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*(:[0-9]{1,5})?$`)
	repositoryForm = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagForm        = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	digestForm     = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// maxImage is the longest repository that registries take, with registry, tag and digest around it.
const maxImage = 255 + 255 + 128 + 80

// ParseImage takes an image reference apart. It refuses one that has neither tag nor digest and the tag "latest"
// without a digest, because a release must name what runs (factor V).
func ParseImage(ref string) (Image, error) {
	refuse := func(why string) (Image, error) {
		return Image{}, fmt.Errorf("image %s %s; for example %q", quote(ref), why, imageExample)
	}
	if ref == "" || len(ref) > maxImage {
		return refuse("is empty or too long for an image reference")
	}
	name, digest, hasDigest := strings.Cut(ref, "@")
	name, tag, hasTag := cutTag(name)
	image := Image{Tag: tag, Digest: digest}
	image.Registry, image.Repository = splitRegistry(name)
	switch {
	case !registryForm.MatchString(image.Registry), !repositoryForm.MatchString(image.Repository), len(image.Repository) > 255:
		return refuse("is not an image reference: the form is REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:DIGEST, the repository in lower case")
	case hasTag && !tagForm.MatchString(tag):
		return refuse("has a malformed tag: a tag has 1 to 128 letters, digits, underscores, dots and hyphens")
	case hasDigest && !digestForm.MatchString(digest):
		return refuse("has a malformed digest: it must be sha256: and 64 lower-case hexadecimal digits")
	case !hasTag && !hasDigest:
		return refuse("has neither tag nor digest, so what runs would change without a release: add a tag that never moves, or a digest")
	case tag == "latest" && !hasDigest:
		return refuse("has the tag latest, which moves, so what runs would change without a release: use a tag that never moves, or a digest")
	}
	return image, nil
}

// String puts the reference together again, with the registry always named.
func (i Image) String() string {
	s := i.Registry + "/" + i.Repository
	if i.Tag != "" {
		s += ":" + i.Tag
	}
	if i.Digest != "" {
		s += "@" + i.Digest
	}
	return s
}

// cutTag cuts at the last colon, unless that colon belongs to the registry's port.
func cutTag(name string) (rest, tag string, found bool) {
	colon := strings.LastIndexByte(name, ':')
	if colon < 0 || strings.Contains(name[colon:], "/") {
		return name, "", false
	}
	return name[:colon], name[colon+1:], true
}

// splitRegistry follows Docker: the first component is a registry if it has a dot or a port or is localhost; short
// names are on Docker Hub, under library/ when they have one component.
func splitRegistry(name string) (registry, repository string) {
	first, rest, ok := strings.Cut(name, "/")
	switch {
	case ok && (strings.ContainsAny(first, ".:") || first == "localhost"):
		return first, rest
	case ok:
		return "docker.io", name
	default:
		return "docker.io", "library/" + name
	}
}
