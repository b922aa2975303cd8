//! What is to be joined, as it was asked for.

use std::sync::Arc;

use motet_pipeline::contract::Parameter;
use motet_pipeline::value::Map;
use motet_pipeline::{Artifact, Failure, MediaKind, Type, Value};

use crate::request::{Request, excerpt, length, sound};
use crate::tracks::Tracks;

/// The loudest that something may be made.
const VOLUME_MAX: f64 = 10.0;

/// The longest time that may be written, in seconds.
const SECONDS_MAX: f64 = 6.0 * 3600.0;

/// The items of a film: those that are seen, in order, and those that are only heard.
#[derive(Debug)]
pub(crate) struct Items {
    pub(crate) visuals: Vec<Visual>,
    pub(crate) overlays: Vec<Overlay>,
}

/// A picture or video.
#[derive(Debug)]
pub(crate) struct Visual {
    pub(crate) media: Arc<Artifact>,
    pub(crate) tracks: Tracks,
    /// Where in the video it begins, in seconds.
    pub(crate) start: f64,
    /// How long it is shown, if that was said.
    pub(crate) duration: Option<f64>,
    /// Of the video's own sound.
    pub(crate) volume: f64,
    pub(crate) fade_in: f64,
    pub(crate) fade_out: f64,
    pub(crate) narration: Option<Narration>,
}

/// The sound that belongs to one picture or video.
#[derive(Debug)]
pub(crate) struct Narration {
    pub(crate) media: Arc<Artifact>,
    /// Which of its sound tracks.
    pub(crate) track: usize,
    pub(crate) volume: f64,
    /// Seconds.
    pub(crate) length: f64,
}

/// A sound over the whole film.
#[derive(Debug)]
pub(crate) struct Overlay {
    pub(crate) media: Arc<Artifact>,
    /// Which of its sound tracks.
    pub(crate) track: usize,
    /// Where in the film it begins, in seconds.
    pub(crate) offset: f64,
    /// Where in the sound it begins, in seconds.
    pub(crate) start: f64,
    /// How long it is heard, in seconds.
    pub(crate) length: f64,
    pub(crate) volume: f64,
    pub(crate) fade_in: f64,
    pub(crate) fade_out: f64,
}

impl Items {
    pub(crate) fn read(request: &Request) -> Result<Items, Failure> {
        let mut items = Items { visuals: Vec::new(), overlays: Vec::new() };
        for (index, value) in request.list("items").iter().enumerate() {
            // What was skipped or tolerated leaves no gap.
            if !matches!(value, Value::Absent | Value::Null) {
                let item = Item::read(value, request).and_then(|item| items.add(&item));
                item.map_err(|refusal| Failure {
                    message: format!("media/merge: item {} {}", index + 1, refusal.message),
                    ..refusal
                })?;
            }
        }
        if items.visuals.is_empty() {
            return Err(request.refuse("needs at least one picture or video among its items"));
        }
        Ok(items)
    }

    fn add(&mut self, item: &Item) -> Result<(), Failure> {
        match item.media.kind {
            MediaKind::Image | MediaKind::Video => self.visuals.push(item.visual()?),
            MediaKind::Audio => self.overlays.push(item.overlay()?),
            MediaKind::File => {
                return Err(Failure::invalid(format!(
                    "is {}, which can be neither seen nor heard",
                    item.media.mime
                )));
            }
        }
        Ok(())
    }
}

/// All that an item may hold.
pub(crate) fn entries() -> Vec<Parameter> {
    let number = |name: &str, max: f64| Parameter::optional(name, Type::Number).range(0.0, max);
    KEYS.iter()
        .map(|key| match *key {
            "media" => Parameter::required(
                key,
                Type::Media(vec![MediaKind::Image, MediaKind::Video, MediaKind::Audio]),
            ),
            "audio" => Parameter::optional(key, Type::media(MediaKind::Audio)),
            "volume" | "audio_volume" => number(key, VOLUME_MAX),
            seconds => number(seconds, SECONDS_MAX),
        })
        .collect()
}

/// One item: media, and what was said of it.
struct Item<'a> {
    media: &'a Arc<Artifact>,
    settings: Option<&'a Map>,
    request: &'a Request<'a>,
}

const KEYS: [&str; 9] =
    ["media", "audio", "audio_volume", "start", "duration", "volume", "offset", "fade_in", "fade_out"];

