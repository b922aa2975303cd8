#!/usr/bin/env bash
# usage: findings/fal_clients_submit_again_when_a_reply_is_lost.sh
#
# fal-client 1.0.3 (Python) and @fal-ai/client 1.10.1 (npm): when the queue has taken a job and the connection ends before its reply
# is there, `submit` sends the same POST again, ten times in all in Python and four times in JavaScript. fal has no idempotency key, so
# each of them is a job of its own that is worked on and billed; the caller hears of none. In JavaScript `retry: { maxRetries: 0 }`
# of `createFalClient` changes nothing: `run` and `queue.submit` have retries of their own laid over it. In Python there is no option.
#
# Seen: of one call each, how many jobs the queue took. Needs python3 with venv, node 18 or later, npm, and both registries. The
# pauses between the attempts are left out. Ends with 1 if what is seen differs.
set -euo pipefail

folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check fal-client==1.0.3
npm install --silent --no-audit --no-fund --ignore-scripts @fal-ai/client@1.10.1 >/dev/null

cat >server.mjs <<'JS'
// Takes a job and closes the connection without a reply. `GET /taken` says how many there were since it was last asked.
import { createServer } from "node:http";
let taken = 0;
const server = createServer((request, response) => {
  if (request.url === "/taken") {
    response.end(String(taken));
    taken = 0;
    return;
  }
  request.resume().on("end", () => {
    taken += request.method === "POST";
    request.socket.destroy();
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
JS
node server.mjs >port &
server=$!
until [ -s port ]; do sleep 0.1; done
export PORT
PORT=$(cat port)

cat >submit.py <<'PYTHON'
import os
import urllib.request
import fal_client
import fal_client.client

home = f"http://127.0.0.1:{os.environ['PORT']}/"
fal_client.client.QUEUE_URL_FORMAT = home
fal_client.client.time.sleep = lambda seconds: None
try:
    fal_client.SyncClient(key="id:secret").submit("fal-ai/flux/dev", {"prompt": "a cat"})
except Exception as error:
    print("Python submit:", urllib.request.urlopen(home + "taken").read().decode(), "jobs, then", type(error).__name__)
PYTHON

cat >submit.mjs <<'JS'
import { createFalClient } from "@fal-ai/client";
const home = `http://127.0.0.1:${process.env.PORT}/`;
const local = async (request) => ({ ...request, url: home });
const timer = globalThis.setTimeout;
globalThis.setTimeout = (act, _, ...rest) => timer(act, 0, ...rest);
const fal = createFalClient({ credentials: "id:secret", requestMiddleware: local, retry: { maxRetries: 0 } });
for (const [name, call] of Object.entries({ run: (...all) => fal.run(...all), submit: (...all) => fal.queue.submit(...all) })) {
  try {
    await call("fal-ai/flux/dev", { input: { prompt: "a cat" } });
  } catch (error) {
    console.log(`JavaScript ${name}, maxRetries 0:`, await (await fetch(home + "taken")).text(), "jobs, then", error.name);
  }
}
JS

seen=$(python/bin/python submit.py && node submit.mjs)
expected='Python submit: 10 jobs, then RemoteProtocolError
JavaScript run, maxRetries 0: 4 jobs, then TypeError
JavaScript submit, maxRetries 0: 4 jobs, then TypeError'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'expected:\n%s\n' "$expected" >&2; exit 1; }
