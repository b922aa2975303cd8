//! One video made from another: its pictures and its sound, kept in step.

use std::sync::Arc;

use motet_pipeline::Artifact;

use crate::Recipe;
use crate::ffmpeg::{Ffmpeg, Format, Quality};
use crate::filter::{Filter, Graph};
use crate::picture::{self, Origin};
use crate::rate::Rate;
use crate::request::Request;
use crate::sound;
use crate::tracks::Tracks;

/// A picture that is laid over a video.
pub(crate) struct Laid {
    pub(crate) image: Arc<Artifact>,
    /// What brings it to its size.
    pub(crate) filters: Vec<Filter>,
    /// What lays it over the pictures.
    pub(crate) over: Filter,
}

/// What is done to a video.
pub(crate) struct Remake<'a> {
    pub(crate) source: &'a Arc<Artifact>,
    tracks: Tracks,
    /// How the source is read, such as `-ss`.
    pub(crate) reading: Vec<String>,
    /// Done to the pictures before they are brought to their rate.
    pub(crate) before: Vec<Filter>,
    /// Laid over the regular pictures.
    pub(crate) laid: Option<Laid>,
    /// Done to the regular pictures.
    pub(crate) after: Vec<Filter>,
    /// Done to the sound.
    pub(crate) sound: Vec<Filter>,
    pub(crate) rate: Rate,
    /// Length of the result.
    pub(crate) frames: u64,
    quality: Quality,
}

impl<'a> Remake<'a> {
    /// Nothing is done yet to `source`, of which `length` seconds are kept.
    pub(crate) fn of(request: &Request, source: &'a Arc<Artifact>, length: f64) -> Remake<'a> {
        let rate = Rate::new(source.fps.unwrap_or(25.0));
        Remake {
            source,
            tracks: request.tracks(source),
            reading: Vec::new(),
            before: Vec::new(),
            laid: None,
            after: Vec::new(),
            sound: Vec::new(),
            rate,
            frames: rate.frames(length).max(1),
            quality: Quality::read(request),
        }
    }

    /// How its pictures are kept.
    pub(crate) fn origin(&self) -> Origin {
        Origin::Moving(self.tracks.pictures)
    }

    /// Whether its sound stays as it is, and can be kept so.
    fn is_sound_copied(&self) -> bool {
        let is_mp4 = ["video/mp4", "video/quicktime"].contains(&&*self.source.mime);
        let length = self.rate.seconds(self.frames);
        let is_whole = self.source.duration.is_some_and(|own| own < length + 0.05);
        let is_same = self.reading.is_empty() && self.sound.is_empty() && !self.tracks.is_other_sound;
        self.source.has_audio == Some(true) && is_mp4 && is_whole && is_same
    }

    /// The recipe that gives `video`.
    pub(crate) fn recipe(self) -> Recipe {
        let is_sound_copied = self.is_sound_copied();
        let mut recipe = Recipe::default();
        let mut call = Ffmpeg::at(self.quality);
        let mut graph = Graph::default();
        let input = call.input(&self.reading, &recipe.read(self.source));
        let mut pictures = self.before;
        pictures.push(picture::yuv420p());
        pictures.extend(picture::regular(self.frames, self.rate));
        let track = format!("{input}:v:{}", self.tracks.picture);
        match self.laid {
            None => {
                pictures.extend(self.after);
                pictures.push(picture::label_colours());
                graph.chain(&[track], pictures, &["v"]);
            }
            Some(laid) => {
                let image = call.picture(&recipe.read(&laid.image));
                graph.chain(&[track], pictures, &["below"]);
                graph.chain(&[format!("{image}:v:0")], laid.filters, &["above"]);
                graph.chain(
                    &["below", "above"],
                    [laid.over, picture::yuv420p(), picture::label_colours()],
                    &["v"],
                );
            }
        }
        let length = Some(self.rate.seconds(self.frames));
        let call = if is_sound_copied {
            call.write(
                &graph,
                &["v", &format!("{input}:a:{}", self.tracks.sound)],
                Format::Mp4WithSound,
                length,
            )
        } else if self.source.has_audio == Some(true) {
            let mut sounds = sound::conform();
            sounds.extend(self.sound);
            sounds.extend(sound::exactly(self.rate.samples(self.frames)));
            graph.chain(&[format!("{input}:a:{}", self.tracks.sound)], sounds, &["a"]);
            call.write(&graph, &["v", "a"], Format::Mp4, length)
        } else {
            call.write(&graph, &["v"], Format::SilentMp4, length)
        };
        recipe.call(call).gives("video", Format::Mp4.file())
    }
}
