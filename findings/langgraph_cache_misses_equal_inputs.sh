#!/usr/bin/env bash
# usage: findings/langgraph_cache_misses_equal_inputs.sh
#
# langgraph 1.2.24 (Python): the default cache policy of a task looks its input up by a pickle, which tells more than the value. So equal
# inputs miss, and a call is made and paid twice:
# - A dict with its keys in another order: only what is in named arguments is sorted.
# - Two texts that were one object in memory, and are two after they were read from JSON.
# - In a cache that is kept, a Pydantic model in the next process: the set of its given fields is pickled in an order that follows the
#   seed of Python's hashes, which is another in each process.
# And sorted named arguments tell less: a dict hits the result of a list of its pairs, so `{}` hits that of `[]`.
#
# Seen: of two calls each, whether the second was made, or answered from the cache. Needs python3 with venv and its registry. Ends with
# 1 if what is seen differs.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --no-compile --quiet --disable-pip-version-check \
    langgraph==1.2.24 langgraph-checkpoint==4.3.2 langgraph-checkpoint-sqlite==3.1.2 pydantic==2.14.4

cat >pairs.py <<'PYTHON'
import json

from langgraph.cache.memory import InMemoryCache
from langgraph.cache.sqlite import SqliteCache
from langgraph.func import entrypoint, task
from langgraph.types import CachePolicy
from pydantic import BaseModel

made = 0


@task(cache_policy=CachePolicy())
def paint(*given, **named):
    global made
    made += 1


def call(cache, given, named):
    """Whether the call was made, or answered from the cache."""

    @entrypoint(cache=cache)
    def flow(_):
        return paint(*given, **named).result()

    before = made
    flow.invoke(0)
    return "made" if made > before else "cached"


def second(name, first, other):
    cache = InMemoryCache()
    call(cache, *first)
    print(f"{name}:", call(cache, *other))


def given(value):
    return [value], {}


def named(value):
    return [], {"input": value}


def pairs():
    text = "a cat"
    shot = {"prompt": text, "title": text}
    second("the same dict", given(shot), given(shot))
    second("in another order", given({"width": 4, "height": 3}), given({"height": 3, "width": 4}))
    second("in another order, named", named({"width": 4, "height": 3}), named({"height": 3, "width": 4}))
    second("read from JSON", given(shot), given(json.loads(json.dumps(shot))))
    second("a dict after a list of its pairs, named", named([["width", 4]]), named({"width": 4}))


class Shot(BaseModel):
    prompt: str
    width: int
    height: int
    seed: int


def model(when):
    """Opens the kept cache anew each time."""
    shot = Shot(prompt="a cat", width=4, height=3, seed=1)
    print(f"a model, {when}:", call(SqliteCache(path="cache.db"), *given(shot)))
PYTHON

seen=$(
    PYTHONHASHSEED=1 python/bin/python -c 'from pairs import *; pairs(); model("first"); model("again")'
    PYTHONHASHSEED=2 python/bin/python -c 'from pairs import *; model("in the next process, another seed")'
)
expected='the same dict: cached
in another order: made
in another order, named: cached
read from JSON: made
a dict after a list of its pairs, named: cached
a model, first: made
a model, again: cached
a model, in the next process, another seed: made'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'expected:\n%s\n' "$expected" >&2; exit 1; }
