package fakegcp_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// A large installation: so much is written, and read back at a restart.
const (
	benchServices = 2000
	benchSecrets  = 4000 // each with a version
)

// BenchmarkStateFile tells what a call costs with and without a state file, and how long a start on the file takes.
func BenchmarkStateFile(b *testing.B) {
	for _, kept := range []bool{false, true} {
		b.Run(fmt.Sprintf("kept=%t", kept), func(b *testing.B) {
			for range b.N {
				benchmarkState(b, kept)
			}
		})
	}
}

func benchmarkState(b *testing.B, kept bool) {
	options := fakegcp.Options{OperationTime: time.Minute}
	if kept {
		options.StateFile = filepath.Join(b.TempDir(), "state")
	}
	s, err := fakegcp.Start(options)
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	if err := fill(b.Context(), s.Addr()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(time.Since(began).Microseconds())/(benchServices+2*benchSecrets), "us/call")
	if err := s.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	if !kept {
		return
	}
	info, err := os.Stat(options.StateFile)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/(benchServices+2*benchSecrets), "bytes/call")
	began = time.Now()
	if s, err = fakegcp.Start(options); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/restart")
	if err := s.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func fill(ctx context.Context, addr string) error {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	secrets, services := secretmanagerpb.NewSecretManagerServiceClient(conn), runpb.NewServicesClient(conn)
	for i := range benchSecrets {
		secret, err := secrets.CreateSecret(ctx, &secretmanagerpb.CreateSecretRequest{
			Parent: project, SecretId: fmt.Sprintf("key-%d", i), Secret: &secretmanagerpb.Secret{Replication: automatic()},
		})
		if err != nil {
			return err
		}
		payload := &secretmanagerpb.SecretPayload{Data: []byte("a value of some length, as passwords and keys have it")}
		if _, err := secrets.AddSecretVersion(ctx, &secretmanagerpb.AddSecretVersionRequest{Parent: secret.GetName(), Payload: payload}); err != nil {
			return err
		}
	}
	for i := range benchServices {
		if _, err := services.CreateService(ctx, &runpb.CreateServiceRequest{Parent: location, ServiceId: fmt.Sprintf("api-%d", i), Service: service(container())}); err != nil {
			return err
		}
	}
	return nil
}
