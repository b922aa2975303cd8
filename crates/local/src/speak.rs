//! A text becomes speech: what to ask espeak-ng, and what to make of its answers.
//!
//! The text is spoken sentence by sentence, one espeak-ng process each, so the bounds of sentences
//! are exact. The times of the words inside a sentence are shared out by their length and marked as
//! estimated.
//!
//! With a `duration`, speech is made twice: at the wished speed to measure it, and, where that
//! doesn't fit, at another ([`Speech::speed_for`]). What is still shorter is padded with silence;
//! what is still longer is refused.
//!
//! ```
//! # use motet_pipeline::{Value, value::Map};
//! # use motet_local::speak::Speech;
//! # fn run(arguments: &[String]) -> Vec<u8> { b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x22\x56\0\0\x44\xac\0\0\x02\0\x10\0data\0\0\0\0".to_vec() }
//! # let inputs = Map::from([("text".to_owned(), Value::from("Hello there. Good bye."))]);
//! let mut speech = Speech::from_inputs(&inputs)?;
//! let mut speak = |speech: &Speech| -> Vec<Vec<u8>> {
//!     (0..speech.sentences().len())
//!         .map(|index| run(&speech.arguments(index, "out.wav", "sentence.txt")))
//!         .collect()
//! };
//! let mut wavs = speak(&speech);
//! while let Some(speed) = speech.speed_for(speech.measure(&wavs)?) {
//!     speech = speech.at_speed(speed);
//!     wavs = speak(&speech);
//! }
//! let spoken = speech.join(&wavs)?;
//! assert_eq!(spoken.sentences.len(), 2);
//! # Ok::<(), motet_pipeline::Failure>(())
//! ```

mod scripts;
mod sentences;
mod spoken;
mod words;

use motet_pipeline::value::Map;
use motet_pipeline::{Class, Failure};

use crate::inputs::Inputs;
use crate::wav;
use sentences::Sentence;

pub use spoken::{Spoken, SpokenSentence};
pub use words::Word;

/// The longest text, in characters.
pub const TEXT_CHARACTERS_MAX: usize = 20_000;
/// The words per minute that are taken when `speed` isn't given.
pub const SPEED_DEFAULT: u32 = 160;

/// A text that is to be spoken, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Speech {
    text: String,
    /// Sentences as they are spoken, and whether each ends a paragraph, side by side.
    sentences: Vec<String>,
    ends_paragraph: Vec<bool>,
    voice: String,
    pitch: Option<i64>,
    duration: Option<f64>,
    wished_speed: u32,
    speed: u32,
    changes: u32,
}

impl Speech {
    /// Reads `text` (required), `voice`, `language`, `speed`, `pitch` and `duration`.
    ///
    /// # Errors
    /// [`Failure`] of class `invalid` or `too_large` that names the input.
    pub fn from_inputs(inputs: &Map) -> Result<Speech, Failure> {
        let inputs = Inputs(inputs);
        let text = inputs.required_text("text", TEXT_CHARACTERS_MAX)?;
        let sentences = Speech::sentences_of(text)?;
        Speech::judge_letters(inputs.0)?;
        Speech::judge_pauses(inputs.0)?;
        let speed = Speech::speed_of(&inputs)?;
        Ok(Speech {
            text: text.to_owned(),
            ends_paragraph: sentences.iter().map(|sentence| sentence.ends_paragraph).collect(),
            sentences: sentences.into_iter().map(|Sentence { text, .. }| text).collect(),
            voice: Speech::voice_of(&inputs)?.to_owned(),
            pitch: inputs.integer("pitch", 0..=99)?,
            duration: inputs.number("duration", 0.5..=3600.0)?,
            wished_speed: speed,
            speed,
            changes: 0,
        })
    }

    /// What is wrong with one input by itself, whatever the others are.
    pub(crate) fn judge(name: &str, inputs: &Map) -> Result<(), Failure> {
        let inputs = Inputs(inputs);
        match name {
            "text" => Speech::sentences_of(inputs.required_text("text", TEXT_CHARACTERS_MAX)?).map(drop),
            "voice" | "language" => Speech::voice_of(&inputs).map(drop),
            _ => Ok(()),
        }
    }

    /// Whether the voice reads the letters of the text.
    pub(crate) fn judge_letters(inputs: &Map) -> Result<(), Failure> {
        let inputs = Inputs(inputs);
        let Some(text) = inputs.text("text", TEXT_CHARACTERS_MAX)? else { return Ok(()) };
        scripts::judge(text, Speech::voice_of(&inputs)?.split('+').next().unwrap_or_default())
    }

    /// Whether the pauses of the text alone fit into `duration`.
    pub(crate) fn judge_pauses(inputs: &Map) -> Result<(), Failure> {
        let inputs = Inputs(inputs);
        let text = inputs.text("text", TEXT_CHARACTERS_MAX)?;
        match text.zip(inputs.number("duration", 0.5..=3600.0)?) {
            Some((text, duration)) => {
                spoken::judge_pauses(&Speech::sentences_of(text)?, Speech::speed_of(&inputs)?, duration)
            }
            None => Ok(()),
        }
    }

    fn speed_of(inputs: &Inputs) -> Result<u32, Failure> {
        Ok(inputs.integer("speed", 80..=450)?.map_or(SPEED_DEFAULT, |speed| speed as u32))
    }

    fn sentences_of(text: &str) -> Result<Vec<Sentence>, Failure> {
        let sentences = sentences::split(text);
        match sentences.is_empty() {
            true => Err(Failure::invalid("`text` has nothing that can be said, only punctuation")),
            false => Ok(sentences),
        }
    }

