"""Works on one JSON session together with others, through examples/python/phpsess.py.

    writer.py URL SESSION NAME TIMES

Each time: counts `n`, adds its entry to `log`, and leaves everything else as it is.
"""

import json
import sys

import phpsess
import strict

url, session_id, name, times = sys.argv[1:]
sessions = phpsess.Sessions(url, wait=60)
for i in range(int(times)):
    with sessions.open(session_id) as session:
        values = strict.read(session.data)
        values["n"] += 1
        values["log"].append(f"{name} {i}")
        values[f"own {name}"] = {"i": i, "half": i + 0.5}
        session.data = json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
