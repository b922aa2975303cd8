//! What is to be joined, as it was asked for.

use std::sync::Arc;

use motet_pipeline::contract::Parameter;
use motet_pipeline::value::Map;
use motet_pipeline::{Artifact, Failure, MediaKind, Type, Value};

use crate::movement::EFFECTS;
use crate::request::{Request, excerpt, length, sound};
use crate::tracks::Tracks;

use super::notes::{Note, Said};

/// The loudest that something may be made.
const VOLUME_MAX: f64 = 10.0;

/// The longest time that may be written, in seconds.
const SECONDS_MAX: f64 = 6.0 * 3600.0;

/// How much slower or faster speech or pictures may be made to fit each other.
const FITTED: std::ops::RangeInclusive<f64> = 0.5..=2.0;

/// The items of a film: those that are seen, in order, and those that are only heard.
#[derive(Debug)]
pub(crate) struct Items {
    pub(crate) visuals: Vec<Visual>,
    pub(crate) overlays: Vec<Overlay>,
    /// What each says, and which of the above it is, in order.
    pub(crate) notes: Vec<Note>,
    pub(crate) order: Vec<Place>,
}

/// Which item it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Visual(usize),
    Overlay(usize),
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
    /// How much faster than it was it is shown.
    pub(crate) speed: f64,
    /// Of the video's own sound.
    pub(crate) volume: f64,
    pub(crate) fade_in: f64,
    pub(crate) fade_out: f64,
    /// How the view moves, over a picture.
    pub(crate) effect: &'static str,
    pub(crate) narration: Option<Narration>,
}

/// The sound that belongs to one picture or video.
#[derive(Debug)]
pub(crate) struct Narration {
    pub(crate) media: Arc<Artifact>,
    /// Which of its sound tracks.
    pub(crate) track: usize,
    pub(crate) volume: f64,
    /// When it begins after the first of its pictures, in seconds.
    pub(crate) offset: f64,
    /// How much faster than it was it is heard.
    pub(crate) speed: f64,
    /// How long it is heard, in seconds.
    pub(crate) length: f64,
}

impl Narration {
    /// When it ends after the first of its pictures, in seconds.
    pub(crate) fn end(&self) -> f64 {
        self.offset + self.length
    }
}

