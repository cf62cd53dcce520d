package fakegcp_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

func (c *cloud) version(id string) (*secretmanagerpb.SecretVersion, error) {
	return c.secrets.GetSecretVersion(c.ctx(), &secretmanagerpb.GetSecretVersionRequest{Name: shopKey + "/versions/" + id})
}

func (c *cloud) enable(id, etag string) (*secretmanagerpb.SecretVersion, error) {
	return c.secrets.EnableSecretVersion(c.ctx(), &secretmanagerpb.EnableSecretVersionRequest{Name: shopKey + "/versions/" + id, Etag: etag})
}

func (c *cloud) disable(id, etag string) (*secretmanagerpb.SecretVersion, error) {
	return c.secrets.DisableSecretVersion(c.ctx(), &secretmanagerpb.DisableSecretVersionRequest{Name: shopKey + "/versions/" + id, Etag: etag})
}

func (c *cloud) destroy(id, etag string) (*secretmanagerpb.SecretVersion, error) {
	return c.secrets.DestroySecretVersion(c.ctx(), &secretmanagerpb.DestroySecretVersionRequest{Name: shopKey + "/versions/" + id, Etag: etag})
}

func TestConformanceAddingVersions(t *testing.T) {
	fact(t, "1.3", "versions are 1, 2, 3, never used twice, and adding one twice makes two", "resources.proto", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key", "one", "two")
		_, err := c.destroy("2", "")
		must(t, err)
		must(t, c.Remove(numbered+"/secrets/shop-key/versions/2"))
		for _, want := range []string{"/versions/3", "/versions/4"} {
			v, err := c.add(shopKey, []byte("same"))
			must(t, err)
			if !strings.HasSuffix(v.GetName(), want) {
				t.Errorf("name %q, want …%s", v.GetName(), want)
			}
		}
	})
	fact(t, "1.3", "the answer has state, replication, etag and whether a checksum came, never the payload", "service.proto", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key")
		for _, sum := range []*int64{nil, sumOf("one")} {
			v, err := c.secrets.AddSecretVersion(c.ctx(), &secretmanagerpb.AddSecretVersionRequest{
				Parent: shopKey, Payload: &secretmanagerpb.SecretPayload{Data: []byte("one"), DataCrc32C: sum},
			})
			must(t, err)
			if v.GetState() != secretmanagerpb.SecretVersion_ENABLED || v.GetReplicationStatus().GetAutomatic() == nil ||
				!strings.HasPrefix(v.GetEtag(), `"`) || v.GetClientSpecifiedPayloadChecksum() != (sum != nil) || v.GetDestroyTime() != nil {
				t.Errorf("version: %v", v)
			}
		}
		_, err := c.secrets.AddSecretVersion(c.ctx(), &secretmanagerpb.AddSecretVersionRequest{
			Parent: shopKey, Payload: &secretmanagerpb.SecretPayload{Data: []byte("one"), DataCrc32C: proto.Int64(1)},
		})
		wantError(t, err, codes.InvalidArgument, "data_crc32c")
	})
	fact(t, "1.0", "the client does not try AddSecretVersion again: a lost answer leaves a version that nobody knows of", "secretmanager_grpc_service_config.json", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key")
		must(t, c.Inject(fakegcp.Fault{Method: "AddSecretVersion", When: fakegcp.After, Occurrence: 1}))
		client, err := secretmanager.NewClient(c.ctx(), option.WithGRPCConn(c.conn))
		must(t, err)
		_, err = client.AddSecretVersion(c.ctx(), &secretmanagerpb.AddSecretVersionRequest{Parent: shopKey, Payload: &secretmanagerpb.SecretPayload{Data: []byte("one")}})
		wantError(t, err, codes.Unavailable, "injected fault")
		if got, err := c.access("1"); err != nil || got != "one" {
			t.Errorf("version 1: %q, %v", got, err)
		}
		_, err = c.access("2")
		wantError(t, err, codes.NotFound, "/versions/2] not found.")
	})
	fact(t, "1.3", "a payload has 1 byte to 64 KiB, any bytes", "service.proto", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key")
		full := bytes.Repeat([]byte{0xff, 0x00}, 32<<10)
		_, err := c.add(shopKey, full)
		must(t, err)
		if got, err := c.access("latest"); err != nil || got != string(full) {
			t.Errorf("%d bytes came back, %v", len(got), err)
		}
		_, err = c.add(shopKey, append(full, 'x'))
		wantError(t, err, codes.InvalidArgument, "65536")
		_, err = c.add(shopKey, nil)
		wantError(t, err, codes.InvalidArgument, "empty")
	})
}

