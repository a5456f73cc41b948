"""Writes the interface documents: AsyncAPI of the topics, rights of the services, OpenAPI of the gateway.

python -m infra.docs.interfaces           write them
python -m infra.docs.interfaces --check   exit 1 if one of them is not what the code says
"""

from __future__ import annotations

import sys

from infra.deploy.generate import dump
from infra.docs import access, asyncapi, gateway
from infra.generated import Files
from infra.generated import main as write_or_check


def files() -> Files:
    """Path from the root of the repository -> content."""
    return {
        asyncapi.PATH: dump([asyncapi.document()], made_by="infra.docs.interfaces"),
        access.PATH: access.page() + "\n",
        gateway.PATH: dump([gateway.document()], made_by="infra.docs.interfaces"),
    }


def main(argv: list[str] | None = None) -> int:
    return write_or_check("infra.docs.interfaces", __doc__, files, argv)


if __name__ == "__main__":
    sys.exit(main())
