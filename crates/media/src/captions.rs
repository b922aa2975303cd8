//! `media/captions`: words burned into a video, and beside it as subtitle files.

mod ass;
mod letters;
mod line;
mod lines;
mod style;
mod subtitle_text;
mod subtitles;
mod words;

use motet_pipeline::contract::{Contract, Encoding, Outputs, Parameter, Sketch, Sketches, Tool, Work};
use motet_pipeline::{Failure, MediaKind, Type, Value};

use crate::Recipe;
use crate::clip::Remake;
use crate::colour::Colour;
use crate::ffmpeg::Quality;
use crate::filter::{Filter, filter};
use crate::picture;
use crate::request::{Request, length};
use crate::size::{Fit, Size};

pub(crate) use letters::judge as judge_letters;
pub(crate) use line::{LINE_FILE, Line};
use lines::{Cue, Limits, cues};
use style::Style;
pub(crate) use style::judge_font;
use words::{Said, Word};

const ASS_FILE: &str = "captions.ass";
const SRT_FILE: &str = "captions.srt";
const VTT_FILE: &str = "captions.vtt";

/// Where a script begins if nothing else is given, in seconds.
const START: f64 = 0.0;

/// Several times what the fastest speaker says: beyond this a script is of another video.
const WORDS_A_SECOND_MAX: f64 = 20.0;

pub(crate) fn contract() -> Contract {
    let contract = Contract::new("media/captions", Work::Processor)
        .summary("Burns captions into a video and writes them as SRT and VTT too.")
        .input(Parameter::required("video", Type::media(MediaKind::Video)).about("The video."));
    options()
        .into_iter()
        .fold(contract, Contract::input)
        .input(Quality::parameter())
        .output("video", Type::media(MediaKind::Video))
        .output("srt", Type::media(MediaKind::File))
        .output("vtt", Type::media(MediaKind::File))
        .exactly_one(&SAID)
        .ruled_by(&SPREAD, |given| {
            judge(given).map_err(|what| Failure::invalid(format!("media/captions {what}")))
        })
        .promises(|_| Outputs::of(["video", "srt", "vtt"]))
        .tool(Tool::Ffmpeg)
        .tool(Tool::Font)
        .encodes(|_| Encoding::Always)
        .usually(1.0, 20.0)
}

/// The ways to say what is shown.
const SAID: [&str; 3] = ["words", "script", "subtitles"];

/// What says over which time a script is spread.
const SPREAD: [&str; 3] = ["script", "start", "end"];

/// The contract of the `captions` of a film: an object of what is shown, and how.
pub(crate) fn of_film() -> Contract {
    let contract = Contract::new("media/merge: `captions`", Work::Processor);
    let contract = options().into_iter().fold(contract, Contract::input).judged_by(crate::judge);
    contract.at_most_one(&SAID).ruled_by(&SPREAD, |given| {
        judge(given).map_err(|what| Failure::invalid(format!("media/merge: `captions` {what}")))
    })
}

/// Of a script and times that are written in the pipeline, whatever the video is.
fn judge(given: &Sketches) -> Result<(), String> {
    let Some(script) = given.get("script").and_then(Sketch::as_str) else { return Ok(()) };
    if let Some(captions) = subtitle_text::read(script) {
        return judge_set(&captions);
    }
    let time = |name: &str| given.get(name).and_then(Sketch::as_f64);
    let start = if given.get("start").is_some() { time("start") } else { Some(START) };
    let (Some(start), Some(end)) = (start, time("end")) else { return Ok(()) };
    judge_spread(&words::spread(script, start, end.max(start)), start, end)
}

