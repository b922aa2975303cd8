//! What a model makes of its inputs: files of the right size and length, texts, and the price.

use serde_json::{Value, json};

use crate::job::Nanos;
use crate::media::{Format, Media};
use crate::models::{Makes, Model, Price};

/// The result of a job.
pub(crate) struct Work {
    pub(crate) media: Vec<Media>,
    pub(crate) data: Value,
    pub(crate) price: Nanos,
    pub(crate) price_of_second: Option<Nanos>,
}

/// What is known about an input file.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) media: Media,
    /// The text spoken in it.
    pub(crate) text: Option<String>,
}

/// Looks up the file behind a URL.
pub(crate) type Look<'l> = &'l dyn Fn(&str) -> Option<Known>;

/// The transcript of a recording that the simulator did not make.
pub(crate) const SPOKEN: &str =
    "This is a simulated transcript of a recording that the simulator did not make.";

/// The result of `model` for `input`.
pub(crate) fn work(model: &Model, input: &Value, hue: u8, look: Look<'_>) -> Work {
    let source = model.source.as_deref().and_then(|name| file(input, name, look));
    let media = media(model, input, hue, source.as_ref(), look);
    let data = match model.makes {
        Makes::Transcript => transcript(source.as_ref()),
        Makes::Text => json!({ "text": answer(model, input) }),
        _ => Value::Null,
    };
    let (price, price_of_second) = price(model, input, &media, &data);
    Work { media, data, price, price_of_second }
}

/// The file of an input; the first one of a list.
fn file(input: &Value, name: &str, look: Look<'_>) -> Option<Known> {
    let value = &input[name];
    look(value.as_str().or_else(|| value[0].as_str())?)
}

fn media(model: &Model, input: &Value, hue: u8, source: Option<&Known>, look: Look<'_>) -> Vec<Media> {
    let hue = |at: u64| hue.wrapping_add(at as u8);
    match model.makes {
        Makes::Image => {
            let (width, height) = picture_size(model, input, source, look);
            let format = format(model, input);
            (0..count(model, input)).map(|at| Media::picture(format, width, height, hue(at))).collect()
        }
        Makes::Video => {
            let (width, height) = film_size(model, input, source, look);
            let (length, rate) = film_time(model, input, source, look);
            let sound = match &model.audio {
                Value::String(name) => model.value(input, name) == Some(&Value::Bool(true)),
                audio => audio == &Value::Bool(true),
            };
            vec![Media::film(width, height, length, rate, sound, hue(0))]
        }
        Makes::Speech => {
            let text =
                model.text.as_deref().and_then(|name| model.value(input, name)?.as_str()).unwrap_or_default();
            let speed = number(model, input, "speed").unwrap_or(1.0);
            vec![Media::sound(format(model, input), spoken(text, speed), hue(0))]
        }
        Makes::Music => {
            let seconds = ["duration", "seconds_total"].iter().find_map(|name| number(model, input, name));
            let seconds = seconds.unwrap_or(model.seconds.unwrap_or(10) as f64);
            vec![Media::sound(format(model, input), (seconds * 1000.0) as u64, hue(0))]
        }
        Makes::Transcript | Makes::Text | Makes::Moderation => Vec::new(),
    }
}

/// The length of a spoken text, in milliseconds.
pub(crate) fn spoken(text: &str, speed: f64) -> u64 {
    let plain = 400 + 65 * text.chars().count() as u64;
    (plain as f64 / speed.clamp(0.1, 5.0)) as u64
}

fn number(model: &Model, input: &Value, name: &str) -> Option<f64> {
    match model.value(input, name)? {
        Value::String(text) => text.trim_end_matches('s').parse().ok(),
        value => value.as_f64(),
    }
}

fn text<'v>(model: &'v Model, input: &'v Value, name: &str) -> Option<&'v str> {
    model.value(input, name)?.as_str()
}

fn count(model: &Model, input: &Value) -> u64 {
    let many = ["num_outputs", "num_images"].iter().find_map(|name| model.value(input, name)?.as_u64());
    let sequence = text(model, input, "sequential_image_generation") == Some("auto");
    let sequence = sequence.then(|| model.value(input, "max_images")?.as_u64()).flatten();
    many.or(sequence).unwrap_or(1).clamp(1, 16)
}

fn format(model: &Model, input: &Value) -> Format {
    let named = ["output_format", "format"].iter().find_map(|name| text(model, input, name));
    match named.or(model.format.as_deref()).unwrap_or("png") {
        "jpeg" | "jpg" => Format::Jpeg,
        "webp" => Format::Webp,
        "mp3" => Format::MP3,
        "wav" => Format::WAV,
        _ => Format::Png,
    }
}

