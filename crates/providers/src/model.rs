//! Models as an adapter needs them: how one is asked, and how what it gives is read.
//!
//! The catalogue fills these from its data files. What a model takes, for people and for the check, is its
//! contract, which stands beside it.

use std::collections::BTreeMap;

use motet_pipeline::MediaKind;
use serde::{Deserialize, Serialize};

/// A model at a provider.
///
/// It is kept with the attempts that use it, so this is a stored format, which only grows: a field may be added if
/// it has a default that isn't written.
///
/// ```
/// use motet_providers::model::{Form, Model, Reading};
/// let model: Model = serde_json::from_str(r#"{
///     "provider": "fal",
///     "id": "fal-ai/flux/dev",
///     "outputs": { "images": { "at": "images", "as": "images" } }
/// }"#).unwrap();
/// assert_eq!(model.outputs["images"], Reading::new("images", Form::Images));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The provider's name, such as `replicate`: who is asked.
    pub provider: String,
    /// The provider's own name of the model, such as `black-forest-labs/flux-schnell`, `fal-ai/flux/dev` or
    /// `eleven_turbo_v2_5`.
    pub id: String,
    /// The version that is asked for, where the provider has versions and one is fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Which of the provider's ways is taken; each adapter says what it knows. Empty for the usual one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub route: String,
    /// The native inputs that are media or lists of media, and of which kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub media: BTreeMap<String, MediaKind>,
    /// For each output of the contract, how it is read from what the model gives.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, Reading>,
}

/// How one output is read from what a model gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// Where it lies: names and places of list elements, with dots between them (`video`, `chunks.0.text`). Empty for
    /// all that the model gives.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub at: String,
    /// What is made of it.
    #[serde(rename = "as")]
    pub form: Form,
    /// Whether the model may leave it out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

impl Reading {
    /// An output that is always there.
    pub fn new(at: &str, form: Form) -> Reading {
        Reading { at: at.to_owned(), form, optional: false }
    }
}

/// What is made of a part of a model's reply, whatever its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// The first picture: of a URL, a data URI, an object with a `url`, or a list of these.
    Image,
    /// All pictures.
    Images,
    /// The first video.
    Video,
    /// All videos.
    Videos,
    /// The first piece of sound.
    Audio,
    /// All pieces of sound.
    Audios,
    /// The first file of any sort.
    File,
    /// All files of any sort.
    Files,
    /// Text: itself, or a list of fragments that are joined without anything between them.
    Text,
    /// Spoken words or passages with their times, each `{ word, start, end }` in seconds (and `speaker`, where it is
    /// told), of the shapes that transcribers give.
    Words,
    /// JSON as it is.
    Value,
}

impl Form {
    /// Which kind of media this reads, and whether it reads all of it.
    pub fn media(self) -> Option<(MediaKind, bool)> {
        Some(match self {
            Form::Image => (MediaKind::Image, false),
            Form::Images => (MediaKind::Image, true),
            Form::Video => (MediaKind::Video, false),
            Form::Videos => (MediaKind::Video, true),
            Form::Audio => (MediaKind::Audio, false),
            Form::Audios => (MediaKind::Audio, true),
            Form::File => (MediaKind::File, false),
            Form::Files => (MediaKind::File, true),
            Form::Text | Form::Words | Form::Value => return None,
        })
    }
}
