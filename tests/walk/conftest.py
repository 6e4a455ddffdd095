"""An installation that stands for all tests of a module: servers, web and engines. Each test brings its own workers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitmqServer
from tests.walk.site import Site, site
from tests.walk.submitting import Door, engines_file


@pytest.fixture(scope="module")
def _standing(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: PostgresServer,
    postgres_template: str,
    rabbitmq_server: RabbitmqServer,
) -> Iterator[Door]:
    postgres_server.start()
    rabbitmq_server.start()
    folder = tmp_path_factory.mktemp("standing")
    name = folder.name.replace("-", "_")
    database_url = postgres_server.create_database(name, postgres_template)
    broker_url = rabbitmq_server.create_vhost(name)
    engines = folder / "engines.toml"
    # of so many threads every queue gets enough for all that a test sends it at once
    more = {"BRANDQ_ENGINES_FILE": str(engines), "BRANDQ_SIMULATE": "off", "BRANDQ_THREADS": "64"}
    with site(folder, database_url, broker_url, **more) as standing:
        engines.write_text(engines_file(standing.simulator.url), encoding="utf-8")
        yield Door(standing, standing.web())
    postgres_server.start()
    postgres_server.drop_database(name)
    rabbitmq_server.start()
    rabbitmq_server.delete_vhost(name)


@pytest.fixture
def door(_standing: Door, postgres_server: PostgresServer, rabbitmq_server: RabbitmqServer) -> Iterator[Door]:
    """The installation with servers that run and no worker; a test that failed leaves nothing for the next one to do."""
    postgres_server.start()
    rabbitmq_server.start()
    yield _standing
    end_all_but_web(_standing.site)
    postgres_server.start()
    rabbitmq_server.start()
    _standing.cancel_open()
    rabbitmq_server.purge_all(_standing.site.vhost)


def end_all_but_web(site: Site) -> None:
    for process in site.processes[1:]:
        if process.alive:
            process.kill()