/// The ratio of width to height, from a text such as `16:9`.
fn aspect(text: &str) -> Option<f64> {
    let (width, height) = text.split_once(':')?;
    let (width, height): (f64, f64) = (width.parse().ok()?, height.parse().ok()?);
    (width > 0.0 && height > 0.0).then_some(width / height)
}

/// The size of the first input file.
fn size_of_inputs(input: &Value, look: Look<'_>) -> Option<(u32, u32)> {
    const NAMES: [&str; 9] = [
        "image_input",
        "image_urls",
        "image_url",
        "image",
        "input_image",
        "first_frame_image",
        "image_prompt",
        "video_url",
        "video",
    ];
    let known = NAMES.iter().find_map(|name| file(input, name, look))?;
    (known.media.width > 0).then_some((known.media.width, known.media.height))
}

fn picture_size(model: &Model, input: &Value, source: Option<&Known>, look: Look<'_>) -> (u32, u32) {
    if model.source.is_some() {
        let (width, height) = source.map_or((1024, 1024), |known| (known.media.width, known.media.height));
        let scale =
            model.scale.as_deref().and_then(|name| number(model, input, name)).unwrap_or(1.0).max(0.1);
        return ((f64::from(width) * scale) as u32, (f64::from(height) * scale) as u32);
    }
    if let Some(size) = model.value(input, "image_size") {
        return image_size(size);
    }
    let side = |name| model.value(input, name).and_then(Value::as_u64).map(|side| side.min(8192) as u32);
    let aspect_ratio = text(model, input, "aspect_ratio");
    let free =
        aspect_ratio.is_none_or(|ratio| ratio == "custom") || text(model, input, "size") == Some("custom");
    if let (true, Some(width), Some(height)) = (free, side("width"), side("height")) {
        return (width, height);
    }
    let pixels = match text(model, input, "resolution").or_else(|| text(model, input, "size")) {
        Some("2K") => 2048.0 * 2048.0,
        Some("4K") => 4096.0 * 4096.0,
        _ => 1024.0 * 1024.0,
    };
    let pixels = if text(model, input, "megapixels") == Some("0.25") { pixels / 4.0 } else { pixels };
    let ratio = aspect_ratio.and_then(aspect).unwrap_or_else(|| {
        size_of_inputs(input, look).map_or(1.0, |(width, height)| f64::from(width) / f64::from(height.max(1)))
    });
    let rounded = |side: f64| ((side / 32.0).floor() as u32).max(2) * 32;
    (rounded((pixels * ratio).sqrt()), rounded((pixels / ratio).sqrt()))
}

/// The size of fal's `image_size`.
fn image_size(size: &Value) -> (u32, u32) {
    match size.as_str() {
        Some("square") => (512, 512),
        Some("portrait_4_3") => (768, 1024),
        Some("portrait_16_9") => (576, 1024),
        Some("landscape_4_3") => (1024, 768),
        Some("landscape_16_9") => (1024, 576),
        Some(_) => (1024, 1024),
        None => {
            let side = |name: &str| size[name].as_u64().unwrap_or(1024).min(8192) as u32;
            (side("width"), side("height"))
        }
    }
}

fn film_size(model: &Model, input: &Value, source: Option<&Known>, look: Look<'_>) -> (u32, u32) {
    if model.source.is_some() {
        let (width, height) = source.map_or((1280, 720), |known| (known.media.width, known.media.height));
        let scale = model.scale.as_deref().and_then(|name| number(model, input, name)).unwrap_or(1.0);
        return ((f64::from(width) * scale) as u32, (f64::from(height) * scale) as u32);
    }
    let short: f64 = match text(model, input, "resolution").or(model.resolution.as_deref()).unwrap_or("720p")
    {
        "4k" => 2160.0,
        lines => lines.trim_end_matches('p').parse().unwrap_or(720.0),
    };
    let seen =
        || size_of_inputs(input, look).map(|(width, height)| f64::from(width) / f64::from(height.max(1)));
    let from_image = model.value(input, "image").is_some() || model.input.contains_key("image_url");
    let ratio = if from_image { seen() } else { None };
    let ratio =
        ratio.or_else(|| aspect(text(model, input, "aspect_ratio")?)).or_else(seen).unwrap_or(16.0 / 9.0);
    let ratio = ratio.clamp(0.2, 5.0);
    let even = |side: f64| (side / 2.0).round() as u32 * 2;
    if ratio >= 1.0 { (even(short * ratio), even(short)) } else { (even(short), even(short / ratio)) }
}

