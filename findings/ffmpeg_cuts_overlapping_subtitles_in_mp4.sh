#!/usr/bin/env bash
# usage: findings/ffmpeg_cuts_overlapping_subtitles_in_mp4.sh
#
# ffmpeg 5.1: of subtitles that overlap in time, as where two people speak at once, each one in MP4 (`-c:s mov_text`) ends where the next
# begins, and does not come back after it. Of two that begin at the same time the first is shown for no time. ffmpeg succeeds and warns
# of nothing. In Matroska the same subtitles keep their times. Whoever has overlaps in MP4 writes one text for each stretch of time.
#
# Seen: the times of the same subtitles when they are read back from MP4 and from Matroska.
# Needs ffmpeg. Ends with 1 if what is seen differs.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >given.srt <<'TEXT'
1
00:00:00,000 --> 00:00:10,000
A long line.

2
00:00:02,000 --> 00:00:03,000
Yes!

3
00:00:05,000 --> 00:00:06,000
One.

4
00:00:05,000 --> 00:00:06,000
The other.

TEXT

kept() {
    ffmpeg -v warning -i given.srt -c:s "$1" "film.$2" 2>&1
    ffmpeg -v error -i "film.$2" -f srt - | awk '/-->/ { times = $0; getline; print times ": " $0 }'
}

seen="MP4
$(kept mov_text mp4)
Matroska
$(kept srt mkv)"
expected='MP4
00:00:00,000 --> 00:00:02,000: A long line.
00:00:02,000 --> 00:00:03,000: Yes!
00:00:05,000 --> 00:00:05,000: One.
00:00:05,000 --> 00:00:06,000: The other.
Matroska
00:00:00,000 --> 00:00:10,000: A long line.
00:00:02,000 --> 00:00:03,000: Yes!
00:00:05,000 --> 00:00:06,000: One.
00:00:05,000 --> 00:00:06,000: The other.'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'expected:\n%s\n' "$expected" >&2; exit 1; }
