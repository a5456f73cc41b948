"""Writes compose file, Kubernetes manifests and the image's requirements, from the code.

python -m infra.deploy.generate           write them
python -m infra.deploy.generate --check   exit 1 if one of them is not what the code says
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import yaml

from infra.deploy import compose, kustomize, requirements
from infra.generated import Files
from infra.generated import main as write_or_check

FOLDER = "infra/deploy"
KUBERNETES = f"{FOLDER}/kubernetes"
HEAD = "# Made by `python -m {}`: change what it is made from, not this.\n"


class _Dumper(yaml.SafeDumper):
    """Writes shared parts out instead of naming them: tools differ in what they make of anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 (PyYAML's own interface)
        return True


def dump(documents: Iterable[Any], made_by: str = "infra.deploy.generate") -> str:
    """Documents as YAML, under a line that says where they come from."""
    return HEAD.format(made_by) + yaml.dump_all(
        documents, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True
    )


def files() -> Files:
    """Path from the root of the repository -> content."""
    return {
        f"{FOLDER}/requirements.txt": requirements.image_requirements(),
        f"{FOLDER}/build-requirements.txt": requirements.build_requirements(),
        f"{FOLDER}/compose/compose.yaml": dump([compose.document()]),
        f"{FOLDER}/compose/prometheus.yaml": dump([compose.prometheus()]),
        f"{FOLDER}/compose/grafana/datasources.yaml": dump([compose.grafana_datasources()]),
        f"{FOLDER}/compose/grafana/dashboards.yaml": dump([compose.grafana_dashboards()]),
        **{f"{KUBERNETES}/{name}": dump(objects) for name, objects in kustomize.files().items()},
    }


def main(argv: list[str] | None = None) -> int:
    folders = [KUBERNETES, f"{FOLDER}/compose"]
    return write_or_check("infra.deploy.generate", __doc__, files, argv, folders)


if __name__ == "__main__":
    sys.exit(main())
