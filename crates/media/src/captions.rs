//! `media/captions`: words burned into a video, and beside it as subtitle files.

mod ass;
mod letters;
mod line;
mod lines;
mod style;
mod subtitle_text;
mod subtitles;
mod words;

use motet_pipeline::contract::{Contract, Encoding, Parameter, Tool, Work};
use motet_pipeline::{Failure, MediaKind, Type};

use crate::Recipe;
use crate::clip::Remake;
use crate::colour::Colour;
use crate::ffmpeg::Quality;
use crate::filter::filter;
use crate::picture;
use crate::request::{Request, length};
use crate::size::{Fit, Size};

pub(crate) use letters::judge as judge_letters;
pub(crate) use line::{LINE_FILE, Line};
use lines::{Limits, cues};
use style::Style;
pub(crate) use style::judge_font;
use words::Said;

const ASS_FILE: &str = "captions.ass";
const SRT_FILE: &str = "captions.srt";
const VTT_FILE: &str = "captions.vtt";

/// Several times what the fastest speaker says: beyond this a script is of another video.
const WORDS_A_SECOND_MAX: f64 = 20.0;

pub(crate) fn contract() -> Contract {
    let word = Type::Object {
        fields: [("word", Type::Text), ("start", Type::Number), ("end", Type::Number)]
            .map(|(name, ty)| (name.to_owned(), ty))
            .into(),
        open: true,
    };
    let choice = |name: &str, words: &[&'static str]| {
        Parameter::optional(name, Type::Text).default(words[0]).one_of(words.iter().copied())
    };
    Contract::new("media/captions", Work::Processor)
        .summary("Burns captions into a video and writes them as SRT and VTT too.")
        .input(Parameter::required("video", Type::media(MediaKind::Video)).about("The video."))
        .input(Parameter::optional("words", Type::list(word)).range(0.0, 50_000.0).about(
            "What is said and when, in seconds: [{word, start, end}]. Whole sentences may be given as words.",
        ))
        .input(Parameter::optional("script", Type::Text).range(0.0, 100_000.0).about(
            "What is said, when no times are known: spread evenly from `start` to `end`; of several lines each is a caption. Or the \
             text of an SRT, VTT or ASS file, with its times. Give this, `words` or `subtitles`.",
        ))
        .input(Parameter::optional("subtitles", Type::media(MediaKind::File)).about(
            "An SRT, VTT or ASS file: its captions at its times, in the style that is asked for here.",
        ))
        .input(Parameter::optional("start", Type::Number).default(0.0).range(0.0, 21_600.0).about(
            "Where the script begins, in seconds.",
        ))
        .input(Parameter::optional("end", Type::Number).range(0.0, 21_600.0).about(
            "Where the script ends, in seconds; by default with the video.",
        ))
        .input(choice("style", &Style::NAMES).about(
            "clean: white with an outline. bold: large, few words. boxed: on a translucent box. karaoke: the spoken word is coloured.",
        ))
        .input(choice("position", &["bottom", "top", "middle"]).about("Where on the picture."))
        .input(Parameter::optional("font", Type::Text).range(1.0, 64.0).about(
            "A font of this machine; by default its sans-serif.",
        ))
        .input(Parameter::optional("font_size", Type::Number).range(6.0, 1000.0).about(
            "In pixels of the video; by default it follows from the video's size.",
        ))
        .input(Parameter::optional("max_words", Type::Integer).range(1.0, 40.0).about(
            "Words in one caption at most; by default 8, with bold 3.",
        ))
        .input(Parameter::optional("max_chars", Type::Integer).range(4.0, 200.0).about(
            "Characters in one caption at most; a Chinese character counts as two. By default 42, or what fits on two lines.",
        ))
        .input(Quality::parameter())
        .output("video", Type::media(MediaKind::Video))
        .output("srt", Type::media(MediaKind::File))
        .output("vtt", Type::media(MediaKind::File))
        .exactly_one(&["words", "script", "subtitles"])
        .tool(Tool::Ffmpeg)
        .tool(Tool::Font)
        .encodes(|_| Encoding::Always)
        .usually(1.0, 20.0)
}

