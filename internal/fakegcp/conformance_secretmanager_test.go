package fakegcp_test

import (
	"fmt"
	"hash/crc32"
	"regexp"
	"strings"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

func (c *cloud) createSecret(parent, id string, s *secretmanagerpb.Secret) (*secretmanagerpb.Secret, error) {
	return c.secrets.CreateSecret(c.ctx(), &secretmanagerpb.CreateSecretRequest{Parent: parent, SecretId: id, Secret: s})
}

func (c *cloud) updateSecret(s *secretmanagerpb.Secret, paths ...string) (*secretmanagerpb.Secret, error) {
	return c.secrets.UpdateSecret(c.ctx(), &secretmanagerpb.UpdateSecretRequest{Secret: s, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}})
}

func (c *cloud) add(parent string, payload []byte) (*secretmanagerpb.SecretVersion, error) {
	return c.secrets.AddSecretVersion(c.ctx(), &secretmanagerpb.AddSecretVersionRequest{Parent: parent, Payload: &secretmanagerpb.SecretPayload{Data: payload}})
}

// repeated are entries k0, k1… with values of a size.
func repeated(n, size int) map[string]string {
	all := map[string]string{}
	for i := range n {
		all[fmt.Sprintf("k%d", i)] = strings.Repeat("v", size)
	}
	return all
}

func topics(n int) []*secretmanagerpb.Topic {
	all := make([]*secretmanagerpb.Topic, n)
	for i := range all {
		all[i] = &secretmanagerpb.Topic{Name: fmt.Sprintf("%s/topics/t%d", project, i)}
	}
	return all
}