func TestConformanceAccess(t *testing.T) {
	fact(t, "1.3", "access answers with the number's name, the payload and its checksum as a string", "sightings", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key", "one")
		code, body := c.curl("GET", "/v1/"+shopKey+"/versions/latest:access", "")
		for _, want := range []string{`"name": "` + numbered + `/secrets/shop-key/versions/1"`, `"data": "b25l"`, `"dataCrc32c": "`} {
			if code != 200 || !strings.Contains(body, want) {
				t.Errorf("%d, no %s in %s", code, want, body)
			}
		}
	})
	fact(t, "1.3", "latest is the version created last, whatever its state", "google-github-actions/get-secretmanager-secrets#268", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key", "one", "two")
		_, err := c.disable("2", "")
		must(t, err)
		_, err = c.access("latest")
		wantError(t, err, codes.FailedPrecondition, "Secret Version ["+numbered+"/secrets/shop-key/versions/2] is in DISABLED state.")
		_, err = c.destroy("2", "")
		must(t, err)
		_, err = c.access("latest")
		wantError(t, err, codes.FailedPrecondition, "Secret Version ["+numbered+"/secrets/shop-key/versions/2] is in DESTROYED state.")
		if v, err := c.version("latest"); err != nil || !strings.HasSuffix(v.GetName(), "/2") {
			t.Errorf("latest: %v, %v", v, err)
		}
	})
	fact(t, "1.3", "what is missing is named with the project's number", "sightings; the mock", func(t *testing.T) {
		c := start(t)
		_, err := c.getSecret("shop-key")
		wantError(t, err, codes.NotFound, "Secret ["+numbered+"/secrets/shop-key] not found.")
		_, err = c.access("latest")
		wantError(t, err, codes.NotFound, "Secret ["+numbered+"/secrets/shop-key] not found or has no versions.")
		c.secret("shop-key")
		_, err = c.access("latest")
		wantError(t, err, codes.NotFound, "Secret ["+numbered+"/secrets/shop-key] not found or has no versions.")
		_, err = c.add(shopKey, []byte("one"))
		must(t, err)
		_, err = c.access("7")
		wantError(t, err, codes.NotFound, "Secret Version ["+numbered+"/secrets/shop-key/versions/7] not found.")
	})
	fact(t, "1.3", "a caller without permission is told what and on what, as it wrote it", "four issues", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key", "one")
		_, err := c.secrets.AccessSecretVersion(c.readOnly(), &secretmanagerpb.AccessSecretVersionRequest{Name: shopKey + "/versions/latest"})
		wantError(t, err, codes.PermissionDenied, "Permission 'secretmanager.versions.access' denied for resource '"+shopKey+"/versions/latest' (or it may not exist).")
	})
	fact(t, "1.3", "aliases are for reading only", "resources.proto", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key", "one", "two")
		_, err := c.updateSecret(&secretmanagerpb.Secret{Name: shopKey, VersionAliases: map[string]int64{"live": 1}}, "version_aliases")
		must(t, err)
		if got, err := c.access("live"); err != nil || got != "one" {
			t.Errorf("access: %q, %v", got, err)
		}
		if v, err := c.version("live"); err != nil || v.GetName() != numbered+"/secrets/shop-key/versions/1" {
			t.Errorf("get: %v, %v", v, err)
		}
		for _, id := range []string{"live", "latest"} {
			_, err := c.destroy(id, "")
			wantError(t, err, codes.InvalidArgument, id)
		}
	})
}

