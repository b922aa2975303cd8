//! One narration from the sentences that were spoken.

use serde::Serialize;

use super::sentences::Sentence;
use super::words::{milliseconds, share_out};
use super::{Speech, Word, fastest, wav};
use crate::wav::Sound;
use motet_pipeline::Failure;

/// A narration: its sound and when what is said.
#[derive(Clone, Debug, PartialEq)]
pub struct Spoken {
    /// The sound: WAV, 16 bits, one channel, at the synthesiser's rate.
    pub wav: Vec<u8>,
    /// All words with their estimated times.
    pub words: Vec<Word>,
    /// All sentences with their exact times.
    pub sentences: Vec<SpokenSentence>,
    /// True: the times of words are a guess within exact sentences.
    pub estimated: bool,
    /// The length of the sound in seconds.
    pub duration: f64,
}

/// A sentence and when it is said, in seconds from the start of the narration.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpokenSentence {
    /// The sentence.
    pub text: String,
    /// Where its sound starts.
    pub start: f64,
    /// Where its sound ends.
    pub end: f64,
}

pub(super) fn measure(speech: &Speech, wavs: &[Vec<u8>]) -> Result<f64, Failure> {
    let parts = Parts::read(speech, wavs)?;
    Ok(parts.frames(parts.pauses.iter().sum()) as f64 / f64::from(parts.rate))
}

pub(super) fn join(speech: &Speech, wavs: &[Vec<u8>]) -> Result<Spoken, Failure> {
    let mut parts = Parts::read(speech, wavs)?;
    let length = match speech.duration {
        Some(duration) => parts.fit(duration, speech)?,
        None => parts.frames(parts.pauses.iter().sum()),
    };
    let seconds = |frames: usize| frames as f64 / f64::from(parts.rate);
    let mut samples: Vec<i16> = Vec::with_capacity(length);
    let mut words = Vec::new();
    let mut sentences = Vec::new();
    for ((text, sound), pause) in speech.sentences.iter().zip(&parts.sounds).zip(&parts.pauses) {
        let start = seconds(samples.len());
        samples.extend_from_slice(sound);
        let end = seconds(samples.len());
        samples.resize(samples.len() + pause, 0);
        words.extend(share_out(text, start, end));
        sentences.push(SpokenSentence {
            text: text.clone(),
            start: milliseconds(start),
            end: milliseconds(end),
        });
    }
    samples.resize(length, 0);
    let duration = seconds(length);
    Ok(Spoken { wav: wav::write(parts.rate, 1, &samples), words, sentences, estimated: true, duration })
}

/// How much shorter pauses may become.
const PAUSES_SHORTENED: usize = 3;

/// The pauses after sentences, some of which end a paragraph, at so many words per minute, in seconds. Who speaks faster also
/// pauses shorter.
fn pauses(ends_paragraph: &[bool], speed: f64) -> impl Iterator<Item = f64> {
    let last = ends_paragraph.len().saturating_sub(1);
    ends_paragraph.iter().enumerate().map(move |(index, ends_paragraph)| {
        let pause = match ends_paragraph {
            _ if index == last => 0.0,
            true => 0.62,
            false => 0.34,
        };
        pause * 160.0 / speed
    })
}

/// Refuses a `duration` that is shorter than the pauses alone, spoken as fast as it may be.
pub(super) fn judge_pauses(sentences: &[Sentence], wished_speed: u32, duration: f64) -> Result<(), Failure> {
    let speed = fastest(wished_speed).round();
    let ends_paragraph: Vec<_> = sentences.iter().map(|sentence| sentence.ends_paragraph).collect();
    let least = pauses(&ends_paragraph, speed).sum::<f64>() / PAUSES_SHORTENED as f64;
    if least <= duration {
        return Ok(());
    }
    let count = sentences.len();
    Err(Failure::invalid(format!(
        "the pauses between {count} sentences alone take {least:.1} s at {speed} words per minute, and `duration` is {duration} \
         s; shorten the text or give it more time"
    )))
}

/// The trimmed sounds of the sentences and the pauses after them, in frames.
struct Parts {
    rate: u32,
    sounds: Vec<Vec<i16>>,
    pauses: Vec<usize>,
}

impl Parts {
    fn read(speech: &Speech, wavs: &[Vec<u8>]) -> Result<Parts, Failure> {
        let wanted = speech.sentences.len();
        if wavs.len() != wanted {
            let message = format!("the synthesiser wrote {} of {wanted} sentences", wavs.len());
            return Err(Failure::bad_output(message));
        }
        let sounds = wavs.iter().map(|bytes| wav::parse(bytes)).collect::<Result<Vec<_>, _>>()?;
        let rate = sounds[0].rate;
        if let Some(other) = sounds.iter().find(|sound| sound.rate != rate) {
            let message = format!("sentences came at different rates: {rate} Hz and {} Hz", other.rate);
            return Err(Failure::bad_output(message));
        }
        let silent =
            sounds.iter().all(|sound| sound.samples.iter().all(|sample| sample.unsigned_abs() <= QUIET));
        if silent && sounds.iter().map(Sound::seconds).sum::<f64>() > 0.0 {
            return Err(Failure::bad_output(
                "the synthesiser wrote only silence; try another `voice` or `language`",
            ));
        }
        let pauses = pauses(&speech.ends_paragraph, f64::from(speech.speed));
        let pauses = pauses.map(|seconds| (seconds * f64::from(rate)) as usize).collect();
        let sounds = sounds.iter().map(|sound| trimmed(&sound.samples, rate).to_vec()).collect();
        Ok(Parts { rate, sounds, pauses })
    }

    /// The length of all sounds and of `pauses`, in frames.
    fn frames(&self, pauses: usize) -> usize {
        self.sounds.iter().map(Vec::len).sum::<usize>() + pauses
    }

    /// Shortens the pauses, at most to a third, if `duration` seconds are too short otherwise.
    /// Gives the length in frames.
    fn fit(&mut self, duration: f64, speech: &Speech) -> Result<usize, Failure> {
        let target = (duration * f64::from(self.rate)).round() as usize;
        let pauses: usize = self.pauses.iter().sum();
        let sounds = self.frames(0);
        let shortest = self.frames(pauses.div_ceil(PAUSES_SHORTENED));
        if shortest > target {
            let at_least = shortest as f64 / f64::from(self.rate);
            let (speed, wished) = (speech.speed, speech.wished_speed);
            return Err(Failure::invalid(format!(
                "the text takes {at_least:.1} s at {speed} words per minute (wished: {wished}) and can't be \
                 spoken within `duration` {duration} s; shorten the text or give it more time"
            )));
        }
        if sounds + pauses > target {
            let room = target - sounds;
            for pause in &mut self.pauses {
                *pause = *pause * room / pauses;
            }
        }
        Ok(target)
    }
}

/// Without silence at the ends, but for a breath that keeps soft beginnings and endings whole.
fn trimmed(samples: &[i16], rate: u32) -> &[i16] {
    let is_loud = |sample: &i16| sample.unsigned_abs() > QUIET;
    let (Some(first), Some(last)) = (samples.iter().position(is_loud), samples.iter().rposition(is_loud))
    else {
        return &[];
    };
    let rate = rate as usize;
    &samples[first.saturating_sub(rate / 50)..(last + rate / 20).min(samples.len())]
}

/// The loudest sample that counts as silence: about -50 dB.
const QUIET: u16 = 100;