pub(crate) fn plan(request: &Request) -> Result<Recipe, Failure> {
    let video = request.required_media("video");
    let own = Size::of(video)?;
    let size = own.even();
    let duration = length(video)?;
    let style = Style::read(request, size)?;
    let Said { words, is_set, is_timed } = said(request, duration)?;
    // Captions that somebody set stay as they are, as far as they fit.
    let (usual_words, usual_characters) =
        if is_set { (usize::MAX, 2 * style.line) } else { (style.words, style.characters) };
    let limits = Limits {
        words: request.pixels("max_words").map_or(usual_words, |words| words as usize),
        characters: request.pixels("max_chars").map_or(usual_characters, |characters| characters as usize),
        line: style.line,
        seconds: duration,
        is_set,
        is_timed,
    };
    let cues = cues(&words, &limits);

    let mut remake = Remake::of(request, video, duration);
    remake.before = picture::conform(own, size, Fit::Cover, Colour::BLACK, remake.origin());
    remake.after = vec![filter("ass").set("filename", ASS_FILE)];
    let mut recipe = remake.recipe().gives("srt", SRT_FILE).gives("vtt", VTT_FILE);
    let letters = letters::to_be_found(&words, &style.font);
    if letters.is_some() {
        recipe.calls.insert(0, letters::look(&style.font));
    }
    recipe.files = vec![
        (ASS_FILE.to_owned(), ass::write(&cues, &style, size).into_bytes()),
        (SRT_FILE.to_owned(), subtitles::srt(&cues).into_bytes()),
        (VTT_FILE.to_owned(), subtitles::vtt(&cues).into_bytes()),
    ];
    if let Some(letters) = letters {
        recipe
            .files
            .push((letters::LETTERS_FILE.to_owned(), ass::write_text(&letters, &style, size).into_bytes()));
    }
    Ok(recipe)
}

/// The words and their times, wherever they come from.
fn said(request: &Request, duration: f64) -> Result<Said, Failure> {
    match (request.value("words"), request.text("script"), request.media("subtitles")) {
        (Some(_), None, None) => {
            Ok(Said { words: words::read(request.list("words"))?, is_set: false, is_timed: false })
        }
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
        (None, None, None) => Err(request.refuse("needs `words` (with times), a `script` or `subtitles`")),
        _ => Err(request.refuse("takes one of `words`, `script` and `subtitles`")),
    }
}

/// Captions that were set elsewhere.
fn set(request: &Request, captions: &[subtitle_text::Caption]) -> Result<Said, Failure> {
    match captions.is_empty() {
        true => Err(request.refuse("found no captions in the subtitles that it was given")),
        false => Ok(Said { words: words::of_captions(captions), is_set: true, is_timed: true }),
    }
}

/// A script without times.
fn spread(request: &Request, script: &str, duration: f64) -> Result<Said, Failure> {
    let start = request.number_or_default("start");
    let end = request.number("end").unwrap_or(duration).min(duration);
    if end <= start {
        return Err(request.refuse(&format!(
            "can't spread the script from {start} s to {end} s: the video is {duration} s long"
        )));
    }
    let words = words::spread(script, start, end);
    let most = ((end - start) * WORDS_A_SECOND_MAX).max(WORDS_A_SECOND_MAX);
    if words.len() as f64 > most {
        return Err(request.refuse(&format!(
            "can't show a script of {} words in {:.1} s: at most {WORDS_A_SECOND_MAX} words a second can be read",
            words.len(),
            end - start
        )));
    }
    let is_set = words.iter().any(|word| word.caption > 0);
    Ok(Said { words, is_set, is_timed: false })
}
