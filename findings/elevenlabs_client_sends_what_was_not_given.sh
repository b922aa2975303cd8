#!/usr/bin/env bash
# usage: findings/elevenlabs_client_sends_what_was_not_given.sh
#
# elevenlabs 2.78.0 (Python): `speech_to_text.convert` sends three form fields that nobody gave, with the text `null`, and what was given
# as JSON it encodes once more. Their types are unions, for which the form gets `json.dumps` of the value: of None as well as of a text.
# So `webhook_metadata='{"token": "t"}'`, as its documentation asks for ("a JSON string representing an object"), arrives as a string that
# holds JSON; only a dict arrives as an object.
#
# Seen: the form fields of three calls, but for the file. Needs python3 with venv and its registry. Ends with 1 if what is seen differs.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check elevenlabs==2.78.0

cat >convert.py <<'PYTHON'
import email.message
import email.parser
import http.server
import json
import threading

from elevenlabs.client import ElevenLabs


class Server(http.server.BaseHTTPRequestHandler):
    fields = {}

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
        parts = email.parser.BytesParser().parsebytes(head + body).get_payload()
        named = [(part.get_param("name", header="content-disposition"), part.get_payload()) for part in parts]
        Server.fields = {name: text for name, text in named if name != "file"}
        reply = json.dumps({"language_code": "en", "language_probability": 1.0, "text": "a", "words": []}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *words):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = ElevenLabs(api_key="key", base_url=f"http://127.0.0.1:{server.server_port}")
for given in [{}, {"webhook_metadata": '{"token": "t"}'}, {"webhook_metadata": {"token": "t"}}]:
    client.speech_to_text.convert(model_id="scribe_v1", file=("a.mp3", b"abc", "audio/mpeg"), **given)
    print(given, "->", Server.fields)
PYTHON

seen=$(python/bin/python convert.py)
expected=$(cat <<'TEXT'
{} -> {'model_id': 'scribe_v1', 'webhook_metadata': 'null', 'entity_detection': 'null', 'entity_redaction': 'null'}
{'webhook_metadata': '{"token": "t"}'} -> {'model_id': 'scribe_v1', 'webhook_metadata': '"{\\"token\\": \\"t\\"}"', 'entity_detection': 'null', 'entity_redaction': 'null'}
{'webhook_metadata': {'token': 't'}} -> {'model_id': 'scribe_v1', 'webhook_metadata': '{"token": "t"}', 'entity_detection': 'null', 'entity_redaction': 'null'}
TEXT
)
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'expected:\n%s\n' "$expected" >&2; exit 1; }
