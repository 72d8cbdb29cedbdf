"""The part of etcd's gRPC interface that the ordering service uses."""