/// The length in milliseconds and the frames a second.
fn film_time(model: &Model, input: &Value, source: Option<&Known>, look: Look<'_>) -> (u64, u32) {
    let rate = ["fps", "frames_per_second", "target_fps"].iter().find_map(|name| number(model, input, name));
    let rate = rate.map_or(model.fps.unwrap_or(24), |rate| rate as u32).clamp(1, 60);
    if let Some(name) = &model.length_of {
        return (file(input, name, look).map_or(5000, |known| known.media.length), rate);
    }
    if model.source.is_some() {
        let lengths = input[model.source.as_deref().unwrap_or_default()]
            .as_array()
            .map(|urls| urls.iter().filter_map(|url| Some(look(url.as_str()?)?.media.length)).sum::<u64>());
        let length = lengths.or(source.map(|known| known.media.length)).filter(|length| *length > 0);
        return (length.unwrap_or(5000), rate);
    }
    let frames = model.value(input, "num_frames").and_then(Value::as_u64).or_else(|| {
        text(model, input, "video_length").map(|length| if length.starts_with("25") { 25 } else { 14 })
    });
    if let Some(frames) = frames.filter(|_| model.input.contains_key("frames_per_second")) {
        return (frames.min(10_000) * 1000 / u64::from(rate), rate);
    }
    let seconds = number(model, input, "duration").unwrap_or(model.seconds.unwrap_or(5) as f64);
    ((seconds * 1000.0) as u64, rate)
}

/// The text and length of a recording.
fn transcript(source: Option<&Known>) -> Value {
    let text = source.and_then(|known| known.text.clone()).unwrap_or_else(|| SPOKEN.to_owned());
    let length = source.map_or_else(|| spoken(&text, 1.0), |known| known.media.length);
    json!({ "text": text, "length": length })
}

/// The words of a text with their start and end in seconds, spread evenly over `length` milliseconds.
pub(crate) fn words(text: &str, length: u64) -> Vec<(&str, f64, f64)> {
    let all = text.chars().count().max(1) as f64;
    let seconds = |chars: usize| (chars as f64 * length as f64 / all).round() / 1000.0;
    let mut at = 0;
    let mut words = Vec::new();
    for word in text.split_inclusive(char::is_whitespace) {
        let count = word.chars().count();
        let trimmed = word.trim();
        if !trimmed.is_empty() {
            words.push((trimmed, seconds(at), seconds(at + trimmed.chars().count())));
        }
        at += count;
    }
    words
}

/// The answer of a language model, at most `max_tokens` words.
fn answer(model: &Model, input: &Value) -> String {
    let prompt = text(model, input, "prompt").unwrap_or_default();
    let most = model.value(input, "max_tokens").and_then(Value::as_u64).unwrap_or(512).clamp(1, 4096);
    let said = format!("Simulated answer to: {prompt}");
    said.split_inclusive(' ').take(most as usize).collect()
}

fn price(model: &Model, input: &Value, media: &[Media], data: &Value) -> (Nanos, Option<Nanos>) {
    let mut fixed = 0.0;
    let mut second = None;
    let units: Vec<&str> = model.price.iter().map(|price| price.unit.as_str()).collect();
    for (at, price) in model.price.iter().enumerate() {
        // For each unit, the first price whose conditions hold applies.
        let applies = |price: &Price| {
            price
                .when
                .iter()
                .all(|(name, values)| model.value(input, name).is_some_and(|value| values.contains(value)))
        };
        let first = model.price[..at].iter().all(|earlier| earlier.unit != units[at] || !applies(earlier));
        if !first || !applies(price) {
            continue;
        }
        let each = price.usd.parse::<f64>().unwrap_or(0.0) / price.per as f64 * 1e9;
        if price.unit == "gpu_second" {
            second = Some(each.round() as Nanos);
        } else {
            fixed += each * quantity(&price.unit, model, input, media, data);
        }
    }
    (fixed.round() as Nanos, second)
}

fn quantity(unit: &str, model: &Model, input: &Value, media: &[Media], data: &Value) -> f64 {
    let seconds = media.iter().map(|media| media.length as f64 / 1000.0).sum::<f64>();
    match unit {
        "image" => media.len().max(1) as f64,
        "image_megapixel" => media
            .iter()
            .map(|media| f64::from(media.width) * f64::from(media.height) / f64::from(1u32 << 20))
            .sum(),
        "output_video_second" | "output_audio_second" => seconds,
        "input_character" => {
            let text = model.text.as_deref().and_then(|name| model.value(input, name)?.as_str());
            text.unwrap_or_default().chars().count() as f64
        }
        "input_token" => tokens(text(model, input, "prompt").unwrap_or_default()) as f64,
        "output_token" => tokens(data["text"].as_str().unwrap_or_default()) as f64,
        _ => 1.0,
    }
}

/// The number of tokens in a text: its words.
pub(crate) fn tokens(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}
