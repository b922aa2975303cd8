#!/usr/bin/env bash
# usage: findings/ffmpeg_scales_to_few_pixels_with_other_colours.sh
#
# ffmpeg 5.1: video of 640 x 360 that is scaled to at most eight pixels a side and converted to RGB in one step is converted
# with the matrix of SD (BT.601), even if both its label and an option of the filter say BT.709. To sixteen pixels, or in
# two steps, it is right. Whoever looks at a colour of a film by scaling it to one pixel sees another one.
#
# Seen: red, green and blue of a green picture that is kept as BT.709.
# Needs ffmpeg. Ends with 1 if what is seen differs by more than three.
set -euo pipefail

colour() {
    ffmpeg -v error -f lavfi -i "color=green:size=640x360:rate=1:duration=1" -frames:v 1 \
        -vf "format=rgb24,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,setparams=colorspace=bt709:range=tv[a];[a]$1" \
        -pix_fmt rgb24 -f rawvideo - | od -An -tu1 -v -N3
}

near() {
    local seen=($1) wanted=($2)
    for channel in 0 1 2; do
        local apart=$((seen[channel] - wanted[channel]))
        [ "${apart#-}" -le 3 ] || return 1
    done
}

few=$(colour "scale=8:8:in_color_matrix=bt709")
many=$(colour "scale=16:16:in_color_matrix=bt709")
printf 'to eight pixels:%s\nto sixteen:%s\n' "$few" "$many"
near "$few" "8 148 5" && near "$many" "0 127 0"
