package app

import (
	"fmt"
	"slices"
)

// ImageOwner tells who decides which image runs.
type ImageOwner string

// The owners of the image. Terraform is the default and recorded as nothing.
const (
	ImageTerraform ImageOwner = "terraform"
	ImageExternal  ImageOwner = "external"
)

// ImageOwners lists them, the default first.
func ImageOwners() []string { return []string{string(ImageTerraform), string(ImageExternal)} }

// CheckImageOwner checks image_owner.
func CheckImageOwner(value string) error {
	if err := checkOneOf("owner", value, ImageOwners()); err != nil {
		return fmt.Errorf("%w; whichever tool it is that deploys images, it is called external", err)
	}
	return nil
}

// Ownership is what of the live objects is left to others, and when the rest is written anew.
type Ownership struct {
	// ImageOwner is ImageExternal where another tool deploys images.
	ImageOwner ImageOwner `json:"image_owner,omitempty"`
	// DriftIgnore are patterns of fields that others may change: see Ignore. Sorted.
	DriftIgnore []string `json:"drift_ignore,omitempty"`
	// Rerender has a newer renderer count as a change.
	Rerender bool `json:"rerender,omitempty"`
}

// ImageIsExternal tells whether the image is left to another tool.
func (a App) ImageIsExternal() bool { return a.ImageOwner == ImageExternal }

func (o Ownership) withDefaults() Ownership {
	if o.ImageOwner == ImageTerraform {
		o.ImageOwner = ""
	}
	o.DriftIgnore = slices.Clone(o.DriftIgnore)
	return o
}
