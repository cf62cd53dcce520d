package fakegcp

import (
	"fmt"
	"strconv"
	"strings"
)

// Behaviour is what containers of an image do, on GKE and on Cloud Run alike. An image without one runs and is ready.
type Behaviour string

// The behaviours of images, besides exit:N.
const (
	// ImageMissing cannot be pulled.
	ImageMissing Behaviour = "missing"
	// ImageCrashes starts and ends at once, again and again.
	ImageCrashes Behaviour = "crash"
	// ImageNeverReady runs and never passes a readiness probe.
	ImageNeverReady Behaviour = "neverReady"
	// ImageSlow becomes ready after a while.
	ImageSlow Behaviour = "slow"
)

const exitPrefix = "exit:"

// ImageExits ends with the status code.
func ImageExits(code int) Behaviour { return Behaviour(exitPrefix + strconv.Itoa(code)) }

// ExitCode is the status code that the image's containers end with, if they end.
func (b Behaviour) ExitCode() (int, bool) {
	n, err := strconv.Atoi(strings.TrimPrefix(string(b), exitPrefix))
	return n, err == nil && strings.HasPrefix(string(b), exitPrefix)
}

func (b Behaviour) check() error {
	switch b {
	case "", ImageMissing, ImageCrashes, ImageNeverReady, ImageSlow:
		return nil
	}
	if n, ok := b.ExitCode(); ok && n >= 0 && n <= 255 {
		return nil
	}
	return fmt.Errorf("image behaviour %q is none of missing, crash, exit:N (0 to 255), neverReady, slow", b)
}

// images are the behaviours by image reference, as a container names it.
type images map[string]Behaviour

// SetImage gives an image a behaviour; an empty one makes it run again.
func (s *Server) SetImage(ref string, b Behaviour) error {
	if err := b.check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle() // what was due before must not see it
	if s.images == nil {
		s.images = images{}
	}
	s.images[ref] = b
	if b == "" {
		delete(s.images, ref)
	}
	s.imagesChanged()
	return nil
}
