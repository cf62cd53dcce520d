package fakegcp_test

import (
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

const shopKey = project + "/secrets/shop-key"

func (c *cloud) access(version string) (string, error) {
	r, err := c.secrets.AccessSecretVersion(c.ctx(), &secretmanagerpb.AccessSecretVersionRequest{Name: shopKey + "/versions/" + version})
	return string(r.GetPayload().GetData()), err
}

func TestSecretNamesHaveTheProjectNumber(t *testing.T) {
	c := start(t)
	c.secret("shop-key", "one")
	got, err := c.secrets.GetSecret(c.ctx(), &secretmanagerpb.GetSecretRequest{Name: numbered + "/secrets/shop-key"})
	must(t, err)
	if want := numbered + "/secrets/shop-key"; got.GetName() != want {
		t.Errorf("name %q, want %q", got.GetName(), want)
	}
	if !strings.HasPrefix(got.GetEtag(), `"`) {
		t.Errorf("etag %s is not quoted", got.GetEtag())
	}
	_, err = c.secrets.GetSecret(c.ctx(), &secretmanagerpb.GetSecretRequest{Name: project + "/secrets/none"})
	wantError(t, err, codes.NotFound, "Secret ["+numbered+"/secrets/none] not found.")
	_, err = c.secrets.GetSecret(c.ctx(), &secretmanagerpb.GetSecretRequest{Name: "projects/other-project/secrets/none"})
	wantError(t, err, codes.PermissionDenied, "Permission 'secretmanager.secrets.get' denied for resource")
}

func TestVersionStates(t *testing.T) {
	c := start(t)
	c.secret("shop-key")
	_, err := c.access("latest")
	wantError(t, err, codes.NotFound, "not found or has no versions.")

	c.secret("other")
	for _, payload := range []string{"one", "two", "three"} {
		_, err := c.secrets.AddSecretVersion(c.ctx(), &secretmanagerpb.AddSecretVersionRequest{Parent: shopKey, Payload: &secretmanagerpb.SecretPayload{Data: []byte(payload)}})
		must(t, err)
	}
	_, err = c.secrets.DisableSecretVersion(c.ctx(), &secretmanagerpb.DisableSecretVersionRequest{Name: shopKey + "/versions/3"})
	must(t, err)
	_, err = c.access("latest") // the newest, whatever its state
	wantError(t, err, codes.FailedPrecondition, "Secret Version ["+numbered+"/secrets/shop-key/versions/3] is in DISABLED state.")
	_, err = c.secrets.EnableSecretVersion(c.ctx(), &secretmanagerpb.EnableSecretVersionRequest{Name: shopKey + "/versions/3"})
	must(t, err)
	if got, err := c.access("latest"); err != nil || got != "three" {
		t.Errorf("latest is %q, %v", got, err)
	}
	v, err := c.secrets.DestroySecretVersion(c.ctx(), &secretmanagerpb.DestroySecretVersionRequest{Name: shopKey + "/versions/1"})
	must(t, err)
	if v.GetState() != secretmanagerpb.SecretVersion_DESTROYED || v.GetDestroyTime() == nil {
		t.Errorf("destroyed version: %v", v)
	}
	_, err = c.secrets.EnableSecretVersion(c.ctx(), &secretmanagerpb.EnableSecretVersionRequest{Name: shopKey + "/versions/1"})
	wantError(t, err, codes.FailedPrecondition, "is in DESTROYED state.")

	list, err := c.secrets.ListSecretVersions(c.ctx(), &secretmanagerpb.ListSecretVersionsRequest{Parent: shopKey, Filter: "state:ENABLED"})
	must(t, err)
	if len(list.GetVersions()) != 2 || !strings.HasSuffix(list.GetVersions()[0].GetName(), "/3") {
		t.Errorf("enabled versions, newest first: %v", list.GetVersions())
	}
}

func TestPayloadChecksum(t *testing.T) {
	c := start(t)
	c.secret("shop-key")
	sum := int64(crc32.Checksum([]byte("payload"), crc32.MakeTable(crc32.Castagnoli)))
	add := func(sum int64) (*secretmanagerpb.SecretVersion, error) {
		return c.secrets.AddSecretVersion(c.ctx(), &secretmanagerpb.AddSecretVersionRequest{
			Parent: shopKey, Payload: &secretmanagerpb.SecretPayload{Data: []byte("payload"), DataCrc32C: proto.Int64(sum)},
		})
	}
	_, err := add(sum + 1)
	wantError(t, err, codes.InvalidArgument, "data_crc32c")
	v, err := add(sum)
	must(t, err)
	if !v.GetClientSpecifiedPayloadChecksum() || !strings.HasSuffix(v.GetName(), "/versions/1") {
		t.Errorf("version: %v; a refused payload must not use a number", v)
	}
}

func TestSecretEtagAndAliases(t *testing.T) {
	c := start(t)
	c.secret("shop-key", "one")
	patch := func(etag string, number int64) (*secretmanagerpb.Secret, error) {
		return c.secrets.UpdateSecret(c.ctx(), &secretmanagerpb.UpdateSecretRequest{
			Secret:     &secretmanagerpb.Secret{Name: shopKey, Etag: etag, VersionAliases: map[string]int64{"live": number}},
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"version_aliases"}},
		})
	}
	_, err := patch("", 2)
	wantError(t, err, codes.InvalidArgument, "Aliases cannot be assigned to versions that don't exist")
	_, err = patch(`"0"`, 1)
	wantError(t, err, codes.FailedPrecondition, "etag")
	_, err = patch("", 1)
	must(t, err)
	if got, err := c.access("live"); err != nil || got != "one" {
		t.Errorf("alias live is %q, %v", got, err)
	}
}

