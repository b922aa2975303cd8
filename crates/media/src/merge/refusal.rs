//! What can't be joined, as far as the items are known: of each by itself, and of all together.

use motet_pipeline::contract::{Outputs, Sketch, Sketches};
use motet_pipeline::{Failure, MediaKind, Value};

use super::notes::Said;
use crate::captions;

/// The inputs that it is about.
pub(super) const NAMES: [&str; 7] = ["items", "gap", "width", "height", "aspect_ratio", "fps", "captions"];

/// What is asked of pictures, in vain if there are none.
const OF_PICTURES: [&str; 5] = ["width", "height", "aspect_ratio", "fps", "captions"];

/// What an item that is only heard doesn't have.
const OF_SEEN: [&str; 4] = ["audio", "audio_volume", "audio_offset", "effect"];

/// How many items there may be in all.
const ITEMS_MAX: usize = 200;

pub(super) fn judge(given: &Sketches) -> Result<(), Failure> {
    if let Some(captions) = given.get("captions").and_then(Sketch::fields)
        && let Some(refusal) = captions::of_film().refusal(&captions)
    {
        return Err(refusal);
    }
    let Some(items) = given.get("items").and_then(Laid::out) else { return Ok(()) };
    for (index, item) in items.laid.iter().enumerate().filter(|(_, item)| item.may_be_there()) {
        judge_item(item).map_err(|refusal| Failure {
            message: format!("media/merge: item {} {}", index + 1, refusal.message),
            ..refusal
        })?;
    }
    items.judge_number()?;
    let refuse = |what: &str| Err(Failure::invalid(format!("media/merge {what}")));
    if items.has_picture() && given.get("gap").and_then(Sketch::as_f64).is_some_and(|gap| gap > 0.0) {
        return refuse("has pictures among its items; `gap` is for sounds alone");
    }
    match OF_PICTURES.iter().find(|name| given.is_there(name)).filter(|_| items.are_heard()) {
        Some(name) => refuse(&format!("has only sounds among its items; `{name}` is for pictures")),
        None => Ok(()),
    }
}

/// Which outputs such items give.
pub(super) fn promise(given: &Sketches) -> Outputs {
    let mut promised = Outputs::of(["starts", "words"]);
    let mut give = |one, never: &[&'static str]| {
        promised.certain.push(one);
        promised.never.extend(never);
    };
    match given.get("items").and_then(Laid::out) {
        Some(items) if items.has_picture() => give("video", &["audio"]),
        Some(items) if items.are_heard() => give("audio", &["video", "srt", "vtt"]),
        _ => {}
    }
    if given.get("captions").is_none() {
        promised.never.extend(["srt", "vtt"]);
    }
    promised
}

/// Items, lists among them taken apart.
struct Laid {
    laid: Vec<Sketch>,
    /// Whether there may be more, in lists that nobody knows yet.
    is_open: bool,
}

impl Laid {
    fn out(items: &Sketch) -> Option<Laid> {
        let mut all = Laid { laid: Vec::new(), is_open: false };
        for item in items.entries()? {
            match item.entries() {
                Some(inner) => all.laid.extend(inner),
                None => {
                    all.is_open |= item.may_be_list();
                    all.laid.push(item);
                }
            }
        }
        Some(all)
    }

    fn judge_number(&self) -> Result<(), Failure> {
        if !self.is_open && !self.laid.iter().any(Sketch::may_be_there) {
            let message = "media/merge needs at least one picture, video or sound among its items";
            return Err(Failure::invalid(message));
        }
        let certain = self.laid.iter().filter(|item| item.is_there() && !item.may_be_list());
        if certain.count() > ITEMS_MAX {
            return Err(Failure::too_large(format!(
                "media/merge takes at most {ITEMS_MAX} items; lists among them were taken apart"
            )));
        }
        Ok(())
    }

    /// Whether one of them is seen for certain.
    fn has_picture(&self) -> bool {
        self.laid.iter().any(|item| item.is_there() && is_only(item, &SEEN))
    }

    /// Whether all of them are only heard, for certain.
    fn are_heard(&self) -> bool {
        !self.is_open && self.laid.iter().all(|item| !item.may_be_there() || is_only(item, &HEARD))
    }
}

const SEEN: [MediaKind; 2] = [MediaKind::Image, MediaKind::Video];
const HEARD: [MediaKind; 1] = [MediaKind::Audio];

/// Whether the media of an item is of one of these kinds for certain.
fn is_only(item: &Sketch, kinds: &[MediaKind]) -> bool {
    let media = item.fields().map_or(Some(item.clone()), |fields| fields.get("media").cloned());
    let found = media.as_ref().and_then(Sketch::kinds);
    found.is_some_and(|found| found.iter().all(|kind| kinds.contains(kind)))
}

/// An item with settings can't do without its media, so they are held against that even if it may be absent.
fn judge_item(item: &Sketch) -> Result<(), Failure> {
    let Some(settings) = item.fields() else { return Ok(()) };
    let refuse = |what: &str| Err(Failure::invalid(what));
    let is_there = |name: &str| settings.is_there(name);
    let is_only = |kinds: &[MediaKind]| is_only(item, kinds);
    if let Some(key) = OF_SEEN.iter().find(|key| is_there(key)).filter(|_| is_only(&HEARD)) {
        return refuse(&format!("is a sound: `{key}` belongs to a picture or video"));
    }
    if is_only(&SEEN) {
        if is_there("offset") {
            return refuse("is seen, so it follows the one before it: `offset` is for sounds");
        }
        if settings.get("duration").and_then(Sketch::as_f64) == Some(0.0) {
            return refuse("can't be shown for 0 seconds");
        }
        let of_audio = ["audio_volume", "audio_offset"].into_iter().find(|key| is_there(key));
        if let Some(key) = of_audio.filter(|_| settings.get("audio").is_none()) {
            return refuse(&format!("has `{key}` but no `audio`"));
        }
    }
    if is_only(&[MediaKind::Image]) && is_there("start") {
        return refuse("is a picture: `start` is for videos and sounds");
    }
    if is_only(&[MediaKind::Video]) && is_there("effect") {
        return refuse("is no picture: `effect` moves the view over one");
    }
    match settings.get("words").and_then(Sketch::value).and_then(Value::as_list) {
        Some(words) => Said::read(words).map(drop),
        None => Ok(()),
    }
}
