"""A service as a child: told where everything is, and when it cannot start, why."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.devstack.errors import StartFailed
from services.devstack.ports import PortBook
from services.devstack.service import SERVICES, ServiceProcess, ServiceSpec, is_serving


def test_the_four_services_have_ports_and_modules_of_their_own() -> None:
    assert [spec.name for spec in SERVICES] == ["profiles", "interactions", "recommendations", "notifications"]
    ports = [port for spec in SERVICES for port in (spec.usual_port, spec.usual_metrics_port)]
    assert len(set(ports)) == 8
    assert ports[::2] == [50051, 50052, 50053, 50054]


async def test_a_service_that_ends_at_once_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    spec = ServiceSpec(name="nowhere", module="services.nowhere", usual_port=50099, usual_metrics_port=50098)
    service = ServiceProcess(spec, tmp_path)
    service.choose_ports(PortBook(tmp_path), usual=False)
    service.start({})
    with pytest.raises(StartFailed, match=r"(?s)nowhere did not start: it ended with exit code 1\n.*services\.nowhere"):
        await service.ready()
    assert not await is_serving(service.address)
