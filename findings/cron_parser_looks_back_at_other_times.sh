#!/usr/bin/env bash
# usage: findings/cron_parser_looks_back_at_other_times.sh
#
# cron-parser 5.10.6 (npm): around a change of the clock `prev` gives other times than `next`. By `next` a daily job at 02:30 in Berlin
# runs at 03:30 on the day that has no 02:30, and once on the day that has it twice. By `prev` it does not run on the first of these
# days, and runs twice on the second. So a scheduler that starts jobs by `next`, and after a restart asks `prev` what was due last, does
# not see that it missed the run in March, and in October makes the run of the day a second time.
#
# Seen: the runs of three days by `next` and by `prev`, in UTC, of the same job. Needs node 18 or later, npm and its registry. Ends with 1
# if what is seen differs.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts cron-parser@5.10.6 >/dev/null

cat >runs.mjs <<'JS'
import { CronExpressionParser } from "cron-parser";

function runs(from, to, step) {
  const between = { prev: [to, (time) => time > from], next: [from, (time) => time < to] };
  const [currentDate, within] = between[step];
  const schedule = CronExpressionParser.parse("30 2 * * *", { currentDate, tz: "Europe/Berlin" });
  const times = [];
  for (let time = schedule[step]().toDate(); within(time); time = schedule[step]().toDate()) times.push(time.toISOString().slice(5, 16));
  return times.sort().join(" ");
}

for (const [name, first, end] of [["March", "2026-03-28", "2026-03-31"], ["October", "2026-10-24", "2026-10-27"]])
  for (const step of ["next", "prev"]) console.log(`${name}, ${step}: ${runs(new Date(first), new Date(end), step)}`);
JS

seen=$(node runs.mjs)
expected='March, next: 03-28T01:30 03-29T01:30 03-30T00:30
March, prev: 03-28T01:30 03-30T00:30
October, next: 10-24T00:30 10-25T00:30 10-26T01:30
October, prev: 10-24T00:30 10-25T00:30 10-25T01:30 10-26T01:30'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'expected:\n%s\n' "$expected" >&2; exit 1; }
