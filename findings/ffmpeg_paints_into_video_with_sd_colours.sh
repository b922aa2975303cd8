#!/usr/bin/env bash
# usage: findings/ffmpeg_paints_into_video_with_sd_colours.sh
#
# ffmpeg 5.1: what `pad` and `fade` paint into YUV video is converted from RGB with the matrix of SD (BT.601), whatever
# the pictures are labelled as. In video that is labelled BT.709 a red bar is another red than the red of a picture beside
# it. Greys are the same in both. In RGB the colour is exact, so coloured bars and fades are drawn there.
#
# Seen: Y, U and V of a red bar beside a picture, drawn into YUV and into RGB; BT.709 has 63, 102, 240.
# Needs ffmpeg. Ends with 1 if what is seen differs.
set -euo pipefail

corner() {
    ffmpeg -v error -f lavfi -i "color=black:size=32x32:rate=1:duration=1" -frames:v 1 -vf "$1,crop=2:2:0:0" \
        -pix_fmt yuv444p -f rawvideo - | od -An -tu1 -v | awk '{print $1, $5, $9}'
}

label="setparams=colorspace=bt709:range=tv"
seen="drawn into YUV: $(corner "format=yuv444p,$label,pad=64:64:16:16:red")
drawn into RGB: $(corner "format=rgb24,pad=64:64:16:16:red,scale=out_color_matrix=bt709:out_range=tv,format=yuv444p")"
expected='drawn into YUV: 81 90 240
drawn into RGB: 63 102 240'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'expected:\n%s\n' "$expected" >&2; exit 1; }
