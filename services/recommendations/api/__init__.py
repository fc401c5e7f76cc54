"""The gRPC services of recommendations, one module each."""
