#!/usr/bin/env bash
# usage: findings/genai_prices_doubles_the_price_of_added_calls.sh
#
# genai-prices 0.2.3 (Python): `Usage` can be added, also by `sum`, and `calc_price` takes the sum as one call. Several models, Gemini 2.5
# Pro for one, have a higher rate for all tokens of a call whose input is above a threshold. So the usage of a run of many small calls
# is priced as one call of a size that nobody made, here at almost twice what its calls cost; one token above the threshold is enough.
# A model with one rate, as the second one, has no such error, so a test with it finds nothing. What can be added are the prices, and
# the usage of the parts of one call.
#
# Seen: of ten calls with 20 000 input tokens and 1 000 output tokens each, and of eleven, the sum of their prices and the price of their
# sum, in USD. Needs python3 with venv and its registry. Ends with 1 if what is seen differs.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --no-compile --quiet --disable-pip-version-check genai-prices==0.2.3

cat >add.py <<'PYTHON'
from genai_prices import Usage, calc_price


def price(usage, model, provider):
    return calc_price(usage, model, provider_id=provider).total_price


for model, provider in [("gemini-2.5-pro", "google"), ("gpt-4o", "openai")]:
    for calls in (10, 11):
        used = [Usage(input_tokens=20_000, output_tokens=1_000) for _ in range(calls)]
        apart = sum(price(usage, model, provider) for usage in used)
        added = price(sum(used, Usage()), model, provider)
        print(f"{model}, {calls} calls: prices added {apart:.3f}, usage added {added:.3f}")
PYTHON

seen=$(python/bin/python add.py)
expected='gemini-2.5-pro, 10 calls: prices added 0.350, usage added 0.350
gemini-2.5-pro, 11 calls: prices added 0.385, usage added 0.715
gpt-4o, 10 calls: prices added 0.600, usage added 0.600
gpt-4o, 11 calls: prices added 0.660, usage added 0.660'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'expected:\n%s\n' "$expected" >&2; exit 1; }
