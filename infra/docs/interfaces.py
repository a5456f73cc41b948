"""Writes the interface documents: AsyncAPI of the topics, rights of the services, OpenAPI of gateway and views.

python -m infra.docs.interfaces           write them
python -m infra.docs.interfaces --check   exit 1 if one of them is not what the code says
"""

from __future__ import annotations

import sys

from connectors.views import openapi
from infra.docs import access, asyncapi, gateway
from infra.generated import Files, as_yaml
from infra.generated import main as write_or_check

MADE_BY = "infra.docs.interfaces"


def files() -> Files:
    """Path from the root of the repository -> content."""
    return {
        asyncapi.PATH: as_yaml([asyncapi.document()], MADE_BY),
        access.PATH: access.page() + "\n",
        gateway.PATH: as_yaml([gateway.document()], MADE_BY),
        "connectors/views/openapi.yaml": as_yaml([openapi.document()], MADE_BY),
    }


def main(argv: list[str] | None = None) -> int:
    return write_or_check(MADE_BY, __doc__, files, argv)


if __name__ == "__main__":
    sys.exit(main())
