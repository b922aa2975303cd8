//! Sounds alone: they follow one another, with gaps or crossfades, and make a sound.

use motet_pipeline::Failure;

use crate::Recipe;
use crate::ffmpeg::{Ffmpeg, Format};
use crate::filter::{Graph, filter};
use crate::loudness::{self, Levelled};
use crate::rate::SAMPLE_RATE;
use crate::request::Request;
use crate::sound::{exactly, in_samples};

use super::items::{Items, Overlay};
use super::notes::{self, Stretch};
use super::sound::{Fades, Sound, Sounds, lay, mix, music};
use super::{LENGTH_MAX, limit_of_length};

pub(crate) fn plan(request: &Request, items: &Items) -> Result<Recipe, Failure> {
    let row = Row::of(&items.overlays, request.number_or_default("gap"), super::transition(request));
    let length = row.samples as f64 / SAMPLE_RATE as f64;
    if length > LENGTH_MAX {
        return Err(limit_of_length("sound", length));
    }
    let mut recipe = Recipe::default();
    let mut call = Ffmpeg::new();
    let mut graph = Graph::default();
    let mut sounds = row.lay(&mut recipe, &mut call, &mut graph, &items.overlays);
    sounds.music = music(&mut recipe, &mut call, request, length)?;
    let fades = Fades::read(request);
    mix(&mut graph, sounds, row.samples, fades, request.flag("duck"));
    let format = Format::of_sound(request.word("format"));
    let target = request.number("loudness");
    let has_chapters = notes::has_chapters(items);
    recipe = match target {
        None => {
            if has_chapters {
                call.chapters(notes::CHAPTERS_FILE);
            }
            recipe.call(call.write(&graph, &["a"], format, Some(length)))
        }
        Some(target) => {
            let whole = Format::UnlevelledSound;
            let file = whole.file();
            let levelled = Levelled { file, track: 0, pictures: None, format, length, has_chapters };
            recipe
                .call(call.write(&graph, &["a"], whole, Some(length)))
                .call(loudness::listen(file, 0, target))
                .call(levelled.call())
        }
    };
    let stretches: Vec<_> =
        items.overlays.iter().zip(&row.places).map(|(sound, place)| place.stretch(sound)).collect();
    Ok(notes::lay_out(recipe.gives("audio", format.file()), items, &stretches, length))
}

/// Sounds and their places.
struct Row {
    places: Vec<Place>,
    samples: u64,
    /// Whether none sounds at the same time as the one before it.
    is_plain: bool,
}

/// Where a sound is, in samples.
#[derive(Clone, Copy)]
struct Place {
    at: u64,
    samples: u64,
    /// For how long it sounds together with the one before it, and with the one behind it.
    before: u64,
    behind: u64,
    /// Whether it was told where to be.
    is_laid: bool,
}

impl Row {
    fn of(sounds: &[Overlay], gap: f64, transition: f64) -> Row {
        let (gap, transition) = (in_samples(gap), in_samples(transition));
        let mut places: Vec<Place> = Vec::with_capacity(sounds.len());
        let mut last: Option<usize> = None;
        for (index, sound) in sounds.iter().enumerate() {
            let samples = in_samples(sound.length).max(1);
            let mut place = Place { at: 0, samples, before: 0, behind: 0, is_laid: sound.offset.is_some() };
            match (sound.offset, last) {
                (Some(offset), _) => place.at = in_samples(offset),
                (None, None) => last = Some(index),
                (None, Some(before)) => {
                    let previous = &mut places[before];
                    place.before =
                        if gap > 0 { 0 } else { transition.min(previous.samples / 2).min(samples / 2) };
                    previous.behind = place.before;
                    place.at = previous.at + previous.samples + gap - place.before;
                    last = Some(index);
                }
            }
            places.push(place);
        }
        let samples = places.iter().map(|place| place.at + place.samples).max().unwrap_or(0);
        let is_plain = places.iter().all(|place| place.before == 0);
        Row { places, samples, is_plain }
    }

    /// Adds the sounds to the graph. Those that only follow one another are put behind each other, which takes as long
    /// as they are, however many there are.
    fn lay(&self, recipe: &mut Recipe, call: &mut Ffmpeg, graph: &mut Graph, sounds: &[Overlay]) -> Sounds {
        let mut laid = Sounds::default();
        let mut row = Vec::new();
        let mut end = None;
        for (index, (sound, place)) in sounds.iter().zip(&self.places).enumerate() {
            let mut voice = Sound {
                input: call.input(&[""; 0], &recipe.read(&sound.media)),
                track: sound.track,
                skipped: sound.start,
                at: place.at,
                samples: place.samples,
                volume: sound.volume,
                speed: 1.0,
                fade_in: sound.fade_in.max(place.before as f64 / SAMPLE_RATE as f64),
                fade_out: sound.fade_out.max(place.behind as f64 / SAMPLE_RATE as f64),
            };
            if place.is_laid || !self.is_plain {
                laid.voices.push(voice);
                continue;
            }
            // What lies between the one before and this one comes before this one.
            voice.at = place.at - end.unwrap_or(0);
            end = Some(place.at + place.samples);
            let pad = format!("r{index}");
            let mut filters = lay(&voice);
            filters.extend(exactly(voice.at + place.samples));
            graph.chain(&[format!("{}:a:{}", voice.input, voice.track)], filters, &[&pad]);
            row.push(pad);
        }
        if let [only] = row.as_slice() {
            laid.laid.push(only.clone());
        } else if !row.is_empty() {
            graph.chain(&row, [filter("concat").set("n", row.len()).set("v", 0).set("a", 1)], &["row"]);
            laid.laid.push("row".to_owned());
        }
        laid
    }
}

impl Place {
    fn stretch(self, sound: &Overlay) -> Stretch {
        let seconds = |samples: u64| samples as f64 / SAMPLE_RATE as f64;
        Stretch {
            start: seconds(self.at),
            heard: seconds(self.at),
            // While two sound, the words are those of the one that comes.
            end: seconds(self.at + self.samples - self.behind),
            skipped: sound.start,
            speed: 1.0,
        }
    }
}
