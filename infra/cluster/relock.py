"""Writes `artifacts.lock.toml` anew: `python -m infra.cluster.relock`. Run it to move to another version, by hand.

Needs the network. Nothing else of the cluster resolves dependencies: it fetches exactly what this wrote.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from infra.cluster.artifacts import HTTP_TIMEOUT_S, LOCK_FILE

KAFKA_VERSION = "4.3.1"
REGISTRY_VERSION = "2.6.13.Final"

# The clients beside the server: kafka_2.13 alone leads jgo to clients 3.9.1, and the broker ends with
# NoSuchMethodError. The SLF4J binding, as Kafka's own POM names log4j2 but nothing that leads SLF4J to it.
KAFKA_COORDINATES = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    f"org.apache.kafka:kafka-clients:{KAFKA_VERSION}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!",
)
# Kafka's own command line tools: what our figures are held against. It stands on the jars above.
TOOLS_COORDINATE = ("org.apache.kafka", "kafka-tools", KAFKA_VERSION, "", "jar")
REGISTRY_COORDINATE = ("io.apicurio", "apicurio-registry-app", REGISTRY_VERSION, "all", "tar.gz")

HEADER = """\
# Every file that the local cluster runs, pinned. Written by `python -m infra.cluster.relock`; not by hand.
"""


def _entry(group: str, name: str, packaging: str, classifier: str, version: str, path: Path) -> str:
    coordinate = ":".join(part for part in (group, name, packaging, classifier, version) if part)
    data = path.read_bytes()
    return f'coordinate = "{coordinate}"\nsize_bytes = {len(data)}\nsha256 = "{hashlib.sha256(data).hexdigest()}"\n'


def main() -> None:
    """Resolve, download, hash, write."""
    from jgo.maven import MavenContext, PythonResolver

    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(repo_cache=Path(folder), resolver=PythonResolver(), timeout=HTTP_TIMEOUT_S)
        roots = [context.create_dependency(coordinate) for coordinate in KAFKA_COORDINATES]
        inputs, transitive = context.resolver.resolve(roots)
        text = f'{HEADER}\n[kafka]\nversion = "{KAFKA_VERSION}"\n'
        for jar in sorted((d.artifact for d in [*inputs, *transitive]), key=str):
            text += "\n[[kafka.artifact]]\n" + _entry(
                jar.groupId, jar.artifactId, jar.packaging, jar.classifier, jar.version, jar.resolve()
            )
        for title, (group, name, version, classifier, packaging) in (
            ("registry", REGISTRY_COORDINATE),
            ("tools", TOOLS_COORDINATE),
        ):
            component = context.project(group, name).at_version(version)
            path = component.artifact(classifier=classifier, packaging=packaging).resolve()
            text += f'\n[{title}]\nversion = "{version}"\n\n[[{title}.artifact]]\n'
            text += _entry(group, name, packaging, classifier, version, path)
    LOCK_FILE.write_text(text)


if __name__ == "__main__":
    main()