impl<'a> Item<'a> {
    fn read(value: &'a Value, request: &'a Request<'a>) -> Result<Item<'a>, Failure> {
        let item = match value {
            Value::Media(media) => Item { media, settings: None, request },
            Value::Map(settings) => match settings.get("media") {
                Some(Value::Media(media)) => Item { media, settings: Some(settings), request },
                Some(other) => {
                    return Err(Failure::invalid(format!(
                        "has {} where its `media` should be",
                        other.kind_word()
                    )));
                }
                None => return Err(Failure::invalid("has no `media`")),
            },
            other => return Err(Failure::invalid(format!("is {}, not media", other.kind_word()))),
        };
        if let Some(unknown) =
            item.settings.and_then(|map| map.keys().find(|key| !KEYS.contains(&key.as_str())))
        {
            let unknown = excerpt(unknown);
            return Err(Failure::invalid(format!("has no `{unknown}`; it may have {}", KEYS.join(", "))));
        }
        sound(item.media)?;
        Ok(item)
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.settings?.get(key).filter(|value| !matches!(value, Value::Absent | Value::Null))
    }

    fn number(&self, key: &str, max: f64) -> Result<Option<f64>, Failure> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.as_f64() {
            Some(number) if (0.0..=max).contains(&number) => Ok(Some(number)),
            _ => Err(Failure::invalid(format!("wants `{key}` to be a number from 0 to {max}"))),
        }
    }

    fn seconds(&self, key: &str) -> Result<Option<f64>, Failure> {
        self.number(key, SECONDS_MAX)
    }

    fn visual(&self) -> Result<Visual, Failure> {
        if self.get("offset").is_some() {
            return Err(Failure::invalid("is seen, so it follows the one before it: `offset` is for sounds"));
        }
        let start = self.seconds("start")?.unwrap_or(0.0);
        match self.media.kind {
            MediaKind::Image if self.get("start").is_some() => {
                return Err(Failure::invalid("is a picture: `start` is for videos and sounds"));
            }
            MediaKind::Video => self.check_start(start)?,
            _ => {}
        }
        let duration = self.seconds("duration")?;
        if duration == Some(0.0) {
            return Err(Failure::invalid("can't be shown for 0 seconds"));
        }
        Ok(Visual {
            media: Arc::clone(self.media),
            tracks: self.request.tracks(self.media),
            start,
            duration,
            volume: self.number("volume", VOLUME_MAX)?.unwrap_or(1.0),
            fade_in: self.seconds("fade_in")?.unwrap_or(0.0),
            fade_out: self.seconds("fade_out")?.unwrap_or(0.0),
            narration: self.narration()?,
        })
    }

    fn narration(&self) -> Result<Option<Narration>, Failure> {
        let Some(value) = self.get("audio") else {
            if self.get("audio_volume").is_some() {
                return Err(Failure::invalid("has `audio_volume` but no `audio`"));
            }
            return Ok(None);
        };
        match value {
            Value::Media(media) if media.kind == MediaKind::Audio => {
                let length = length(media).map_err(|refusal| Failure {
                    message: format!("has an `audio` that {}", refusal.message),
                    ..refusal
                })?;
                let volume = self.number("audio_volume", VOLUME_MAX)?.unwrap_or(1.0);
                Ok(Some(Narration {
                    media: Arc::clone(media),
                    track: self.request.tracks(media).sound,
                    volume,
                    length,
                }))
            }
            other => Err(Failure::invalid(format!("has {} where its `audio` should be", other.kind_word()))),
        }
    }

    fn overlay(&self) -> Result<Overlay, Failure> {
        if self.get("audio").is_some() || self.get("audio_volume").is_some() {
            return Err(Failure::invalid("is a sound: `audio` is the narration of a picture or video"));
        }
        let start = self.seconds("start")?.unwrap_or(0.0);
        self.check_start(start)?;
        let rest = length(self.media)? - start;
        Ok(Overlay {
            media: Arc::clone(self.media),
            track: self.request.tracks(self.media).sound,
            offset: self.seconds("offset")?.unwrap_or(0.0),
            start,
            length: self.seconds("duration")?.unwrap_or(rest).min(rest),
            volume: self.number("volume", VOLUME_MAX)?.unwrap_or(1.0),
            fade_in: self.seconds("fade_in")?.unwrap_or(0.0),
            fade_out: self.seconds("fade_out")?.unwrap_or(0.0),
        })
    }

    fn check_start(&self, start: f64) -> Result<(), Failure> {
        let length = length(self.media)?;
        if start < length {
            return Ok(());
        }
        Err(Failure::invalid(format!("begins at {start} s, but it is only {length} s long")))
    }
}

impl Visual {
    /// How much there is to show, in seconds; `None` for a picture, which has no length.
    pub(crate) fn rest(&self) -> Option<f64> {
        Some(self.media.duration? - self.start)
    }

    /// Whether the video has sound of its own that is to be heard.
    pub(crate) fn sounds(&self) -> bool {
        self.media.kind == MediaKind::Video && self.media.has_audio == Some(true) && self.volume > 0.0
    }
}
