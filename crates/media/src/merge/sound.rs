//! The sound of a film: every sound is laid at its sample, and mixed without lowering any.

use std::sync::Arc;

use motet_pipeline::{Artifact, Failure};

use crate::Recipe;
use crate::ffmpeg::Ffmpeg;
use crate::filter::{Filter, Graph, filter, seconds};
use crate::request::{Request, length};
use crate::retime::tempo;
use crate::sound::{self, exactly, in_samples};

use super::items::Items;
use super::timeline::Timeline;

/// Music fades out in this time at the end of the film, in seconds.
const MUSIC_FADE: f64 = 1.5;

/// All that is heard.
#[derive(Default)]
pub(crate) struct Sounds {
    pub(crate) voices: Vec<Sound>,
    /// Pads of sounds that are in their places already.
    pub(crate) laid: Vec<String>,
    pub(crate) music: Option<Sound>,
}

/// One sound and its place in the film.
pub(crate) struct Sound {
    pub(crate) input: usize,
    /// Which of the sound tracks of the input.
    pub(crate) track: usize,
    /// How much of its beginning is left out, in seconds.
    pub(crate) skipped: f64,
    /// Where it begins, in samples from the beginning of the film.
    pub(crate) at: u64,
    /// How long it is heard at most, in samples.
    pub(crate) samples: u64,
    pub(crate) volume: f64,
    /// How much faster than it was it is heard.
    pub(crate) speed: f64,
    /// Seconds.
    pub(crate) fade_in: f64,
    pub(crate) fade_out: f64,
}

/// How the whole begins and ends, in seconds.
#[derive(Clone, Copy)]
pub(crate) struct Fades {
    pub(crate) fade_in: f64,
    pub(crate) fade_out: f64,
}

impl Fades {
    pub(crate) fn read(request: &Request) -> Fades {
        Fades {
            fade_in: request.number_or_default("fade_in"),
            fade_out: request.number_or_default("fade_out"),
        }
    }
}

impl Sounds {
    /// Whether there is nothing to hear at all.
    pub(crate) fn is_silent(&self) -> bool {
        self.voices.is_empty() && self.laid.is_empty() && self.music.is_none()
    }

    /// Whether the sum may be louder than its parts, so that it has to be limited.
    fn may_clip(&self) -> bool {
        let all = || self.voices.iter().chain(&self.music);
        all().count() + self.laid.len() > 1 || !self.laid.is_empty() || all().any(|sound| sound.volume > 1.0)
    }
}

/// The sounds of the items: of clips, of narration, and those laid over. `clips` are the inputs with
/// the sound of the visuals.
pub(crate) fn of_items(
    recipe: &mut Recipe,
    call: &mut Ffmpeg,
    items: &Items,
    timeline: &Timeline,
    clips: &[Option<usize>],
) -> Sounds {
    let rate = timeline.rate;
    let mut voices = Vec::new();
    for (index, (visual, segment)) in items.visuals.iter().zip(&timeline.segments).enumerate() {
        if let Some(input) = clips[index].filter(|_| visual.sounds()) {
            // A crossfade of pictures is one of their sounds too.
            let before = rate.seconds(segment.overlap);
            let after = rate.seconds(timeline.overlap_after(index));
            voices.push(Sound {
                input,
                track: visual.tracks.sound,
                skipped: 0.0,
                at: rate.samples(segment.start),
                samples: rate.samples(segment.start + segment.frames) - rate.samples(segment.start),
                volume: visual.volume,
                speed: visual.speed,
                fade_in: visual.fade_in.max(before),
                fade_out: visual.fade_out.max(after),
            });
        }
        if let Some(narration) = visual.narration.as_ref().filter(|narration| narration.volume > 0.0) {
            voices.push(Sound {
                input: call.input(&[""; 0], &recipe.read(&narration.media)),
                track: narration.track,
                skipped: 0.0,
                at: rate.samples(segment.start) + in_samples(narration.offset),
                samples: in_samples(narration.length),
                volume: narration.volume,
                speed: narration.speed,
                fade_in: 0.0,
                fade_out: 0.0,
            });
        }
    }
    for overlay in items.overlays.iter().filter(|overlay| overlay.volume > 0.0) {
        voices.push(Sound {
            input: call.input(&[""; 0], &recipe.read(&overlay.media)),
            track: overlay.track,
            skipped: overlay.start,
            at: in_samples(overlay.offset.unwrap_or(0.0)),
            samples: in_samples(overlay.length),
            volume: overlay.volume,
            speed: 1.0,
            fade_in: overlay.fade_in,
            fade_out: overlay.fade_out,
        });
    }
    Sounds { voices, ..Sounds::default() }
}

