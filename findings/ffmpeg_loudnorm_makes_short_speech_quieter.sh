#!/usr/bin/env bash
# usage: findings/ffmpeg_loudnorm_makes_short_speech_quieter.sh
#
# ffmpeg 5.1: to a sound shorter than three seconds, as most single lines of speech are, `loudnorm` applies one gain. If the gain that is
# needed would lift the peak above `TP`, it does not stop at `TP`: it takes the difference of the two amplitudes, `TP` and peak, as the
# factor. So a line that was to become louder, or to stay as it is, becomes much quieter, and the more so the nearer its peak is to `TP`.
# The second pass of two, with the measured values and `linear=true`, gives the same. ffmpeg succeeds and warns of nothing.
# The same sound with silence behind it, up to four seconds, gets the loudness that was asked for; the silence can be cut off again.
#
# Seen: the loudness in LUFS of fading tones with three peaks (1 is full scale), 2.5 s long: as given, after `loudnorm=I=-16:TP=-1.5`,
# after the second of two such passes, and padded. Needs ffmpeg. Ends with 1 if what is seen differs by more than one.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

target=I=-16:TP=-1.5

filtered() {
    ffmpeg -y -v error -i "$1" -af "$3" -ar 24000 "$2"
}

loudness() {
    ffmpeg -hide_banner -nostats -i "$1" -af apad=whole_dur=6,ebur128 -f null - 2>&1 |
        awk '/ I: / { last = $2 } END { printf "%.0f", last }'
}

measured() {
    ffmpeg -hide_banner -nostats -i "$1" -af "loudnorm=$target:print_format=json" -f null - 2>&1 | awk -F '"' '
        $2 == "input_i" { printf "measured_I=%s", $4 }
        $2 == "input_tp" { printf ":measured_TP=%s", $4 }
        $2 == "input_lra" { printf ":measured_LRA=%s", $4 }
        $2 == "input_thresh" { printf ":measured_thresh=%s", $4 }
        $2 == "target_offset" { printf ":offset=%s", $4 }'
}

line() {
    ffmpeg -y -v error -f lavfi -i "aevalsrc='$1*exp(-12*mod(t,0.5))*sin(2*PI*440*t)':d=2.5:s=24000" given.wav
    filtered given.wav once.wav "loudnorm=$target"
    filtered given.wav twice.wav "loudnorm=$target:linear=true:$(measured given.wav)"
    filtered given.wav padded.wav "apad=whole_dur=4,loudnorm=$target"
    printf 'peak %s: given %s, one pass %s, two passes %s, padded %s\n' "$1" \
        "$(loudness given.wav)" "$(loudness once.wav)" "$(loudness twice.wav)" "$(loudness padded.wav)"
}

near() {
    paste -d ' ' <(grep -oE -- '-[0-9]+' <<<"$1") <(grep -oE -- '-[0-9]+' <<<"$2") |
        awk '{ apart = $1 - $2; if (NF != 2 || apart > 1 || apart < -1) exit 1 }'
}

seen=$(line 0.5; line 0.7; line 0.8)
expected='peak 0.5: given -21, one pass -30, two passes -30, padded -16
peak 0.7: given -18, one pass -34, two passes -34, padded -16
peak 0.8: given -16, one pass -43, two passes -43, padded -16'
printf '%s\n' "$seen"
near "$seen" "$expected" || { printf 'expected:\n%s\n' "$expected" >&2; exit 1; }
