"""A line of text that is made once and kept in a file, and on which all processes agree that ask for it.

A member's id and a token are of this kind: whoever comes first chooses, and who comes at the same moment must not work
with a text of its own. `os.link` refuses a name that is taken, so exactly one wins; and the file has its name only when
all of it is on the disk, so nobody reads a part of it, whoever dies meanwhile.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def made_once(path: Path, text: str, mode: int = 0o666) -> str:
    """What the file holds: `text`, unless there was one before. Makes the folder, too. Raises OSError.

    `mode` is the file's from its first moment on, less what the umask takes, as with every new file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(descriptor, "w") as file:  # noqa: PTH123 - a path has no say in the mode
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)
    except FileExistsError:
        pass  # another process was quicker: then its text is ours
    finally:
        fresh.unlink()
    return path.read_text().strip()
