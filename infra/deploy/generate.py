"""Writes compose file, Kubernetes manifests and the image's requirements, from the code.

python -m infra.deploy.generate           write them
python -m infra.deploy.generate --check   exit 1 if one of them is not what the code says
"""

from __future__ import annotations

import sys

from infra.deploy import compose, kustomize, requirements
from infra.generated import Files, as_yaml
from infra.generated import main as write_or_check

FOLDER = "infra/deploy"
KUBERNETES = f"{FOLDER}/kubernetes"
MADE_BY = "infra.deploy.generate"


def files() -> Files:
    """Path from the root of the repository -> content."""
    return {
        f"{FOLDER}/requirements.txt": requirements.image_requirements(),
        f"{FOLDER}/build-requirements.txt": requirements.build_requirements(),
        f"{FOLDER}/compose/compose.yaml": as_yaml([compose.document()], MADE_BY),
        f"{FOLDER}/compose/prometheus.yaml": as_yaml([compose.prometheus()], MADE_BY),
        f"{FOLDER}/compose/grafana/datasources.yaml": as_yaml([compose.grafana_datasources()], MADE_BY),
        f"{FOLDER}/compose/grafana/dashboards.yaml": as_yaml([compose.grafana_dashboards()], MADE_BY),
        **{f"{KUBERNETES}/{name}": as_yaml(objects, MADE_BY) for name, objects in kustomize.files().items()},
    }


def main(argv: list[str] | None = None) -> int:
    folders = [KUBERNETES, f"{FOLDER}/compose"]
    return write_or_check(MADE_BY, __doc__, files, argv, folders)


if __name__ == "__main__":
    sys.exit(main())
