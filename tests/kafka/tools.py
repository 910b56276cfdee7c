"""Kafka's own command line tools, as an operator has them: from Maven's jars."""

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from devstack.brokers import COPY_GOAL, KAFKA_VERSION, kafka_jars

CLASSES = {
    "kafka-configs.sh": "kafka.admin.ConfigCommand",
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
    "kafka-acls.sh": "org.apache.kafka.tools.AclCommand",
}


def tool_jars() -> Path:
    """Return the folder of the tools' jars, fetched once."""
    folder = kafka_jars().parent / f"kafka-tools-{KAFKA_VERSION}"
    if folder.exists():
        return folder
    maven = shutil.which("mvn")
    assert maven, "Maven fetches Kafka's tools"
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        pom = Path(__file__).parent / "pom.xml"
        argv = [maven, "-q", "-B", "-f", str(pom), COPY_GOAL, f"-DoutputDirectory={work}/lib"]
        subprocess.run([*argv, "-DincludeScope=runtime"], check=True, timeout=300)
        Path(work, "lib").rename(folder)
    return folder


def run_tool(command: str, folder: Path) -> None:
    """Run a command of one of the tools, in a folder; fails if it does."""
    name, *arguments = shlex.split(command)
    jars = f"{tool_jars()}/*{os.pathsep}{kafka_jars()}/*"
    done = subprocess.run(
        ["java", "-XX:TieredStopAtLevel=1", "-cp", jars, CLASSES[name], *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