func TestConformanceSecretLimits(t *testing.T) {
	fact(t, "1.3", "secret ids have 1 to 255 letters, digits, dashes and underscores", "service.proto", func(t *testing.T) {
		c := start(t)
		for id, ok := range map[string]bool{
			strings.Repeat("a", 255): true, strings.Repeat("a", 256): false, "A_b-1": true, "": false, "a.b": false, "é": false,
		} {
			_, err := c.createSecret(project, id, &secretmanagerpb.Secret{Replication: automatic()})
			if (err == nil) != ok || err != nil && status.Code(err) != codes.InvalidArgument {
				t.Errorf("%q: %v", id, err)
			}
		}
	})
	fact(t, "1.3", "labels, annotations, topics and aliases have their limits", "resources.proto", func(t *testing.T) {
		c := start(t)
		tests := map[string]struct {
			secret *secretmanagerpb.Secret
			ok     bool
		}{
			"64 labels":               {&secretmanagerpb.Secret{Labels: repeated(64, 63)}, true},
			"65 labels":               {&secretmanagerpb.Secret{Labels: repeated(65, 1)}, false},
			"label value of 64":       {&secretmanagerpb.Secret{Labels: repeated(1, 64)}, false},
			"label value of 64 é":     {&secretmanagerpb.Secret{Labels: map[string]string{"k": strings.Repeat("é", 64)}}, false},
			"upper case label key":    {&secretmanagerpb.Secret{Labels: map[string]string{"K": "v"}}, false},
			"label key in letters":    {&secretmanagerpb.Secret{Labels: map[string]string{"ключ": "значение"}}, true},
			"label key of 63":         {&secretmanagerpb.Secret{Labels: map[string]string{strings.Repeat("k", 63): ""}}, true},
			"label key of 64":         {&secretmanagerpb.Secret{Labels: map[string]string{strings.Repeat("k", 64): ""}}, false},
			"label key over 128 B":    {&secretmanagerpb.Secret{Labels: map[string]string{strings.Repeat("字", 43): ""}}, false},
			"annotations under 16K":   {&secretmanagerpb.Secret{Annotations: map[string]string{"k": strings.Repeat("v", 16<<10-2)}}, true},
			"annotations of 16K":      {&secretmanagerpb.Secret{Annotations: map[string]string{"k": strings.Repeat("v", 16<<10-1)}}, false},
			"annotation key with dot": {&secretmanagerpb.Secret{Annotations: map[string]string{"Config_sync.gke-io": "true"}}, true},
			"annotation key, slash":   {&secretmanagerpb.Secret{Annotations: map[string]string{"a/b": "true"}}, false},
			"annotation key, dot end": {&secretmanagerpb.Secret{Annotations: map[string]string{"a.": "true"}}, false},
			"10 topics":               {&secretmanagerpb.Secret{Topics: topics(10)}, true},
			"11 topics":               {&secretmanagerpb.Secret{Topics: topics(11)}, false},
			"topic by its id":         {&secretmanagerpb.Secret{Topics: []*secretmanagerpb.Topic{{Name: "t"}}}, false},
		}
		i := 0
		for name, test := range tests {
			i++
			test.secret.Replication = automatic()
			_, err := c.createSecret(project, fmt.Sprintf("s%d", i), test.secret)
			if (err == nil) != test.ok || err != nil && status.Code(err) != codes.InvalidArgument {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	fact(t, "1.3", "50 aliases of 63 characters each name versions that are there, none latest or NEW", "resources.proto", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key", "one")
		alias := func(aliases map[string]int64) error {
			_, err := c.updateSecret(&secretmanagerpb.Secret{Name: shopKey, VersionAliases: aliases}, "version_aliases")
			return err
		}
		many := map[string]int64{}
		for i := range 50 {
			many[fmt.Sprintf("a%d", i)] = 1
		}
		must(t, alias(many))
		many["a50"] = 1
		wantError(t, alias(many), codes.InvalidArgument, "50")
		must(t, alias(map[string]int64{strings.Repeat("a", 63): 1}))
		for _, bad := range []string{"latest", "NEW", "1a", "-a", "", strings.Repeat("a", 64)} {
			wantError(t, alias(map[string]int64{bad: 1}), codes.InvalidArgument, "alias")
		}
		wantError(t, alias(map[string]int64{"live": 2}), codes.InvalidArgument, "Aliases cannot be assigned to versions that don't exist")
	})
}

func TestConformanceReplication(t *testing.T) {
	fact(t, "1.3", "replication is required of global secrets, refused of regional ones, and stays as it is", "resources.proto; text from the mock", func(t *testing.T) {
		c := start(t)
		_, err := c.createSecret(project, "k", nil)
		wantError(t, err, codes.InvalidArgument, "Secret.replication must be specified.")
		_, err = c.createSecret(project, "k", &secretmanagerpb.Secret{Replication: userManaged()})
		wantError(t, err, codes.InvalidArgument, "replicas")
		_, err = c.createSecret(project, "k", &secretmanagerpb.Secret{Replication: userManaged("us-east1", "us-east1")})
		wantError(t, err, codes.InvalidArgument, "us-east1")
		s, err := c.createSecret(project, "k", &secretmanagerpb.Secret{Replication: userManaged("us-east1", "us-central1")})
		must(t, err)
		_, err = c.updateSecret(&secretmanagerpb.Secret{Name: s.GetName(), Replication: automatic()}, "replication")
		wantError(t, err, codes.InvalidArgument, "replication")
		_, err = c.createSecret(location, "k", &secretmanagerpb.Secret{Replication: automatic()})
		wantError(t, err, codes.InvalidArgument, "regional")
	})
	fact(t, "1.3", "regional secrets are apart from global ones", "service.proto", func(t *testing.T) {
		c := start(t)
		c.secret("global")
		s, err := c.createSecret(location, "regional", &secretmanagerpb.Secret{})
		must(t, err)
		if want := numbered + "/locations/asia-northeast1/secrets/regional"; s.GetName() != want {
			t.Errorf("name %q, want %q", s.GetName(), want)
		}
		for parent, want := range map[string]string{project: "global", location: "regional"} {
			r, err := c.secrets.ListSecrets(c.ctx(), &secretmanagerpb.ListSecretsRequest{Parent: parent})
			must(t, err)
			if len(r.GetSecrets()) != 1 || !strings.HasSuffix(r.GetSecrets()[0].GetName(), "/"+want) {
				t.Errorf("%s: %v", parent, r.GetSecrets())
			}
		}
		v, err := c.add(location+"/secrets/regional", []byte("one"))
		must(t, err)
		if v.GetReplicationStatus() != nil {
			t.Errorf("a regional version has a replication status: %v", v)
		}
	})
	fact(t, "1.3", "keys are kept and may change, for the versions added afterwards", "resources.proto", func(t *testing.T) {
		c := start(t)
		key := func(name string) *secretmanagerpb.Replication {
			r := automatic()
			r.GetAutomatic().CustomerManagedEncryption = &secretmanagerpb.CustomerManagedEncryption{KmsKeyName: name}
			return r
		}
		const first, second = project + "/locations/global/keyRings/r/cryptoKeys/a", project + "/locations/global/keyRings/r/cryptoKeys/b"
		s, err := c.createSecret(project, "k", &secretmanagerpb.Secret{Replication: key(first)})
		must(t, err)
		before, err := c.add(s.GetName(), []byte("one"))
		must(t, err)
		_, err = c.updateSecret(&secretmanagerpb.Secret{Name: s.GetName(), Replication: key(second)}, "replication.automatic.customer_managed_encryption")
		must(t, err)
		after, err := c.add(s.GetName(), []byte("two"))
		must(t, err)
		regional, err := c.createSecret(location, "k", &secretmanagerpb.Secret{CustomerManagedEncryption: &secretmanagerpb.CustomerManagedEncryption{KmsKeyName: first}})
		must(t, err)
		v, err := c.add(regional.GetName(), []byte("one"))
		must(t, err)
		if got := v.GetCustomerManagedEncryption().GetKmsKeyVersionName(); !strings.HasPrefix(got, first+"/cryptoKeyVersions/") {
			t.Errorf("regional key version %q", got)
		}
		for v, want := range map[*secretmanagerpb.SecretVersion]string{before: first, after: second} {
			if got := v.GetReplicationStatus().GetAutomatic().GetCustomerManagedEncryption().GetKmsKeyVersionName(); !strings.HasPrefix(got, want+"/cryptoKeyVersions/") {
				t.Errorf("%s: key version %q, want one of %q", v.GetName(), got, want)
			}
		}
	})
}

func userManaged(locations ...string) *secretmanagerpb.Replication {
	u := &secretmanagerpb.Replication_UserManaged{}
	for _, l := range locations {
		u.Replicas = append(u.Replicas, &secretmanagerpb.Replication_UserManaged_Replica{Location: l})
	}
	return &secretmanagerpb.Replication{Replication: &secretmanagerpb.Replication_UserManaged_{UserManaged: u}}
}

func TestConformanceSecretUpdates(t *testing.T) {
	fact(t, "1.3", "an update needs a mask, and names, times, tags and types are not updated", "service.proto", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key")
		_, err := c.updateSecret(&secretmanagerpb.Secret{Name: shopKey, Labels: repeated(1, 1)})
		wantError(t, err, codes.InvalidArgument, "mask")
		for _, path := range []string{"name", "create_time", "tags", "secret_type"} {
			_, err := c.updateSecret(&secretmanagerpb.Secret{Name: shopKey}, path)
			wantError(t, err, codes.InvalidArgument, path)
		}
		_, err = c.updateSecret(&secretmanagerpb.Secret{Name: shopKey}, "no_such_field")
		wantError(t, err, codes.InvalidArgument, "no_such_field")
	})
	fact(t, "1.3", "etags are quoted strings that every write changes, and a wrong one stops updating and deleting", "sightings", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key")
		s, err := c.getSecret("shop-key")
		must(t, err)
		if !regexp.MustCompile(`^"[0-9a-f]{14}"$`).MatchString(s.GetEtag()) {
			t.Errorf("etag %s", s.GetEtag())
		}
		relabel := func(etag string) (*secretmanagerpb.Secret, error) {
			return c.updateSecret(&secretmanagerpb.Secret{Name: shopKey, Labels: repeated(1, 1), Etag: etag}, "labels")
		}
		next, err := relabel(s.GetEtag())
		must(t, err)
		if next.GetEtag() == s.GetEtag() {
			t.Error("the update kept the etag")
		}
		_, err = relabel(s.GetEtag())
		wantError(t, err, codes.FailedPrecondition, "etag")
		_, err = c.secrets.DeleteSecret(c.ctx(), &secretmanagerpb.DeleteSecretRequest{Name: shopKey, Etag: s.GetEtag()})
		wantError(t, err, codes.FailedPrecondition, "etag")
		_, err = c.secrets.DeleteSecret(c.ctx(), &secretmanagerpb.DeleteSecretRequest{Name: shopKey, Etag: next.GetEtag()})
		must(t, err)
	})
	fact(t, "1.3", "tags are taken and not returned", "resources.proto", func(t *testing.T) {
		c := start(t)
		s, err := c.createSecret(project, "k", &secretmanagerpb.Secret{Replication: automatic(), Tags: map[string]string{"1/env": "prod"}})
		must(t, err)
		if len(s.GetTags()) != 0 {
			t.Errorf("tags: %v", s.GetTags())
		}
	})
}

// sumOf is a payload's checksum as the API has it.
func sumOf(data string) *int64 {
	return proto.Int64(int64(crc32.Checksum([]byte(data), crc32.MakeTable(crc32.Castagnoli))))
}
