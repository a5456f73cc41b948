"""`python -m infra.bench.stores ENGINE NUMBER`: one engine in this process, figures as JSON."""

from __future__ import annotations

import json
import sys

from infra.bench.stores.run import measure

print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
