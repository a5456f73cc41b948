"""Keeps the current version of every schema for ever, if it is not kept yet.

    python -m schemas.golden           add what is new; exit 1 if one is incompatible with those kept
    python -m schemas.golden --check   add nothing; exit 1 if a current schema is not kept

A version that was never released may go: remove its file, run this again.
"""

import argparse
import sys

from schemas import catalog, golden


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m schemas.golden", description=golden.__doc__)
    parser.add_argument("--check", action="store_true", help="add nothing; exit 1 if a schema is not kept")
    check = parser.parse_args(argv).check
    answer = 0
    for version in catalog.current().values():
        if check and not golden.is_kept(version, catalog.kept()):
            print(f"{version.name}: not kept yet, run python -m schemas.golden", file=sys.stderr)
            answer = 1
        elif not check:
            answer |= _add(version)
    return answer


def _add(version: catalog.Version) -> int:
    try:
        path = golden.add(version, catalog.kept())
    except golden.Refused as refusal:
        print(f"{version.name}: refused\n{refusal}", file=sys.stderr)
        return 1
    if path is not None:
        print(f"kept {path.name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