func TestDestroyDelayAndExpiry(t *testing.T) {
	c := start(t)
	_, err := c.secrets.CreateSecret(c.ctx(), &secretmanagerpb.CreateSecretRequest{Parent: project, SecretId: "shop-key", Secret: &secretmanagerpb.Secret{
		Replication:       automatic(),
		VersionDestroyTtl: durationpb.New(24 * time.Hour),
		Expiration:        &secretmanagerpb.Secret_Ttl{Ttl: durationpb.New(48 * time.Hour)},
	}})
	must(t, err)
	name := shopKey + "/versions/1"
	_, err = c.secrets.AddSecretVersion(c.ctx(), &secretmanagerpb.AddSecretVersionRequest{Parent: shopKey, Payload: &secretmanagerpb.SecretPayload{Data: []byte("x")}})
	must(t, err)
	_, err = c.secrets.DestroySecretVersion(c.ctx(), &secretmanagerpb.DestroySecretVersionRequest{Name: name})
	must(t, err)
	state := func() secretmanagerpb.SecretVersion_State {
		v, err := c.secrets.GetSecretVersion(c.ctx(), &secretmanagerpb.GetSecretVersionRequest{Name: name})
		must(t, err)
		return v.GetState()
	}
	if got := state(); got != secretmanagerpb.SecretVersion_DISABLED {
		t.Errorf("before the delay has passed: %v", got)
	}
	c.Advance(24 * time.Hour)
	if got := state(); got != secretmanagerpb.SecretVersion_DESTROYED {
		t.Errorf("after the delay: %v", got)
	}
	c.Advance(24 * time.Hour)
	_, err = c.secrets.GetSecret(c.ctx(), &secretmanagerpb.GetSecretRequest{Name: shopKey})
	wantError(t, err, codes.NotFound, "not found")
}

func TestDumpAndJournalHaveNoPayload(t *testing.T) {
	c := start(t)
	const canary = "canary-7d1f6a52c0"
	c.secret("shop-key", canary)
	_, err := c.access("1")
	must(t, err)
	for _, path := range []string{"objects", "journal"} {
		code, body := c.curl("GET", "/_fake/"+path, "")
		if code != 200 || !strings.Contains(body, "shop-key") {
			t.Errorf("%s: %d %s", path, code, body)
		}
		if strings.Contains(body, canary) || strings.Contains(body, "Y2FuYXJ5L") || strings.Contains(body, "Y2FuYXJ5") {
			t.Errorf("%s holds the payload", path)
		}
	}
	objects, err := c.Objects()
	must(t, err)
	if len(objects[numbered+"/secrets/shop-key/versions/1"].PayloadSHA256) != 64 {
		t.Error("the dump has no hash of the payload")
	}
}
