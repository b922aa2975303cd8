//! How the colours of a film are kept, and the filters that bring them to those of HD video.

use crate::filter::{Filter, filter};

use super::Stream;

/// How colours are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colours {
    matrix: Matrix,
    /// Whether black is 0 and white 255, and not 16 and 235.
    is_full: bool,
    pub(crate) light: Light,
    /// The primaries, as ffmpeg calls them, where they are far from those of HD video. Those of SD video are so near
    /// that players don't tell them apart; neither is done here.
    wide: Option<&'static str>,
}

/// How a colour is split into lightness and two differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Matrix {
    /// Not at all.
    Rgb,
    Bt601,
    Bt709,
    Bt2020,
}

/// How bright a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Light {
    /// As on any screen.
    Standard,
    /// High dynamic range: hybrid log-gamma.
    Hlg,
    /// High dynamic range: perceptual quantizer.
    Pq,
}

/// What is written, and what is taken for granted.
impl Default for Colours {
    fn default() -> Colours {
        Colours { matrix: Matrix::Bt709, is_full: false, light: Light::Standard, wide: None }
    }
}

impl Colours {
    /// Of pictures in red, green and blue.
    pub(crate) const RGB: Colours =
        Colours { matrix: Matrix::Rgb, is_full: true, light: Light::Standard, wide: None };

    /// What a stream says; what it doesn't say, players go by its size for.
    pub(super) fn of(stream: &Stream) -> Colours {
        let is_rgb = ["rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "pal8"]
            .iter()
            .any(|name| stream.pix_fmt.starts_with(name));
        let wide =
            ["bt2020", "smpte432", "smpte431"].into_iter().find(|name| stream.color_primaries == *name);
        let matrix = match &*stream.color_space {
            _ if is_rgb => Matrix::Rgb,
            "bt709" | "smpte240m" => Matrix::Bt709,
            "smpte170m" | "bt470bg" | "fcc" => Matrix::Bt601,
            name if name.starts_with("bt2020") => Matrix::Bt2020,
            _ if wide == Some("bt2020") => Matrix::Bt2020,
            _ if stream.width >= 1280 || stream.height > 576 => Matrix::Bt709,
            _ => Matrix::Bt601,
        };
        Colours {
            matrix,
            is_full: is_rgb || stream.color_range == "pc" || stream.pix_fmt.starts_with("yuvj"),
            light: match &*stream.color_transfer {
                "arib-std-b67" => Light::Hlg,
                "smpte2084" => Light::Pq,
                _ => Light::Standard,
            },
            wide: wide.or((matrix == Matrix::Bt2020).then_some("bt2020")),
        }
    }

    /// Brings pictures that `scale` scales to the colours of HD video, and says so of them.
    pub(crate) fn to_hd(self, scale: Filter) -> Vec<Filter> {
        if self == Colours::default() {
            return vec![scale];
        }
        let mut filters = match (self.light, self.wide) {
            (Light::Standard, None) => {
                vec![self.read_by(scale).set("out_color_matrix", "bt709").set("out_range", "tv")]
            }
            (Light::Standard, Some(primaries)) => vec![scale, deep(), self.narrow(primaries)],
            (light, primaries) => {
                let mut filters = vec![scale];
                filters.extend(self.tone_map(light, primaries.unwrap_or("bt709")));
                filters
            }
        };
        filters.push(label());
        filters
    }

    /// Brings pictures that `scale` scales to red, green and blue, in the format `pixels`.
    pub(crate) fn to_rgb(self, scale: Filter, pixels: &str) -> Vec<Filter> {
        let pixels = filter("format").set("pix_fmts", pixels);
        match (self.light, self.wide) {
            (Light::Standard, None) => vec![self.read_by(scale), pixels],
            _ => {
                let mut filters = self.to_hd(scale);
                filters.push(pixels);
                filters
            }
        }
    }

    /// Tells a scaler how its input is kept.
    fn read_by(self, scale: Filter) -> Filter {
        let matrix = match self.matrix {
            Matrix::Rgb => return scale,
            Matrix::Bt601 => "smpte170m",
            Matrix::Bt709 => "bt709",
            Matrix::Bt2020 => "bt2020",
        };
        scale.set("in_color_matrix", matrix).set("in_range", self.range())
    }

    fn range(self) -> &'static str {
        if self.is_full { "pc" } else { "tv" }
    }

