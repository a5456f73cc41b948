"""Running the read models: what `ringback run views` does once the command line is understood.

    running.py    until it is told to stop, alone or beside stages
    member.py     ViewsMember: a worker that is started anew when it fails, in a thread, as a stage's member
    worker.py     Worker: one life of it, on one event loop: the tables, Faust, the answers
    serving.py    the HTTP server on that loop
    progress.py   how far the tables are, and up to when they are complete        pure
    logs.py       what the cluster says of the topics: ids, begins and ends
    folder.py     where a member keeps its tables: held by one process, opened, forgotten

One loop, so that the tables need no lock: a batch is taken in, or a question answered, never both at once. The thread
lets views run beside stages in one process, as any stage does; they then share its GIL, so give them a process of their
own where figures are asked for often.
"""

from infra.run.views.folder import AnotherWorkerError, forget
from infra.run.views.running import run_with_views

__all__ = ["AnotherWorkerError", "forget", "run_with_views"]
