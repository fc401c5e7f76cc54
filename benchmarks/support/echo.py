"""A bare gRPC server with one method that takes nothing and returns nothing; prints its port."""

from __future__ import annotations

import sys

import grpc
import uvloop


async def serve(method: str) -> None:
    """Serves until the process is ended."""

    async def answer(request: bytes, context: object) -> bytes:
        return b""

    _, service, name = method.split("/")
    server = grpc.aio.server()
    server.add_registered_method_handlers(service, {name: grpc.unary_unary_rpc_method_handler(answer)})
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
