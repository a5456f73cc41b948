"""Read models: what support, tenants and on-call engineers ask, answered without reading a topic through.

    rows.py     what one record means: its row, and which sums it adds to        pure
    life.py     a user's rows as the reminders they tell of                      pure
    sums.py     sums as counts and charges, by window and by day                 pure
    tables.py   rows, sums and positions in one local transaction                LMDB
    worker.py   the Faust app: from batches of the topics into the tables

The whole design in a sentence: every record has an id, a row is kept by its id, and every figure is a sum over rows, so
what comes twice changes nothing and what is read again from the start gives the same. Why the tables are not Faust's,
and why every worker holds all of them: ../decisions/2026-11-22-views-hold-everything.md.
"""