/// A sound over the whole film.
#[derive(Debug)]
pub(crate) struct Overlay {
    pub(crate) media: Arc<Artifact>,
    /// Which of its sound tracks.
    pub(crate) track: usize,
    /// Where in the whole it begins, in seconds, if that was said.
    pub(crate) offset: Option<f64>,
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
        let mut items =
            Items { visuals: Vec::new(), overlays: Vec::new(), notes: Vec::new(), order: Vec::new() };
        // Lists among the items are taken apart.
        let given = request.list("items").iter().flat_map(|value| match value {
            Value::List(inner) => &inner[..],
            single => std::slice::from_ref(single),
        });
        for (index, value) in given.enumerate() {
            // What was skipped or tolerated leaves no gap.
            if !matches!(value, Value::Absent | Value::Null) {
                let item = Item::read(value, request).and_then(|item| items.add(&item));
                item.map_err(|refusal| Failure {
                    message: format!("media/merge: item {} {}", index + 1, refusal.message),
                    ..refusal
                })?;
            }
        }
        Ok(items)
    }

    fn add(&mut self, item: &Item) -> Result<(), Failure> {
        match item.media.kind {
            MediaKind::Image | MediaKind::Video => {
                self.visuals.push(item.visual()?);
                self.order.push(Place::Visual(self.visuals.len() - 1));
            }
            MediaKind::Audio => {
                self.overlays.push(item.overlay()?);
                self.order.push(Place::Overlay(self.overlays.len() - 1));
            }
            MediaKind::File => {
                return Err(Failure::invalid(format!(
                    "is {}, which can be neither seen nor heard",
                    item.media.mime
                )));
            }
        }
        self.notes.push(item.note()?);
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
            "title" => Parameter::optional(key, Type::Text).range(1.0, 200.0),
            "effect" => Parameter::optional(key, Type::Text).one_of(EFFECTS),
            "words" => Parameter::optional(key, Type::list(Type::Any)).range(0.0, 50_000.0),
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

const KEYS: [&str; 13] = [
    "media",
    "audio",
    "audio_volume",
    "audio_offset",
    "effect",
    "start",
    "duration",
    "volume",
    "offset",
    "fade_in",
    "fade_out",
    "title",
    "words",
];

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
        let start = self.seconds("start")?.unwrap_or(0.0);
        if self.media.kind == MediaKind::Video {
            self.check_start(start)?;
        }
        let duration = self.seconds("duration")?;
        Visual {
            media: Arc::clone(self.media),
            tracks: self.request.tracks(self.media),
            start,
            duration,
            speed: 1.0,
            volume: self.number("volume", VOLUME_MAX)?.unwrap_or(1.0),
            fade_in: self.seconds("fade_in")?.unwrap_or(0.0),
            fade_out: self.seconds("fade_out")?.unwrap_or(0.0),
            effect: self.effect()?,
            narration: self.narration()?,
        }
        .fitted(self.request.word("fit_length"))
    }

    /// How the view moves; that of a video doesn't.
    fn effect(&self) -> Result<&'static str, Failure> {
        let Some(asked) = self.get("effect") else { return Ok("none") };
        let known = EFFECTS.into_iter().find(|effect| asked.as_str() == Some(*effect));
        known.ok_or_else(|| Failure::invalid(format!("wants `effect` to be one of {}", EFFECTS.join(", "))))
    }

    fn note(&self) -> Result<Note, Failure> {
        let title = match self.get("title") {
            None => None,
            Some(value) => Some(value.as_str().ok_or_else(|| Failure::invalid("wants `title` to be text"))?),
        };
        let words = match self.get("words") {
            None => Vec::new(),
            Some(Value::List(words)) => Said::read(words)?,
            Some(_) => return Err(Failure::invalid("wants `words` to be a list of {word, start, end}")),
        };
        Ok(Note { title: title.map(str::to_owned), words })
    }

    fn narration(&self) -> Result<Option<Narration>, Failure> {
        let Some(value) = self.get("audio") else { return Ok(None) };
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
                    offset: self.seconds("audio_offset")?.unwrap_or(0.0),
                    speed: 1.0,
                    length,
                }))
            }
            other => Err(Failure::invalid(format!("has {} where its `audio` should be", other.kind_word()))),
        }
    }

    fn overlay(&self) -> Result<Overlay, Failure> {
        let start = self.seconds("start")?.unwrap_or(0.0);
        self.check_start(start)?;
        let rest = length(self.media)? - start;
        Ok(Overlay {
            media: Arc::clone(self.media),
            track: self.request.tracks(self.media).sound,
            offset: self.seconds("offset")?,
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

impl Overlay {
    /// When it ends over a film, in seconds.
    pub(crate) fn end(&self) -> f64 {
        self.offset.unwrap_or(0.0) + self.length
    }
}

impl Visual {
    /// How much there is to show, in seconds; `None` for a picture, which has no length.
    pub(crate) fn rest(&self) -> Option<f64> {
        Some((self.media.duration? - self.start) / self.speed)
    }

    /// Makes the narration as long as the pictures (`speech`), or these as long as the narration (`pictures`).
    fn fitted(mut self, what: &str) -> Result<Visual, Failure> {
        let shown = self.duration.or_else(|| self.rest());
        let (Some(narration), Some(shown)) = (&mut self.narration, shown) else { return Ok(self) };
        // Of the pictures, those from the beginning of the speech on.
        let beside = shown - narration.offset;
        if beside <= 0.0 && what == "speech" {
            let offset = narration.offset;
            return Err(Failure::invalid(format!(
                "has an `audio_offset` of {offset} s: its pictures end before, at {shown:.2} s"
            )));
        }
        let speed = match what {
            "speech" => narration.length / beside,
            "pictures" if self.media.kind == MediaKind::Video => shown / narration.end(),
            _ => return Ok(self),
        };
        if !FITTED.contains(&speed) {
            return Err(Failure::invalid(format!(
                "can't fit {:.2} s of speech and {shown:.2} s of pictures to each other: one would be {speed:.2} times as \
                 fast, and it goes from {} to {}",
                narration.length,
                FITTED.start(),
                FITTED.end(),
            )));
        }
        if what == "speech" {
            (narration.speed, narration.length) = (speed, beside);
        } else {
            (self.speed, self.duration) = (speed, Some(narration.end()));
        }
        Ok(self)
    }

    /// Whether the video has sound of its own that is to be heard.
    pub(crate) fn sounds(&self) -> bool {
        self.media.kind == MediaKind::Video && self.media.has_audio == Some(true) && self.volume > 0.0
    }
}
