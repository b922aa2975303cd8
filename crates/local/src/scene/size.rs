//! How large the picture is.

use crate::inputs::Inputs;
use motet_pipeline::Failure;

const SIDE: std::ops::RangeInclusive<i64> = 64..=4096;
/// The shorter side when no size is given.
const SHORT_SIDE: f64 = 720.0;

/// The size in pixels, both even. `width` and `height` together go before `aspect_ratio`; one of
/// them with the ratio gives the other; without either the shorter side has 720.
pub(super) fn read(inputs: &Inputs) -> Result<(u32, u32), Failure> {
    let ratio = read_ratio(inputs)?;
    let width = inputs.integer("width", SIDE)?;
    let height = inputs.integer("height", SIDE)?;
    let (width, height) = match (width, height) {
        (Some(width), Some(height)) => (width as f64, height as f64),
        (Some(width), None) => (width as f64, width as f64 / ratio),
        (None, Some(height)) => (height as f64 * ratio, height as f64),
        (None, None) if ratio >= 1.0 => (SHORT_SIDE * ratio, SHORT_SIDE),
        (None, None) => (SHORT_SIDE, SHORT_SIDE / ratio),
    };
    Ok((even("width", width)?, even("height", height)?))
}

fn even(name: &str, side: f64) -> Result<u32, Failure> {
    let side = 2 * (side / 2.0).round() as i64;
    if SIDE.contains(&side) {
        return Ok(side as u32);
    }
    Err(Failure::invalid(format!("`aspect_ratio` makes the {name} {side}, but it must be from 64 to 4096")))
}

fn read_ratio(inputs: &Inputs) -> Result<f64, Failure> {
    let text = inputs.text("aspect_ratio", 20)?.unwrap_or("16:9");
    let refusal = || {
        Failure::invalid(format!(
            "`aspect_ratio` is {text:?}, but must be width:height, such as 16:9, at most 5 to 1"
        ))
    };
    let (width, height) = text.split_once(':').ok_or_else(refusal)?;
    let side = |text: &str| text.trim().parse::<f64>().ok().filter(|side| (0.1..=10_000.0).contains(side));
    let ratio = side(width).ok_or_else(refusal)? / side(height).ok_or_else(refusal)?;
    (0.2..=5.0).contains(&ratio).then_some(ratio).ok_or_else(refusal)
}
