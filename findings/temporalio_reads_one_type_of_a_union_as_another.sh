#!/usr/bin/env bash
# usage: findings/temporalio_reads_one_type_of_a_union_as_another.sh
#
# temporalio 1.35.0 (Python): what a workflow or an activity takes and returns goes through JSON, and its type hint says what it is read
# as. Of a union the default converter takes the first type that can be made of the value, not the one that fits it: an `int` is made
# of 1.5, and a dataclass of an object that has fields beyond its own. So `int | float` cuts off the fraction of a price, and of
# `Image | Film`, where a film has all that an image has, each film becomes an image; inside a list or a field as well. There is no
# error. With the types the other way round the values are whole, and with the converter in `temporalio.contrib.pydantic` they are so
# in either order.
#
# Seen: what a value has become after it was written and read as the type behind the colon. Needs python3 with venv and its registry.
# Ends with 1 if what is seen differs.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --no-compile --quiet --disable-pip-version-check temporalio==1.35.0 pydantic==2.14.4

cat >read.py <<'PYTHON'
import asyncio
from dataclasses import dataclass

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter


@dataclass
class Image:
    url: str


@dataclass
class Film:
    url: str
    seconds: float


@dataclass
class Plan:
    shots: list[Film | Image]
    takes: list[Image | Film]


FILM = Film("a", 2.5)
CASES = [
    ("1.5: int | float", 1.5, int | float),
    ("1.5: float | int", 1.5, float | int),
    ("Film: Image | Film", FILM, Image | Film),
    ("Film: Film | Image", FILM, Film | Image),
    ("Plan", Plan([FILM], [FILM]), Plan),
]


async def main():
    for name, converter in [("default", DataConverter.default), ("pydantic", pydantic_data_converter)]:
        for what, value, hint in CASES:
            [read] = await converter.decode(await converter.encode([value]), [hint])
            print(f"{name}, {what} -> {read}")


asyncio.run(main())
PYTHON

seen=$(python/bin/python read.py)
expected="default, 1.5: int | float -> 1
default, 1.5: float | int -> 1.5
default, Film: Image | Film -> Image(url='a')
default, Film: Film | Image -> Film(url='a', seconds=2.5)
default, Plan -> Plan(shots=[Film(url='a', seconds=2.5)], takes=[Image(url='a')])
pydantic, 1.5: int | float -> 1.5
pydantic, 1.5: float | int -> 1.5
pydantic, Film: Image | Film -> Film(url='a', seconds=2.5)
pydantic, Film: Film | Image -> Film(url='a', seconds=2.5)
pydantic, Plan -> Plan(shots=[Film(url='a', seconds=2.5)], takes=[Film(url='a', seconds=2.5)])"
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'expected:\n%s\n' "$expected" >&2; exit 1; }
