#!/usr/bin/env bash
# usage: findings/replicate_clients_misread_two_ends.sh
#
# Of the four ends of a prediction that Replicate documents, `succeeded`, `failed`, `canceled` and `aborted` (its deadline passed before
# it began), its clients replicate 1.0.7 (Python) and replicate 1.4.0 (npm) misread two:
# - `run` of a prediction that was cancelled elsewhere returns as if it had succeeded, with no output: no error, in both.
# - In Python `aborted` is refused by the model of a prediction, so that one such prediction makes `predictions.list` fail for the
#   whole page that it is on.
#
# Seen: what comes of each. Needs python3 with venv, node 18 or later, npm, and both registries. Ends with 1 if what is seen differs.
set -euo pipefail

folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check replicate==1.0.7
npm install --silent --no-audit --no-fund --ignore-scripts replicate@1.4.0 >/dev/null

cat >server.mjs <<'JS'
// A prediction of the model `owner/<status>` begins, and has ended with that status when it is asked for.
import { createServer } from "node:http";
const prediction = (id, status) => ({
  id, status, model: `owner/${id}`, version: "hidden", input: { prompt: "a cat" }, output: null, logs: "", error: null,
  created_at: "2026-11-29T21:00:00.000Z", data_removed: false, metrics: {}, urls: { get: "", cancel: "" },
});
const server = createServer((request, response) => request.resume().on("end", () => {
  const last = request.url.split("/").at(-1);
  const body = request.method === "POST" ? prediction(request.url.split("/").at(-2), "starting")
    : last === "predictions" ? { next: null, previous: null, results: ["succeeded", "aborted", "failed"].map((status) => prediction(status, status)) }
    : prediction(last, last);
  response.writeHead(request.method === "POST" ? 201 : 200, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
JS
node server.mjs >port &
server=$!
until [ -s port ]; do sleep 0.1; done
export PORT
PORT=$(cat port)

cat >ends.py <<'PYTHON'
import os

os.environ["REPLICATE_POLL_INTERVAL"] = "0.01"
import replicate

client = replicate.Client(api_token="token", base_url=f"http://127.0.0.1:{os.environ['PORT']}")


def seen(name, call):
    try:
        print(f"Python {name}: {call()!r}")
    except Exception as error:
        print(f"Python {name}: {type(error).__name__}")


seen("run, failed", lambda: client.run("owner/failed", input={}))
seen("run, canceled", lambda: client.run("owner/canceled", input={}))
seen("run, aborted", lambda: client.run("owner/aborted", input={}))
seen("list with one aborted of three", lambda: len(client.predictions.list().results))
PYTHON

cat >ends.mjs <<'JS'
import Replicate from "replicate";
const replicate = new Replicate({ auth: "token", baseUrl: `http://127.0.0.1:${process.env.PORT}/v1` });
for (const status of ["failed", "canceled"]) {
  try {
    const output = await replicate.run(`owner/${status}`, { input: {}, wait: { mode: "poll", interval: 1 } });
    console.log(`JavaScript run, ${status}: ${JSON.stringify(output)}`);
  } catch (error) {
    console.log(`JavaScript run, ${status}: ${error.name}`);
  }
}
JS

seen=$(python/bin/python ends.py && node ends.mjs)
expected='Python run, failed: ModelError
Python run, canceled: None
Python run, aborted: ValidationError
Python list with one aborted of three: ValidationError
JavaScript run, failed: Error
JavaScript run, canceled: null'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'expected:\n%s\n' "$expected" >&2; exit 1; }
