package fakegcp_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func TestConformanceSecretTimes(t *testing.T) {
	fact(t, "1.3", "ttl is read back as expireTime, at which the secret vanishes for good", "resources.proto", func(t *testing.T) {
		c := start(t)
		s, err := c.createSecret(project, "shop-key", &secretmanagerpb.Secret{
			Replication: automatic(), Expiration: &secretmanagerpb.Secret_Ttl{Ttl: durationpb.New(time.Hour)},
		})
		must(t, err)
		if s.GetTtl() != nil || !s.GetExpireTime().AsTime().Equal(c.Now().Add(time.Hour)) {
			t.Errorf("secret: %v", s)
		}
		_, err = c.updateSecret(&secretmanagerpb.Secret{Name: shopKey, Expiration: &secretmanagerpb.Secret_Ttl{Ttl: durationpb.New(2 * time.Hour)}}, "ttl")
		must(t, err)
		c.Advance(time.Hour)
		_, err = c.getSecret("shop-key")
		must(t, err) // the update put it off
		c.Advance(time.Hour)
		_, err = c.getSecret("shop-key")
		wantError(t, err, codes.NotFound, "not found")
	})
	fact(t, "1.3", "rotation needs a topic, a period of an hour at least, and five minutes' notice", "resources.proto; text from the mock", func(t *testing.T) {
		c := start(t)
		create := func(id string, n int, period, ahead time.Duration) error {
			_, err := c.createSecret(project, id, &secretmanagerpb.Secret{Replication: automatic(), Topics: topics(n), Rotation: &secretmanagerpb.Rotation{
				RotationPeriod: durationpb.New(period), NextRotationTime: timestamppb.New(c.Now().Add(ahead)),
			}})
			return err
		}
		wantError(t, create("k", 0, time.Hour, time.Hour), codes.InvalidArgument, "There must be at least one topic configured when a Rotation policy is set.")
		wantError(t, create("k", 1, time.Hour-time.Second, time.Hour), codes.InvalidArgument, "rotation_period")
		wantError(t, create("k", 1, 3153600001*time.Second, time.Hour), codes.InvalidArgument, "rotation_period")
		wantError(t, create("k", 1, time.Hour, 299*time.Second), codes.InvalidArgument, "next_rotation_time")
		must(t, create("k", 1, time.Hour, 300*time.Second))
		_, err := c.updateSecret(&secretmanagerpb.Secret{Name: project + "/secrets/k"}, "rotation.next_rotation_time")
		wantError(t, err, codes.InvalidArgument, "next_rotation_time must be set")
	})
	fact(t, "1.3", "the next rotation moves on by the period when it is due", "resources.proto", func(t *testing.T) {
		c := start(t)
		first := c.Now().Add(time.Hour)
		_, err := c.createSecret(project, "shop-key", &secretmanagerpb.Secret{Replication: automatic(), Topics: topics(1), Rotation: &secretmanagerpb.Rotation{
			RotationPeriod: durationpb.New(2 * time.Hour), NextRotationTime: timestamppb.New(first),
		}})
		must(t, err)
		c.Advance(4 * time.Hour) // due after one hour and after three
		s, err := c.getSecret("shop-key")
		must(t, err)
		if got := s.GetRotation().GetNextRotationTime().AsTime(); !got.Equal(first.Add(4 * time.Hour)) {
			t.Errorf("next rotation %v, first %v", got, first)
		}
		c.Advance(365 * 24 * time.Hour)
		s, err = c.getSecret("shop-key")
		must(t, err)
		if ahead := s.GetRotation().GetNextRotationTime().AsTime().Sub(c.Now()); ahead <= 0 || ahead > 2*time.Hour {
			t.Errorf("after a year the next rotation is %v ahead", ahead)
		}
	})
}

func TestConformanceSecretLists(t *testing.T) {
	fact(t, "1.3", "lists begin with the newest and count all pages, without a filter only", "service.proto", func(t *testing.T) {
		c := start(t)
		for _, id := range []string{"b", "a", "c"} {
			_, err := c.createSecret(project, id, &secretmanagerpb.Secret{Replication: automatic(), Labels: map[string]string{"app": id}})
			must(t, err)
			c.Advance(time.Minute)
		}
		var ids []string
		for token := "first"; token != ""; {
			r, err := c.secrets.ListSecrets(c.ctx(), &secretmanagerpb.ListSecretsRequest{Parent: project, PageSize: 2, PageToken: strings.TrimPrefix(token, "first")})
			must(t, err)
			if r.GetTotalSize() != 3 {
				t.Errorf("total size %d", r.GetTotalSize())
			}
			for _, s := range r.GetSecrets() {
				ids = append(ids, s.GetName()[strings.LastIndex(s.GetName(), "/")+1:])
			}
			token = r.GetNextPageToken()
		}
		if !slices.Equal(ids, []string{"c", "a", "b"}) {
			t.Errorf("order %q", ids)
		}
		_, err := c.secrets.ListSecrets(c.ctx(), &secretmanagerpb.ListSecretsRequest{Parent: project, PageToken: "4"})
		wantError(t, err, codes.InvalidArgument, "page token")
		_, err = c.secrets.ListSecrets(c.ctx(), &secretmanagerpb.ListSecretsRequest{Parent: "acme-dev"})
		wantError(t, err, codes.InvalidArgument, "acme-dev")
	})
	fact(t, "1.3", "filters compare names, labels, times and states", "secret-manager/docs/filtering", func(t *testing.T) {
		c := start(t)
		for _, id := range []string{"web-a", "web-b", "job-a"} {
			_, err := c.createSecret(project, id, &secretmanagerpb.Secret{Replication: automatic(), Labels: map[string]string{"app": id[:3]}})
			must(t, err)
			c.Advance(time.Hour)
		}
		for filter, want := range map[string]string{
			"labels.app=web": "web-b web-a", "labels.app:*": "job-a web-b web-a", "labels.none:*": "", "name:a": "job-a web-a",
			"name:job OR name:web-b": "job-a web-b", "NOT labels.app=web": "job-a", "-name:a": "web-b",
			"labels.app=web AND name:-b": "web-b", "create_time<2026-11-01T12:30:00Z": "web-a", "create_time>=2026-11-01T13:00:00Z AND labels.app!=job": "web-b",
		} {
			r, err := c.secrets.ListSecrets(c.ctx(), &secretmanagerpb.ListSecretsRequest{Parent: project, Filter: filter})
			must(t, err)
			var ids []string
			for _, s := range r.GetSecrets() {
				ids = append(ids, s.GetName()[strings.LastIndex(s.GetName(), "/")+1:])
			}
			if got := strings.Join(ids, " "); got != want || r.GetTotalSize() != 0 {
				t.Errorf("%s: %q with total %d, want %q with 0", filter, got, r.GetTotalSize(), want)
			}
		}
		_, err := c.secrets.ListSecrets(c.ctx(), &secretmanagerpb.ListSecretsRequest{Parent: project, Filter: "topics:t"})
		wantError(t, err, codes.Unimplemented, "topics:t")
	})
}