/// What is shown, and how: for every operation that burns captions in.
pub(crate) fn options() -> Vec<Parameter> {
    let word = Type::Object {
        fields: [("word", Type::Text), ("start", Type::Number), ("end", Type::Number)]
            .map(|(name, ty)| (name.to_owned(), ty))
            .into(),
        open: true,
    };
    let choice = |name: &str, words: &[&'static str]| {
        Parameter::optional(name, Type::Text).default(words[0]).one_of(words.iter().copied())
    };
    vec![
        Parameter::optional("words", Type::list(word)).range(0.0, 50_000.0).about(
            "What is said and when, in seconds: [{word, start, end}]. Whole sentences may be given as words.",
        ),
        Parameter::optional("script", Type::Text).range(0.0, 100_000.0).about(
            "What is said, when no times are known: spread evenly from `start` to `end`; of several lines each is a caption. Or the \
             text of an SRT, VTT or ASS file, with its times. Give this, `words` or `subtitles`.",
        ),
        Parameter::optional("subtitles", Type::media(MediaKind::File)).about(
            "An SRT, VTT or ASS file: its captions at its times, in the style that is asked for here.",
        ),
        Parameter::optional("start", Type::Number).default(START).range(0.0, 21_600.0).about(
            "Where the script begins, in seconds.",
        ),
        Parameter::optional("end", Type::Number).range(0.0, 21_600.0).about(
            "Where the script ends, in seconds; by default with the video.",
        ),
        choice("style", &Style::NAMES).about(
            "clean: white with an outline. bold: large, few words. boxed: on a translucent box. karaoke: the spoken word is coloured.",
        ),
        choice("position", &["bottom", "top", "middle"]).about("Where on the picture."),
        Parameter::optional("font", Type::Text).range(1.0, 64.0).about(
            "A font of this machine; by default its sans-serif.",
        ),
        Parameter::optional("font_size", Type::Number).range(6.0, 1000.0).about(
            "In pixels of the video; by default it follows from the video's size.",
        ),
        Parameter::optional("max_words", Type::Integer).range(1.0, 40.0).about(
            "Words in one caption at most; by default 8, with bold 3.",
        ),
        Parameter::optional("max_chars", Type::Integer).range(4.0, 200.0).about(
            "Characters in one caption at most; a Chinese character counts as two. By default 42, or what fits on two lines.",
        ),
    ]
}

pub(crate) fn plan(request: &Request) -> Result<Recipe, Failure> {
    let video = request.required_media("video");
    let own = Size::of(video)?;
    let size = own.even();
    let duration = length(video)?;
    let captions = Captions::read(request, None, size, duration)?;

    let mut remake = Remake::of(request, video, duration);
    remake.before = picture::conform(own, size, Fit::Cover, Colour::BLACK, remake.origin());
    remake.after = vec![drawn()];
    Ok(captions.written_into(remake.recipe()))
}

/// The filter that draws the captions into pictures.
pub(crate) fn drawn() -> Filter {
    filter("ass").set("filename", ASS_FILE)
}

/// Captions over a film.
pub(crate) struct Captions {
    cues: Vec<Cue>,
    style: Style,
    /// The size of the film.
    size: Size,
    /// Letters that not every font has.
    letters: Option<String>,
}

impl Captions {
    /// What `request` asks for, in a film of `size` that is `duration` seconds long. Where it says nothing of what is
    /// said, that is `spoken`, if there is such a thing.
    pub(crate) fn read(
        request: &Request,
        spoken: Option<&[Value]>,
        size: Size,
        duration: f64,
    ) -> Result<Captions, Failure> {
        let style = Style::read(request, size)?;
        let Said { words, is_set, is_timed } = said(request, spoken, duration)?;
        // Captions that somebody set stay as they are, as far as they fit.
        let (usual_words, usual_characters) =
            if is_set { (usize::MAX, 2 * style.line) } else { (style.words, style.characters) };
        let limits = Limits {
            words: request.pixels("max_words").map_or(usual_words, |words| words as usize),
            characters: request
                .pixels("max_chars")
                .map_or(usual_characters, |characters| characters as usize),
            line: style.line,
            seconds: duration,
            is_set,
            is_timed,
        };
        let letters = letters::to_be_found(&words, &style.font);
        Ok(Captions { cues: cues(&words, &limits), style, size, letters })
    }

