package fakegcp

import (
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/protobuf/proto"
)

// checkReplicationUpdate refuses a change of where a secret is stored. Its keys may change: they count for versions added
// afterwards. Source: google/cloud/secretmanager/v1/resources.proto.
func checkReplicationUpdate(before, after *secretmanagerpb.Replication) error {
	if !proto.Equal(withoutKeys(before), withoutKeys(after)) {
		return invalid("Field [replication] is immutable.")
	}
	return nil
}

func withoutKeys(r *secretmanagerpb.Replication) *secretmanagerpb.Replication {
	r = proto.CloneOf(r)
	if a := r.GetAutomatic(); a != nil {
		a.CustomerManagedEncryption = nil
	}
	for _, replica := range r.GetUserManaged().GetReplicas() {
		replica.CustomerManagedEncryption = nil
	}
	return r
}

// keyVersion is the version of a key that a new secret version is encrypted with, nil without a key. The fake has no keys:
// it is always the first version of the key that was named.
func keyVersion(e *secretmanagerpb.CustomerManagedEncryption) *secretmanagerpb.CustomerManagedEncryptionStatus {
	if e.GetKmsKeyName() == "" {
		return nil
	}
	return &secretmanagerpb.CustomerManagedEncryptionStatus{KmsKeyVersionName: e.GetKmsKeyName() + "/cryptoKeyVersions/1"}
}

// replicationStatus says where a version is stored and with what key; regional secrets have none.
func replicationStatus(secret *secretmanagerpb.Secret) *secretmanagerpb.ReplicationStatus {
	switch r := secret.GetReplication().GetReplication().(type) {
	case *secretmanagerpb.Replication_Automatic_:
		return &secretmanagerpb.ReplicationStatus{ReplicationStatus: &secretmanagerpb.ReplicationStatus_Automatic{
			Automatic: &secretmanagerpb.ReplicationStatus_AutomaticStatus{
				CustomerManagedEncryption: keyVersion(r.Automatic.GetCustomerManagedEncryption()),
			},
		}}
	case *secretmanagerpb.Replication_UserManaged_:
		status := &secretmanagerpb.ReplicationStatus_UserManagedStatus{}
		for _, replica := range r.UserManaged.GetReplicas() {
			status.Replicas = append(status.Replicas, &secretmanagerpb.ReplicationStatus_UserManagedStatus_ReplicaStatus{
				Location: replica.GetLocation(), CustomerManagedEncryption: keyVersion(replica.GetCustomerManagedEncryption()),
			})
		}
		return &secretmanagerpb.ReplicationStatus{ReplicationStatus: &secretmanagerpb.ReplicationStatus_UserManaged{UserManaged: status}}
	}
	return nil
}
