"""A strict JSON reader, and a writer that keeps the meaning and changes the spelling.

    strict.py SEED      each line of the input is a JSON text; answers each with a line of the same meaning

Strict: UTF-8, no name twice in an object, no NaN or Infinity, no lone surrogates, no number beyond a float's range.
Objects are read in order, integers stay integers of any size, floats stay floats.
"""

import json
import math
import random
import sys

sys.setrecursionlimit(10_000)  # sessions have 512 levels


def read(text):
    """The value of a text (bytes)."""

    def members(pairs):
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("a name twice in one object")
        for name, _ in pairs:
            name.encode()
        return dict(pairs)

    def number(digits):
        value = float(digits)
        if not math.isfinite(value):
            raise ValueError(f"{digits} is no float")
        return value

    def constant(word):
        raise ValueError(f"{word} is no JSON")

    value = json.loads(text.decode(), object_pairs_hook=members, parse_float=number, parse_constant=constant)
    check(value)
    return value


def check(value):
    if isinstance(value, str):
        value.encode()  # refuses lone surrogates
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            check(item)


def same(a, b):
    """Equal in type, sign of zero and order of members, too."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[name], b[name]) for name in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return a.hex() == b.hex()
    return a == b


def write(value, rng):
    """The value as a text: escapes, white space and the spelling of floats are by chance."""
    if isinstance(value, dict):
        members = (write(name, rng) + space(rng) + ":" + write(item, rng) for name, item in value.items())
        return "{" + ",".join(space(rng) + member + space(rng) for member in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(space(rng) + write(item, rng) + space(rng) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=rng.random() < 0.5)
    if isinstance(value, float):
        return rng.choice([repr(value), f"{value:.17e}", f"{value:.17E}"])
    return json.dumps(value)


def space(rng):
    return rng.choice(["", "", "", " ", "\t"])


if __name__ == "__main__":
    chance = random.Random(int(sys.argv[1]))
    for line in sys.stdin.buffer:
        meaning = read(line)
        answer = write(meaning, chance)
        assert same(meaning, read(answer.encode())), answer
        print(answer, flush=True)