    /// Converts primaries, by way of light as it is.
    fn narrow(self, primaries: &str) -> Filter {
        let matrix = match self.matrix {
            Matrix::Rgb => "gbr",
            Matrix::Bt601 => "smpte170m",
            Matrix::Bt709 => "bt709",
            Matrix::Bt2020 => "bt2020nc",
        };
        filter("colorspace")
            .set("ispace", matrix)
            .set("iprimaries", primaries)
            .set("itrc", "bt709")
            .set("irange", self.range())
            .set("space", "bt709")
            .set("primaries", "bt709")
            .set("trc", "bt709")
            .set("range", "tv")
            .set("format", "yuv444p")
    }

    /// Brings high dynamic range to what a usual screen shows: what is as bright as paper stays so, what shines is
    /// pressed together above it.
    fn tone_map(self, light: Light, primaries: &str) -> Vec<Filter> {
        let transfer = if light == Light::Hlg { "arib-std-b67" } else { "smpte2084" };
        let primaries = if primaries == "bt2020" { "2020" } else { "709" };
        let matrix = match self.matrix {
            Matrix::Rgb => "gbr",
            Matrix::Bt601 => "170m",
            Matrix::Bt709 => "709",
            Matrix::Bt2020 => "2020_ncl",
        };
        vec![
            filter("zscale")
                .set("tin", transfer)
                .set("min", matrix)
                .set("pin", primaries)
                .set("rin", self.range())
                .set("t", "linear")
                .set("npl", PAPER_NITS),
            filter("format").set("pix_fmts", "gbrpf32le"),
            filter("zscale").set("p", "709"),
            filter("tonemap").set("tonemap", "mobius").set("desat", 0),
            filter("zscale").set("t", "709").set("m", "709").set("r", "tv"),
            filter("format").set("pix_fmts", "yuv444p"),
        ]
    }
}

/// How bright paper is in high dynamic range, in candela a square metre (ITU-R BT.2408).
const PAPER_NITS: u32 = 203;

/// The formats that primaries are converted in.
fn deep() -> Filter {
    filter("format").set("pix_fmts", "yuv444p10|yuv444p12|yuv444p")
}

/// Labels pictures as HD video, so that players show the colours that were meant.
pub(crate) fn label() -> Filter {
    filter("setparams")
        .set("range", "tv")
        .set("color_primaries", "bt709")
        .set("color_trc", "bt709")
        .set("colorspace", "bt709")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colours(size: (u32, u32), pixels: &str, told: [&str; 4]) -> Colours {
        let [range, space, transfer, primaries] = told.map(str::to_owned);
        Colours::of(&Stream {
            width: size.0,
            height: size.1,
            pix_fmt: pixels.into(),
            color_range: range,
            color_space: space,
            color_transfer: transfer,
            color_primaries: primaries,
            ..Stream::default()
        })
    }

    #[test]
    fn what_is_not_told_goes_by_the_size() {
        let untold = |width, height| colours((width, height), "yuv420p", [""; 4]).matrix;
        assert_eq!(untold(640, 360), Matrix::Bt601);
        assert_eq!(untold(720, 576), Matrix::Bt601);
        assert_eq!(untold(1280, 534), Matrix::Bt709);
        assert_eq!(untold(406, 720), Matrix::Bt709);
        assert_eq!(colours((1920, 1080), "yuv420p", ["tv", "bt709", "bt709", "bt709"]), Colours::default());
        assert_eq!(colours((64, 64), "gbrp", ["pc", "gbr", "", ""]), Colours::RGB);
    }

    #[test]
    fn each_way_to_keep_colours_has_its_way_to_hd() {
        let table = [
            colours((1920, 1080), "yuv420p", [""; 4]),
            colours((640, 360), "yuv420p", ["tv", "smpte170m", "smpte170m", "smpte170m"]),
            colours((1920, 1080), "yuvj420p", ["pc", "bt709", "", ""]),
            colours((640, 360), "gbrp", ["", "gbr", "", ""]),
            colours((3840, 2160), "yuv420p10le", ["tv", "bt2020nc", "bt2020-10", "bt2020"]),
            colours((1920, 1080), "yuv420p", ["tv", "bt709", "bt709", "smpte432"]),
            colours((3840, 2160), "yuv420p10le", ["tv", "bt2020nc", "arib-std-b67", "bt2020"]),
            colours((3840, 2160), "yuv420p10le", ["tv", "bt2020nc", "smpte2084", "bt2020"]),
        ];
        let shown = table.map(|colours| {
            let filters = colours.to_hd(filter("scale").set("w", 64).set("h", 36));
            filters.iter().map(Filter::to_string).collect::<Vec<_>>().join(",")
        });
        insta::assert_snapshot!(shown.join("\n"));
    }
}
