#!/usr/bin/env bash
# usage: findings/replicate_client_retries_at_once.sh
#
# replicate 1.4.0 (npm) documents that a request refused with 429 is made again after Retry-After, else after a back-off of 500 ms that
# doubles. It waits in neither case: six POSTs leave within moments, and the header is never read. (It is read of errors that are
# thrown, but `fetch` throws none for a status; and a pause is made only if its length is an integer, to which a random fraction was
# added before.) Beside that a POST whose connection ends without a reply is made again as well, whatever the documentation of the
# function says: a prediction whose reply was lost is created and billed six times.
#
# Seen: of one call each, how many POSTs came, and whether all were there within two seconds, where the back-off alone takes 15.
# Needs node 18 or later, npm and its registry. Ends with 1 if what is seen differs.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts replicate@1.4.0 >/dev/null

cat >create.mjs <<'JS'
import { createServer } from "node:http";
import Replicate from "replicate";

let answer;
let posts = 0;
const server = createServer((request, response) => request.resume().on("end", () => {
  posts += request.method === "POST";
  answer(request, response);
}));
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const replicate = new Replicate({ auth: "token", baseUrl: `http://127.0.0.1:${server.address().port}/v1` });

const cases = {
  "429 with Retry-After: 60": (request, response) => {
    response.writeHead(429, { "content-type": "application/json", "retry-after": "60" });
    response.end(JSON.stringify({ title: "Too many requests", detail: "Request was throttled.", status: 429, retry_after: 60 }));
  },
  "429 without it": (request, response) => {
    response.writeHead(429, { "content-type": "application/json" });
    response.end(JSON.stringify({ title: "Too many requests", detail: "Request was throttled.", status: 429 }));
  },
  "created, reply lost": (request) => request.socket.destroy(),
};
for (const [name, how] of Object.entries(cases)) {
  [answer, posts] = [how, 0];
  const began = performance.now();
  try {
    await replicate.predictions.create({ model: "owner/name", input: { prompt: "a cat" } });
  } catch (error) {
    console.log(`${name}: ${posts} POSTs ${performance.now() - began < 2000 ? "within" : "in more than"} two seconds, then ${error.name}`);
  }
}
server.close();
JS

seen=$(node create.mjs)
expected='429 with Retry-After: 60: 6 POSTs within two seconds, then ApiError
429 without it: 6 POSTs within two seconds, then ApiError
created, reply lost: 6 POSTs within two seconds, then TypeError'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'expected:\n%s\n' "$expected" >&2; exit 1; }
