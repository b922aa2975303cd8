#!/usr/bin/env bash
# usage: findings/langgraph_ainvoke_runs_finished_nodes_again.sh
#
# langgraph 1.2.24 (Python): three nodes run beside each other under a checkpointer, one of them fails, and the graph is resumed. It is
# documented that the writes of the nodes that succeeded are kept, so that these are not run again. That holds for `invoke`, which
# waits for the rest. `ainvoke` of the same graph returns at the first failure: a node without async runs on in its thread, makes its
# call to the end, and its result is dropped; when the graph is resumed, it runs once more and the call is paid twice. With
# `durability="exit"` `invoke` waits as well and then keeps only what had ended before the failure.
#
# Seen: how often each node ran to its end, over the failed run and the resumed one. `before` ends before the failure, `after` 0.5 s
# later. Needs python3 with venv and its registry. Ends with 1 if what is seen differs.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --no-compile --quiet --disable-pip-version-check langgraph==1.2.24 langgraph-checkpoint==4.3.2

cat >resume.py <<'PYTHON'
import asyncio
import operator
import time
from typing import Annotated, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph


class State(TypedDict):
    made: Annotated[list, operator.add]


class Nodes:
    def __init__(self):
        self.ended = []
        self.healthy = False

    def end(self, name):
        self.ended.append(name)
        return {"made": [name]}

    def before(self, state):
        return self.end("before")

    def failing(self, state):
        time.sleep(0.5)
        if not self.healthy:
            raise ConnectionError("the service is down")
        return self.end("failing")

    def after(self, state):
        time.sleep(1)
        return self.end("after")


def run(call, durability):
    nodes = Nodes()
    graph = StateGraph(State)
    for node in [nodes.before, nodes.failing, nodes.after]:
        graph.add_node(node.__name__, node)
        graph.add_edge(START, node.__name__)
    graph = graph.compile(checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    try:
        call(graph, {"made": []}, thread, durability)
    except ConnectionError:
        nodes.healthy = True
    made = call(graph, None, thread, durability)["made"]
    assert sorted(made) == ["after", "before", "failing"], made
    return {name: nodes.ended.count(name) for name in ["before", "failing", "after"]}


def invoke(graph, given, thread, durability):
    return graph.invoke(given, thread, durability=durability)


def ainvoke(graph, given, thread, durability):
    return asyncio.run(graph.ainvoke(given, thread, durability=durability))


for call in [invoke, ainvoke]:
    for durability in ["sync", "async", "exit"]:
        print(f"{call.__name__}, durability {durability}:", run(call, durability))
PYTHON

seen=$(python/bin/python resume.py)
expected="invoke, durability sync: {'before': 1, 'failing': 1, 'after': 1}
invoke, durability async: {'before': 1, 'failing': 1, 'after': 1}
invoke, durability exit: {'before': 1, 'failing': 1, 'after': 2}
ainvoke, durability sync: {'before': 1, 'failing': 1, 'after': 2}
ainvoke, durability async: {'before': 1, 'failing': 1, 'after': 2}
ainvoke, durability exit: {'before': 1, 'failing': 1, 'after': 2}"
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'expected:\n%s\n' "$expected" >&2; exit 1; }
