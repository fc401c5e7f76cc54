"""The `acquaint` command: speaks gRPC to the services, and starts and stops the local stack."""
