#!/usr/bin/env bash
# usage: findings/langgraph_js_cache_takes_one_map_for_another.sh
#
# @langchain/langgraph 1.7.3 (npm): the default cache policy of a task looks its input up by its JSON, and as JSON each Map and each Set is
# `{}`. So a task that is given a Map returns the result of the first Map that it was ever given, with no error. As the input of a flow and
# in a checkpoint a Map is kept whole; only the cache confuses them.
#
# Seen: what a task that tells its input returns for the second of two inputs. Needs node 20 or later, npm and its registry. Ends with 1
# if what is seen differs.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts \
    @langchain/langgraph@1.7.3 @langchain/langgraph-checkpoint@1.2.2 @langchain/core@1.4.0 >/dev/null

cat >pairs.mjs <<'JS'
import { inspect } from "node:util";
import { InMemoryCache } from "@langchain/langgraph-checkpoint";
import { Command, MemorySaver, entrypoint, interrupt, task } from "@langchain/langgraph";

const paint = task({ name: "paint", cachePolicy: {} }, async (input) => `a picture of ${inspect(input)}`);
async function second(first, other) {
  const flow = entrypoint({ name: "flow", cache: new InMemoryCache() }, async (input) => paint(input));
  await flow.invoke(first);
  console.log(`${inspect(other)} after ${inspect(first)}: ${await flow.invoke(other)}`);
}
await second({ prompt: "cat" }, { prompt: "dog" });
await second(new Map([["prompt", "cat"]]), new Map([["prompt", "dog"]]));
await second(new Map([["prompt", "cat"]]), new Set(["dog"]));

const flow = entrypoint({ name: "flow", checkpointer: new MemorySaver() }, async (input) => interrupt("wait") && inspect(input));
const thread = { configurable: { thread_id: "1" } };
await flow.invoke(new Map([["prompt", "cat"]]), thread);
console.log(`resumed from a checkpoint: ${await flow.invoke(new Command({ resume: "go" }), thread)}`);
JS

seen=$(node pairs.mjs)
expected="{ prompt: 'dog' } after { prompt: 'cat' }: a picture of { prompt: 'dog' }
Map(1) { 'prompt' => 'dog' } after Map(1) { 'prompt' => 'cat' }: a picture of Map(1) { 'prompt' => 'cat' }
Set(1) { 'dog' } after Map(1) { 'prompt' => 'cat' }: a picture of Map(1) { 'prompt' => 'cat' }
resumed from a checkpoint: Map(1) { 'prompt' => 'cat' }"
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'expected:\n%s\n' "$expected" >&2; exit 1; }
