"""docs/json-vectors.json for a reader that knows no tags, with the strict parser beside this file."""

import json
import sys

import strict

checked = 0
for vector in strict.read(open(sys.argv[1], "rb").read()):
    name, text = vector["name"], vector["json"]
    if vector.get("lenient") or "plain" not in vector:
        try:
            strict.read(text.encode())
        except ValueError:
            checked += 1
            continue
        sys.exit(f"{name}: not refused")
    if name == "one member twice":  # Python's own parser takes the last, as PHP does
        got = json.loads(text)
    else:
        got = strict.read(text.encode())
    if not strict.same(got, vector["plain"]):
        sys.exit(f"{name}: {got!r} instead of {vector['plain']!r}")
    # Python's own writer keeps the meaning if it is restricted to JSON.
    again = json.dumps(got, ensure_ascii=False, allow_nan=False)
    if not strict.same(strict.read(again.encode()), got):
        sys.exit(f"{name}: written as {again}")
    checked += 1
print(checked, "vectors")
