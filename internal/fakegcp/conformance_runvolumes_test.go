package fakegcp_test

import (
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// withVolume is a service with one secret volume, mounted at each of the paths.
func withVolume(items []*runpb.VersionToPath, at ...string) *runpb.Service {
	c := &runpb.Container{Image: "shop:1"}
	for _, path := range at {
		c.VolumeMounts = append(c.VolumeMounts, &runpb.VolumeMount{Name: "files", MountPath: path})
	}
	m := service(c)
	m.Template.Volumes = []*runpb.Volume{{Name: "files", VolumeType: &runpb.Volume_Secret{Secret: &runpb.SecretVolumeSource{Secret: "tls", Items: items}}}}
	return m
}

func TestConformanceRunSecretVolumes(t *testing.T) {
	create := func(c *cloud, m *runpb.Service) codes.Code {
		_, err := c.services.CreateService(c.ctx(), &runpb.CreateServiceRequest{
			Parent: "projects/acme-dev/locations/asia-northeast1", ServiceId: "files", Service: m, ValidateOnly: true,
		})
		return status.Code(err)
	}
	item := func(path, version string) []*runpb.VersionToPath {
		return []*runpb.VersionToPath{{Path: path, Version: version}}
	}
	fact(t, "1.4", "items of a secret volume have a path and a version", "google/cloud/run/v2/k8s.min.proto, SecretVolumeSource.items", func(t *testing.T) {
		c := start(t)
		for _, items := range [][]*runpb.VersionToPath{item("", "1"), item("a", ""), item("/a", "1"), item("../a", "1"), append(item("a", "1"), item("a", "2")...)} {
			if code := create(c, withVolume(items, "/etc/shop")); code != codes.InvalidArgument {
				t.Errorf("%v: %s", items, code)
			}
		}
		if code := create(c, withVolume(append(item("a", "1"), item("dir/b", "2")...), "/etc/shop")); code != codes.OK {
			t.Errorf("two versions of one secret: %s", code)
		}
	})
	fact(t, "1.4", "a mount path is absolute, without a colon and used once", "google/cloud/run/v2/k8s.min.proto, VolumeMount.mount_path", func(t *testing.T) {
		c := start(t)
		for _, at := range [][]string{{"etc/shop"}, {"/etc:shop"}, {"/etc/shop", "/etc/shop/"}} {
			if code := create(c, withVolume(item("a", "1"), at...)); code != codes.InvalidArgument {
				t.Errorf("%v: %s", at, code)
			}
		}
	})
}
