#!/usr/bin/env bash
# usage: findings/prefect_cache_takes_one_task_for_another.sh
#
# prefect 3.9.1 (Python): a task looks its cached result up by a key that its policy makes, among the results of all tasks.
# - The key of `INPUTS` has the names and values of the inputs, and not the task. So two tasks whose parameters are called the same share
#   results: after `caption(image="cat.png")` the call `upscale(image="cat.png")` does not run and returns the caption, with no error.
# - `INPUTS + TASK_SOURCE` has the text of the function, and not what it closes over. Tasks that one factory makes, say one for each
#   model, share results in the same way.
# - The default policy, of a task with `persist_result=True`, has the run as well. So three equal calls in one run, for three variants
#   of a picture, give one picture three times. Without persistence the same task makes three.
#
# Seen: what each call returned; a task returns what it made, with a count. Needs python3 with venv and its registry; prefect starts a
# server of its own on loopback. Takes about 90 s of processor time, half of it for the install. Ends with 1 if what is seen differs.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --no-compile --quiet --disable-pip-version-check prefect==3.9.1

cat >calls.py <<'PYTHON'
from itertools import count

from prefect import flow, task
from prefect.cache_policies import INPUTS, TASK_SOURCE

numbers = count(1)


@task(cache_policy=INPUTS)
def caption(image):
    return f"caption {next(numbers)}"


@task(cache_policy=INPUTS)
def upscale(image):
    return f"large {next(numbers)}"


def speaker(model):
    @task(cache_policy=INPUTS + TASK_SOURCE)
    def speak(text):
        return f"{model} {next(numbers)}"

    return speak


def paint(prompt):
    return f"picture {next(numbers)}"


@flow
def calls():
    print(f"two tasks: {caption(image='cat.png')}, {upscale(image='cat.png')}")
    print(f"two tasks of a factory: {speaker('bright')('Hello.')}, {speaker('warm')('Hello.')}")
    for name, painter in [("no persistence", task(paint)), ("persistence", task(paint, persist_result=True))]:
        print(f"three calls with {name}: {', '.join(painter('a cat') for _ in range(3))}")


calls()
PYTHON

export PREFECT_HOME=$folder/prefect DO_NOT_TRACK=1 PREFECT_SERVER_ANALYTICS_ENABLED=false PREFECT_LOGGING_LEVEL=ERROR
export PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS=100
unset PREFECT_API_URL
seen=$(python/bin/python calls.py 2>errors) || { cat errors >&2; exit 1; }
expected='two tasks: caption 1, caption 1
two tasks of a factory: bright 2, bright 2
three calls with no persistence: picture 3, picture 4, picture 5
three calls with persistence: picture 6, picture 6, picture 6'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'expected:\n%s\n' "$expected" >&2; exit 1; }
