#!/usr/bin/env bash
# usage: findings/deepgram_client_retries_without_the_sound.sh
#
# deepgram-sdk 7.17.0 (Python): `transcribe_file` takes the sound as bytes or, by its types and its documentation, as an iterator of bytes,
# and makes the request again by itself, twice at most, after 408, 409, 429 and 5xx. It keeps nothing of an iterator: the second
# request has an empty body. Only the service can notice that: if it answers with 200, the caller has a transcript without words and no
# error. An open file, which is an iterator too, fails in another way: the second request promises the length of the file and sends
# nothing, and the client raises an error of the protocol in place of the 503.
#
# Seen: of one call each, the bytes of sound that arrived in each complete request, where the first is answered with 503, and what the
# call gave. Needs python3 with venv and its registry. Ends with 1 if what is seen differs.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check deepgram-sdk==7.17.0

cat >transcribe.py <<'PYTHON'
import http.server
import io
import json
import threading

from deepgram import DeepgramClient
from deepgram.environment import DeepgramClientEnvironment

SOUND = bytes(4000)


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    arrived = []

    def chunks(self):
        while length := int(self.rfile.readline(), 16):
            yield self.rfile.read(length)
            self.rfile.readline()
        self.rfile.readline()

    def do_POST(self):
        chunked = self.headers.get("transfer-encoding") == "chunked"
        length = int(self.headers.get("content-length") or 0)
        sound = b"".join(self.chunks()) if chunked else self.rfile.read(length)
        if not chunked and len(sound) < length:
            return
        Server.arrived.append(len(sound))
        channel = {"alternatives": [{"transcript": "words" if sound else "", "confidence": 0.9, "words": []}]}
        metadata = {"request_id": "id", "created": "2026-11-29T21:00:00.000Z", "duration": 1, "channels": 1, "models": []}
        reply = json.dumps({"metadata": metadata, "results": {"channels": [channel]}}).encode()
        self.send_response(503 if len(Server.arrived) == 1 else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *words):
        pass


class Quiet(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """A client that goes away is part of what is seen."""


def pieces():
    with io.BytesIO(SOUND) as sound:
        while piece := sound.read(1000):
            yield piece


server = Quiet(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
home = f"http://127.0.0.1:{server.server_port}"
place = DeepgramClientEnvironment(base=home, production=home, agent=home, agent_rest=home)
client = DeepgramClient(api_key="key", environment=place)
with open("sound.wav", "wb") as file:
    file.write(SOUND)
for name, sound in {"bytes": SOUND, "an iterator": pieces(), "an open file": open("sound.wav", "rb")}.items():
    Server.arrived = []
    try:
        reply = client.listen.v1.media.transcribe_file(request=sound)
        gave = repr(reply.results.channels[0].alternatives[0].transcript)
    except Exception as error:
        gave = type(error).__name__
    print(f"{name}: {Server.arrived} bytes, then {gave}")
PYTHON

seen=$(python/bin/python transcribe.py)
expected="bytes: [4000, 4000] bytes, then 'words'
an iterator: [4000, 0] bytes, then ''
an open file: [4000] bytes, then LocalProtocolError"
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'expected:\n%s\n' "$expected" >&2; exit 1; }
