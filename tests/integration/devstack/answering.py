"""A service reduced to its health check, for tests of the supervisor; run as a module."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2_grpc


def main() -> None:
    server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
    server.add_insecure_port(f"127.0.0.1:{os.environ['ACQUAINT_RPC__PORT']}")
    server.start()
    print(f"serving with {os.environ['ACQUAINT_KAFKA__BOOTSTRAP']}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