func TestConformanceVersionStates(t *testing.T) {
	fact(t, "1.3", "DESTROYED is the end, and only then there is a destroyTime", "resources.proto", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key", "one")
		v, err := c.disable("1", "")
		must(t, err)
		if v.GetState() != secretmanagerpb.SecretVersion_DISABLED || v.GetDestroyTime() != nil {
			t.Errorf("disabled: %v", v)
		}
		v, err = c.destroy("1", "")
		must(t, err)
		if v.GetState() != secretmanagerpb.SecretVersion_DESTROYED || v.GetDestroyTime() == nil {
			t.Errorf("destroyed: %v", v)
		}
		for name, change := range map[string]func(id, etag string) (*secretmanagerpb.SecretVersion, error){
			"enable": c.enable, "disable": c.disable, "destroy": c.destroy,
		} {
			if _, err := change("1", ""); err == nil {
				t.Errorf("%s was taken", name)
			} else {
				wantError(t, err, codes.FailedPrecondition, "is in DESTROYED state.")
			}
		}
	})
	fact(t, "1.3", "a wrong etag stops enabling, disabling and destroying", "service.proto", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key", "one")
		old, err := c.version("1")
		must(t, err)
		current, err := c.disable("1", old.GetEtag())
		must(t, err)
		for _, change := range []func(id, etag string) (*secretmanagerpb.SecretVersion, error){c.enable, c.disable, c.destroy} {
			_, err := change("1", old.GetEtag())
			wantError(t, err, codes.FailedPrecondition, "etag")
		}
		_, err = c.destroy("1", current.GetEtag())
		must(t, err)
	})
	fact(t, "1.3", "with a version_destroy_ttl destroying disables first, and enabling calls it off", "resources.proto", func(t *testing.T) {
		c := start(t)
		_, err := c.createSecret(project, "shop-key", &secretmanagerpb.Secret{Replication: automatic(), VersionDestroyTtl: durationpb.New(24 * time.Hour)})
		must(t, err)
		for range 2 {
			_, err := c.add(shopKey, []byte("one"))
			must(t, err)
		}
		for _, id := range []string{"1", "2"} {
			v, err := c.destroy(id, "")
			must(t, err)
			if v.GetState() != secretmanagerpb.SecretVersion_DISABLED || !v.GetScheduledDestroyTime().AsTime().Equal(c.Now().Add(24*time.Hour)) || v.GetDestroyTime() != nil {
				t.Errorf("scheduled: %v", v)
			}
		}
		c.Advance(24*time.Hour - time.Second)
		back, err := c.enable("2", "")
		must(t, err)
		if back.GetScheduledDestroyTime() != nil {
			t.Errorf("enabled again: %v", back)
		}
		c.Advance(time.Second)
		gone, err := c.version("1")
		must(t, err)
		if gone.GetState() != secretmanagerpb.SecretVersion_DESTROYED || gone.GetScheduledDestroyTime() != nil || gone.GetDestroyTime() == nil {
			t.Errorf("after the delay: %v", gone)
		}
		if got, err := c.access("2"); err != nil || got != "one" {
			t.Errorf("the one that was enabled again: %q, %v", got, err)
		}
	})
	fact(t, "1.3", "disabling a version that is to be destroyed calls that off too", "delay-destruction-of-secret-versions, \"Restore secret versions\"", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key", "one")
		must(t, c.UpdateSecret(shopKey, func(s *secretmanagerpb.Secret) { s.VersionDestroyTtl = durationpb.New(24 * time.Hour) }))
		_, err := c.destroy("1", "")
		must(t, err)
		_, err = c.disable("1", "")
		must(t, err)
		c.Advance(25 * time.Hour)
		if v, err := c.version("1"); err != nil || v.GetState() != secretmanagerpb.SecretVersion_DISABLED || v.GetScheduledDestroyTime() != nil {
			t.Errorf("version: %v, %v", v, err)
		}
	})
	fact(t, "1.3", "deleting a secret takes its versions along for good, and numbers begin again", "service.proto", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key", "one", "two")
		_, err := c.secrets.DeleteSecret(c.ctx(), &secretmanagerpb.DeleteSecretRequest{Name: shopKey})
		must(t, err)
		_, err = c.version("1")
		wantError(t, err, codes.NotFound, "not found")
		c.secret("shop-key", "three")
		if got, err := c.access("1"); err != nil || got != "three" {
			t.Errorf("version 1 of the new secret: %q, %v", got, err)
		}
		_, err = c.access("2")
		wantError(t, err, codes.NotFound, "not found")
	})
}