    /// Adds to a recipe that [draws](drawn) them what is to be drawn, a look whether there are letters for it, and the
    /// files `srt` and `vtt`.
    pub(crate) fn written_into(&self, recipe: Recipe) -> Recipe {
        let Captions { cues, style, size, letters } = self;
        let mut recipe = recipe.gives("srt", SRT_FILE).gives("vtt", VTT_FILE);
        let mut write = |file: &str, text: String| recipe.files.push((file.to_owned(), text.into_bytes()));
        write(ASS_FILE, ass::write(cues, style, *size));
        write(SRT_FILE, subtitles::srt(cues));
        write(VTT_FILE, subtitles::vtt(cues));
        if let Some(letters) = letters {
            write(letters::LETTERS_FILE, ass::write_text(letters, style, *size));
            recipe.calls.insert(0, letters::look(&style.font));
        }
        recipe
    }
}

/// The words and their times, wherever they come from.
fn said(request: &Request, spoken: Option<&[Value]>, duration: f64) -> Result<Said, Failure> {
    let plain = |words: &[Value]| {
        words::read(words, request).map(|words| Said { words, is_set: false, is_timed: false })
    };
    match (request.value("words"), request.text("script"), request.media("subtitles")) {
        (Some(_), None, None) => plain(request.list("words")),
        (None, Some(script), None) => match subtitle_text::read(script) {
            Some(captions) => set(request, &captions),
            None => spread(request, script, duration),
        },
        (None, None, Some(file)) => {
            let text = request.content(file).ok_or_else(|| {
                request.refuse(&format!("takes SRT, VTT or ASS as `subtitles`, not {}", file.mime))
            })?;
            let captions = subtitle_text::read(text);
            set(
                request,
                &captions.ok_or_else(|| {
                    request.refuse("can't read its `subtitles`: they are neither SRT, VTT nor ASS")
                })?,
            )
        }
        // One of them, or what is spoken: so the contract wants it.
        _ => plain(spoken.unwrap_or_default()),
    }
}

/// Captions that were set elsewhere.
fn set(request: &Request, captions: &[subtitle_text::Caption]) -> Result<Said, Failure> {
    judge_set(captions).map_err(|what| request.refuse(&what))?;
    Ok(Said { words: words::of_captions(captions), is_set: true, is_timed: true })
}

fn judge_set(captions: &[subtitle_text::Caption]) -> Result<(), String> {
    match captions.is_empty() {
        true => Err("found no captions in the subtitles that it was given".to_owned()),
        false => Ok(()),
    }
}

/// A script without times.
fn spread(request: &Request, script: &str, duration: f64) -> Result<Said, Failure> {
    let start = request.number_or_default("start");
    let end = request.number("end").unwrap_or(duration).min(duration);
    let words = words::spread(script, start, end.max(start));
    let judged = judge_spread(&words, start, end);
    judged.map_err(|what| request.refuse(&format!("{what}; the video is {duration} s long")))?;
    let is_set = words.iter().any(|word| word.caption > 0);
    Ok(Said { words, is_set, is_timed: false })
}

/// Whether these words can be shown in that time.
fn judge_spread(words: &[Word], start: f64, end: f64) -> Result<(), String> {
    let seconds = end - start;
    if seconds <= 0.0 {
        return Err(format!("can't spread the script from {start} s to {end} s"));
    }
    let most = (seconds * WORDS_A_SECOND_MAX).max(WORDS_A_SECOND_MAX);
    if words.len() as f64 > most {
        let count = words.len();
        return Err(format!(
            "can't show a script of {count} words in {seconds:.1} s: at most {WORDS_A_SECOND_MAX} words a second can be read"
        ));
    }
    Ok(())
}