/// The bed, as long as the film (`film` seconds).
pub(crate) fn music(
    recipe: &mut Recipe,
    call: &mut Ffmpeg,
    request: &Request,
    film: f64,
) -> Result<Option<Sound>, Failure> {
    let volume = request.number_or_default("music_volume");
    let Some(media): Option<&Arc<Artifact>> = request.media("music").filter(|_| volume > 0.0) else {
        return Ok(None);
    };
    let repeats = (film / length(media)?).ceil().clamp(1.0, 100_000.0) as u64 - 1;
    let repeats = repeats.to_string();
    let options: &[&str] = if repeats == "0" { &[] } else { &["-stream_loop", &repeats] };
    Ok(Some(Sound {
        input: call.input(options, &recipe.read(media)),
        track: request.tracks(media).sound,
        skipped: 0.0,
        at: 0,
        samples: in_samples(film),
        volume,
        speed: 1.0,
        fade_in: 0.0,
        fade_out: MUSIC_FADE.min(film / 2.0),
    }))
}

/// Adds all sounds to the graph; the whole ends at the pad `a`, exactly `total` samples long.
pub(crate) fn mix(graph: &mut Graph, sounds: Sounds, total: u64, ends: Fades, duck: bool) {
    let limited = sounds.may_clip();
    let mut pads = sounds.laid.clone();
    for (index, sound) in sounds.voices.iter().enumerate() {
        let pad = format!("a{index}");
        graph.chain(&[format!("{}:a:{}", sound.input, sound.track)], lay(sound), &[&pad]);
        pads.push(pad);
    }
    let mut whole = sum(graph, pads, total);
    if let Some(music) = &sounds.music {
        let mut filters = lay(music);
        filters.extend(exactly(total));
        graph.chain(&[format!("{}:a:{}", music.input, music.track)], filters, &["bed"]);
        whole = Some(match whole {
            None => "bed".to_owned(),
            Some(voices) if duck => ducked(graph, voices, total),
            Some(voices) => sum(graph, vec![voices, "bed".to_owned()], total).expect("two sounds have a sum"),
        });
    }
    let whole = whole.expect("a film without any sound has no mix");
    let mut filters = fades(ends.fade_in, ends.fade_out, total);
    if limited {
        // Peaks of the sum are held below full scale; `level` would raise what is quiet.
        filters.push(
            filter("alimiter").set("limit", 0.97).set("attack", 5).set("release", 50).set("level", "false"),
        );
    }
    filters.push(filter("aformat").set("sample_fmts", "fltp").set("channel_layouts", "stereo"));
    graph.chain(&[whole], filters, &["a"]);
}

/// One sound: regular samples from zero on, its volume and fades, moved to its place.
pub(crate) fn lay(sound: &Sound) -> Vec<Filter> {
    let mut filters = sound::conform();
    filters.extend(sound::skip(sound.skipped));
    filters.extend(tempo(sound.speed));
    filters.push(filter("atrim").set("end_sample", sound.samples));
    if sound.volume != 1.0 {
        filters.push(filter("volume").set("volume", seconds(sound.volume)));
    }
    filters.extend(fades(sound.fade_in, sound.fade_out, sound.samples));
    if sound.at > 0 {
        filters.push(filter("adelay").set("delays", format!("{}S", sound.at)).set("all", 1));
    }
    filters
}

fn fades(fade_in: f64, fade_out: f64, samples: u64) -> Vec<Filter> {
    let fade = |kind: &str, start: u64, length: u64| {
        filter("afade").set("type", kind).set("start_sample", start).set("nb_samples", length)
    };
    let (rise, sink) = (in_samples(fade_in).min(samples), in_samples(fade_out).min(samples));
    let mut filters = Vec::new();
    if rise > 0 {
        filters.push(fade("in", 0, rise));
    }
    if sink > 0 {
        filters.push(fade("out", samples - sink, sink));
    }
    filters
}

/// The sum of `pads`, each as loud as it was, `total` samples long.
fn sum(graph: &mut Graph, pads: Vec<String>, total: u64) -> Option<String> {
    let mut filters = Vec::new();
    if pads.len() > 1 {
        // By default amix divides by the number of its inputs.
        filters.push(
            filter("amix")
                .set("inputs", pads.len())
                .set("duration", "longest")
                .set("dropout_transition", 0)
                .set("normalize", 0),
        );
    }
    filters.extend(exactly(total));
    let sum = format!("{}m", pads.first()?);
    graph.chain(&pads, filters, &[&sum]);
    Some(sum)
}

/// Lowers the pad `bed` while `voices` sounds, and adds both.
fn ducked(graph: &mut Graph, voices: String, total: u64) -> String {
    graph.chain(&[voices], [filter("asplit").set("outputs", 2)], &["voices", "key"]);
    // Under speech of usual loudness (some -17 dB) the bed sinks by 11 dB: heard, and not in the way.
    let compress = filter("sidechaincompress")
        .set("threshold", 0.02)
        .set("ratio", 3)
        .set("attack", 50)
        .set("release", 600)
        .set("makeup", 1);
    graph.chain(&["bed", "key"], [compress], &["ducked"]);
    sum(graph, vec!["voices".to_owned(), "ducked".to_owned()], total).expect("two sounds have a sum")
}
