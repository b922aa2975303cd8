//! How to cut, join, caption and probe: operations as data, then ffmpeg arguments.
//!
//! This crate is pure: it runs no program and opens no file. [`contracts`] says which operations
//! there are; [`plan`] turns the resolved inputs of one into a [`Recipe`], which the host performs in
//! an empty scratch folder. [`frames`] encodes what is painted elsewhere. [`sniff`], [`header`], [`probe`], [`still`] and [`Orientation`] tell what some bytes are, [`progress`]
//! and [`failure`] read what ffmpeg says.
//!
//! ```
//! use motet_media::plan;
//! use motet_media::tracks::Known;
//! use motet_pipeline::value::Map;
//! use motet_pipeline::Value;
//!
//! let inputs = Map::from([("duration".to_owned(), Value::from(1.5))]);
//! let recipe = plan("media/silence", &inputs, &Known::new()).unwrap();
//! assert_eq!(recipe.calls[0].arguments.last().unwrap(), "out.wav");
//!
//! let refusal = plan("media/silence", &Map::new(), &Known::new()).unwrap_err();
//! assert_eq!(refusal.message, "media/silence needs `duration` (number)");
//! ```

mod animate;
mod captions;
mod clip;
mod colour;
mod extract_audio;
pub mod failure;
mod ffmpeg;
mod filter;
mod fit;
pub mod frames;
pub mod header;
pub mod loudness;
mod merge;
mod movement;
mod orientation;
mod overlay;
mod picture;
pub mod probe;
pub mod progress;
mod rate;
mod recipe;
mod request;
mod resize;
mod retime;
mod silence;
mod size;
pub mod sniff;
mod sound;
pub mod still;
mod thumbnail;
pub mod tracks;
mod trim;

use motet_pipeline::value::Map;
use motet_pipeline::{Contract, Failure, Value};

pub use orientation::Orientation;
pub use recipe::{Call, Listens, Output, Recipe};

use request::Request;
use tracks::Known;

/// The oldest ffmpeg that can do all that is planned here: since then `amix` can be told not to `normalize`.
pub const FFMPEG_VERSION_MIN: &str = "4.4";

/// An operation: its contract, and the function that plans it.
type Operation = (fn() -> Contract, fn(&Request) -> Result<Recipe, Failure>);

const OPERATIONS: [Operation; 13] = [
    (animate::contract, animate::plan),
    (captions::contract, captions::plan),
    (extract_audio::contract, extract_audio::plan),
    (fit::contract, fit::plan),
    (loudness::contract, loudness::plan),
    (merge::contract, merge::plan),
    (overlay::contract, overlay::plan),
    (probe::contract, probe::plan),
    (resize::contract, resize::plan),
    (retime::contract, retime::plan),
    (silence::contract, silence::plan),
    (thumbnail::contract, thumbnail::plan),
    (trim::contract, trim::plan),
];

/// The contracts of all `media/*` operations.
pub fn contracts() -> Vec<Contract> {
    OPERATIONS.iter().map(|(contract, _)| complete(contract())).collect()
}

/// A contract with what it refuses as all others do.
fn complete(contract: Contract) -> Contract {
    let contract = contract.judged_by(judge);
    match SIZES.iter().all(|name| contract.parameter(name).is_some()) {
        true => contract.ruled_by(&SIZES, size::judge),
        false => contract,
    }
}

/// What says how large a picture becomes.
const SIZES: [&str; 3] = ["width", "height", "aspect_ratio"];

/// What is wrong with a text that is read further, whichever operation is given it.
pub(crate) fn judge(name: &str, value: &Value) -> Result<(), String> {
    let Some(text) = value.as_str() else { return Ok(()) };
    let judged = match name {
        "aspect_ratio" => size::aspect_ratio(text).map(drop),
        "background" | "colour" => colour::Colour::read(text).map(drop),
        "font" => captions::judge_font(text),
        _ => Ok(()),
    };
    judged.map_err(|failure| match failure.message.contains(&format!("`{name}`")) {
        true => failure.message,
        false => format!("`{name}`: {}", failure.message),
    })
}

/// Plans `operation` for `inputs`, which are resolved and measured, and whose [tracks](tracks::to_be_known) are
/// `known`: nothing has to be probed.
///
/// Parameters that aren't given take the defaults of the contract; null and absent values count as
/// not given.
///
/// # Errors
/// Why it can't work: an unknown operation or parameter, a value out of bounds, media of the wrong
/// kind, of zero length or too large.
pub fn plan(operation: &str, inputs: &Map, known: &Known) -> Result<Recipe, Failure> {
    let found = OPERATIONS.iter().find_map(|(contract, plan)| {
        let contract = complete(contract());
        (contract.operation == operation).then_some((contract, plan))
    });
    let Some((contract, plan)) = found else {
        return Err(Failure::invalid(format!("there is no operation `{}`", request::excerpt(operation))));
    };
    plan(&Request::read(&contract, inputs, known)?)
}
