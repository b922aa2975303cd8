//! Steps without a name of their own, to be put into one another.
//!
//! A step that has no name gets one from its operation, and stands in the innermost group that holds
//! all that uses it.

use super::expression::Expression;
use super::step::{Body, Step};

/// Does `uses`, such as `media/animate` or `task/shout`.
pub fn operation(uses: &str) -> Step {
    Step::new(None, Body::Operation { uses: uses.to_owned(), with: Vec::new() })
}

/// Draws the picture that `prompt` describes (`local/scene`). Drawn by rules, not by a model.
pub fn scene(prompt: impl Into<Expression>) -> Step {
    operation("local/scene").with("prompt", prompt)
}

/// Speaks `text` (`local/speak`).
pub fn speak(text: impl Into<Expression>) -> Step {
    operation("local/speak").with("text", text)
}

/// Makes a bed of music of `seconds` (`local/music`).
pub fn music(mood: impl Into<Expression>, seconds: impl Into<Expression>) -> Step {
    operation("local/music").with("mood", mood).with("duration", seconds)
}

/// Makes a clip of `seconds` from a picture by moving over it (`media/animate`).
pub fn animate(image: impl Into<Expression>, seconds: impl Into<Expression>) -> Step {
    operation("media/animate").with("image", image).with("duration", seconds)
}

/// Joins pictures and clips in order and lays sounds over them (`media/merge`). The items are steps
/// side by side, or a list that a step gives, such as [`Step::all`]; see [`Expression::followed_by`] for
/// both.
pub fn merge(items: impl Into<Expression>) -> Step {
    operation("media/merge").with("items", items)
}

/// Burns captions into `video` (`media/captions`): give it `words` or a `script`.
pub fn captions(video: impl Into<Expression>) -> Step {
    operation("media/captions").with("video", video)
}

/// Makes silence of `seconds` (`media/silence`).
pub fn silence(seconds: impl Into<Expression>) -> Step {
    operation("media/silence").with("duration", seconds)
}

/// Takes the sound out of `video` (`media/extract-audio`).
pub fn extract_audio(video: impl Into<Expression>) -> Step {
    operation("media/extract-audio").with("video", video)
}

/// Takes a picture out of `video` (`media/thumbnail`).
pub fn thumbnail(video: impl Into<Expression>) -> Step {
    operation("media/thumbnail").with("video", video)
}

/// Gives `value` as it is then (`data/transform`).
pub fn transform(value: impl Into<Expression>) -> Step {
    operation("data/transform").with("value", value)
}

/// Waits, without costing anything, for a time such as `30s` or `7d` (`flow/sleep`).
pub fn sleep(duration: impl Into<Expression>) -> Step {
    operation("flow/sleep").with("duration", duration)
}