    fn voice_of<'a>(inputs: &Inputs<'a>) -> Result<&'a str, Failure> {
        let named = |input| inputs.text(input, 40)?.map(|name| checked_name(input, name)).transpose();
        let (language, voice) = (named("language")?, named("voice")?);
        Ok(voice.or(language).unwrap_or("en-us"))
    }

    /// The text as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The sentences to speak, in order, as they were written; never empty.
    pub fn sentences(&self) -> &[String] {
        &self.sentences
    }

    /// What is written into the text file of a sentence.
    pub fn handed_over(&self, sentence_index: usize) -> String {
        self.sentences.get(sentence_index).map_or_else(String::new, |text| sentences::without_phonemes(text))
    }

    /// The language of the voice, such as `en-us`.
    pub fn language(&self) -> &str {
        self.voice.split('+').next().unwrap_or_default()
    }

    /// The arguments with which espeak-ng reads the sentence `sentence_index` from the file
    /// `text_file_name` and writes a WAV to `output_file_name`. Text is never an argument.
    ///
    /// Unless `pitch` was given, the first sentence starts a little higher and the last ends a
    /// little lower, as people do.
    pub fn arguments(
        &self,
        sentence_index: usize,
        output_file_name: &str,
        text_file_name: &str,
    ) -> Vec<String> {
        let last = self.sentences.len().saturating_sub(1);
        let pitch = self.pitch.unwrap_or(match sentence_index {
            _ if last == 0 => 50,
            0 => 52,
            index if index == last => 47,
            _ => 50,
        });
        let (speed, pitch) = (self.speed.to_string(), pitch.to_string());
        // `-b 1`: the text is UTF-8. `-z`: no pause at the end; pauses are ours.
        [
            "-v",
            &self.voice,
            "-s",
            &speed,
            "-p",
            &pitch,
            "-b",
            "1",
            "-z",
            "-w",
            output_file_name,
            "-f",
            text_file_name,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// How long the narration would be in seconds, before it is fitted to `duration`.
    ///
    /// # Errors
    /// As [`Speech::join`], but never for the length.
    pub fn measure(&self, wavs: &[Vec<u8>]) -> Result<f64, Failure> {
        spoken::measure(self, wavs)
    }

    /// The words per minute at which to speak again so that it takes `duration`, when at this speed
    /// it took `measured_seconds`; none if it fits, if no `duration` was given, if the limit (0.7 to
    /// 1.6 times the wished speed) is reached, or after two changes.
    pub fn speed_for(&self, measured_seconds: f64) -> Option<u32> {
        let duration = self.duration?;
        let fits = (0.95 * duration..=duration).contains(&measured_seconds);
        if fits || self.changes >= 2 {
            return None;
        }
        let wished = f64::from(self.wished_speed);
        // A little faster than asked: what is short by a breath is padded, what is long is refused.
        let exact = f64::from(self.speed) * measured_seconds / duration * 1.02;
        let speed = exact.clamp((0.7 * wished).max(80.0), fastest(self.wished_speed)).round() as u32;
        (speed != self.speed).then_some(speed)
    }

    /// The same speech at another speed.
    pub fn at_speed(mut self, speed: u32) -> Speech {
        self.speed = speed.clamp(80, 450);
        self.changes += 1;
        self
    }

    /// Joins what espeak-ng wrote, one WAV per sentence: silence around each is trimmed, pauses are
    /// put between, and with a `duration` it gets exactly that length.
    ///
    /// # Errors
    /// `bad_output` if a WAV is missing, can't be read, or differs in its rate; `invalid` if the
    /// text can't be spoken within `duration`.
    pub fn join(&self, wavs: &[Vec<u8>]) -> Result<Spoken, Failure> {
        spoken::join(self, wavs)
    }

    /// What went wrong when espeak-ng ended with an error and wrote `complaint`.
    pub fn failure(&self, complaint: &str) -> Failure {
        if complaint.contains("voice does not exist") {
            let message = format!("espeak-ng has no voice `{}`; `espeak-ng --voices` lists them", self.voice);
            return Failure::new(Class::Gone, message);
        }
        let line: String = complaint
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("no word why")
            .chars()
            .take(200)
            .collect();
        Failure::bad_output(format!("espeak-ng failed: {line}"))
    }
}

/// The fastest that may be spoken where this speed is wished, in words per minute.
fn fastest(wished_speed: u32) -> f64 {
    (1.6 * f64::from(wished_speed)).min(450.0)
}

/// A name that can be neither an option nor a path: words of letters and digits joined by `-` or
/// `_`, and perhaps a variant after `+`.
fn checked_name<'a>(input: &str, name: &'a str) -> Result<&'a str, Failure> {
    let is_part = |part: &str| {
        part.split(['-', '_'])
            .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    };
    let mut parts = name.split('+');
    let language = parts.next().unwrap_or_default();
    let variant = parts.next();
    let starts_well = language.starts_with(|first: char| first.is_ascii_alphabetic());
    let may_vary = input == "voice" || variant.is_none();
    if starts_well && is_part(language) && variant.is_none_or(is_part) && parts.next().is_none() && may_vary {
        return Ok(name);
    }
    let example = if input == "voice" { "`en-us`, `de` or `en+f3`" } else { "`en-us` or `de`" };
    Err(Failure::invalid(format!("`{input}` is {name:?}, but must be a name such as {example}")))
}

#[cfg(test)]
mod tests;
