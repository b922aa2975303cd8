//! Outputs of a contract, read from what a model gives, whatever shape that has.

mod words;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use motet_pipeline::value::STEP_UNITS_MAX;
use motet_pipeline::{Class, Failure, MediaKind, Value};
use serde_json::Value as Json;

use crate::answer::{Given, Media, Source};
use crate::model::{Form, Model, Reading};
use crate::place::is_web_address;

/// The most pieces of media that one output may have.
const MEDIA_MAX: usize = 1000;

/// The outputs of `model`, read from what it gave. A model that says nothing of its outputs gives all as `output`.
///
/// # Errors
/// `bad_output` if one isn't there, or isn't what it should be; `too_large` if it is more than a step can give.
pub fn read(model: &Model, native: &Json) -> Result<BTreeMap<String, Given>, Failure> {
    if model.outputs.is_empty() {
        return Ok(BTreeMap::from([("output".to_owned(), value("output", native)?)]));
    }
    let mut outputs = BTreeMap::new();
    for (name, reading) in &model.outputs {
        if let Some(given) = read_one(name, reading, native)? {
            outputs.insert(name.clone(), given);
        }
    }
    Ok(outputs)
}

/// One output; `None` if it isn't there and may be left out.
pub(crate) fn read_one(name: &str, reading: &Reading, native: &Json) -> Result<Option<Given>, Failure> {
    let part = match at(native, &reading.at) {
        None | Some(Json::Null) if reading.optional => return Ok(None),
        None | Some(Json::Null) => return Err(bad(name, "is missing in what the model gave")),
        Some(part) => part,
    };
    let given = match reading.form {
        Form::Value => value(name, part)?,
        Form::Text => Given::Value(text(part).ok_or_else(|| bad(name, "is no text"))?.into()),
        Form::Words => match words::read(part) {
            Some(words) => Given::Value(words),
            // Words without times are asked for by some inputs, and are no fault then.
            None if reading.optional => return Ok(None),
            None => return Err(bad(name, "holds no words with times")),
        },
        form => {
            let (kind, takes_all) = form.media().expect("every other form is one of media");
            let mut media = media(name, kind, part)?;
            match (takes_all, media.is_empty()) {
                (_, true) if reading.optional => return Ok(None),
                (_, true) => return Err(bad(name, "is empty")),
                (true, _) => Given::MediaList(media),
                (false, _) => Given::Media(media.swap_remove(0)),
            }
        }
    };
    Ok(Some(given))
}

/// What lies at `path`: names and places, with dots between them.
fn at<'a>(native: &'a Json, path: &str) -> Option<&'a Json> {
    let steps = path.split('.').filter(|step| !step.is_empty());
    steps.into_iter().try_fold(native, |part, step| match part {
        Json::Object(entries) => entries.get(step),
        Json::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

fn value(name: &str, part: &Json) -> Result<Given, Failure> {
    let value = Value::from(part.clone());
    match value.excess(STEP_UNITS_MAX) {
        Some(excess) => Err(Failure::too_large(format!("the output `{name}` {excess}"))),
        None => Ok(Given::Value(value)),
    }
}

/// A text, or fragments of one.
fn text(part: &Json) -> Option<String> {
    match part {
        Json::String(text) => Some(text.clone()),
        Json::Array(fragments) => fragments.iter().map(Json::as_str).collect(),
        _ => None,
    }
}

fn media(name: &str, kind: MediaKind, part: &Json) -> Result<Vec<Media>, Failure> {
    let items = match part {
        Json::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    if items.len() > MEDIA_MAX {
        return Err(bad(name, "has more media than are taken"));
    }
    items.iter().map(|item| one_of_media(kind, item).ok_or_else(|| bad(name, "is no media"))).collect()
}

/// A URL, a data URI, or an object with either under `url`.
fn one_of_media(kind: MediaKind, item: &Json) -> Option<Media> {
    let (address, claimed) = match item {
        Json::String(address) => (address.as_str(), None),
        Json::Object(file) => (file.get("url")?.as_str()?, file.get("content_type").and_then(Json::as_str)),
        _ => return None,
    };
    let claimed = claimed.filter(|mime| is_mime(mime)).map(str::to_owned);
    if let Some(data) = address.strip_prefix("data:") {
        let (mime, bytes) = decoded(data)?;
        return Some(Media { kind, mime: mime.or(claimed), source: Source::Bytes(bytes) });
    }
    is_web_address(address).then(|| Media { kind, mime: claimed, source: Source::Url(address.to_owned()) })
}

/// Of a data URI what stands behind `data:` (RFC 2397): its media type and its bytes.
pub(crate) fn decoded(data: &str) -> Option<(Option<String>, Vec<u8>)> {
    let (head, data) = data.split_once(',')?;
    let mime = head.split(';').next().filter(|mime| is_mime(mime)).map(str::to_owned);
    let bytes = base64(head.strip_suffix(";base64").map(|_| data)?)?;
    (!bytes.is_empty()).then_some((mime, bytes))
}

/// Bytes of base64, with or without its padding.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()
}

/// Whether a text is a media type, without parameters.
pub(crate) fn is_mime(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+' | b'-' | b'.');
    text.len() <= 100 && text.split('/').count() == 2 && text.bytes().all(fits)
}

fn bad(name: &str, what: &str) -> Failure {
    Failure::new(Class::BadOutput, format!("the output `{name}` {what}"))
}

/// How many pictures an answer has, as the model means it: the longest list of them.
pub(crate) fn images(outputs: &BTreeMap<String, Given>) -> usize {
    let count = |given: &Given| match given {
        Given::MediaList(media) => media.iter().filter(|media| media.kind == MediaKind::Image).count(),
        Given::Media(media) => usize::from(media.kind == MediaKind::Image),
        Given::Value(_) => 0,
    };
    outputs.values().map(count).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reading(at: &str, form: Form, native: &Json) -> Result<Option<Given>, Failure> {
        read_one("x", &Reading::new(at, form), native)
    }

    #[test]
    fn a_model_may_change_the_shape_of_its_media() {
        let url = "https://replicate.delivery/a.png";
        let shapes = [
            json!(url),
            json!([url]),
            json!({ "url": url }),
            json!([{ "url": url, "content_type": "image/png" }, url]),
        ];
        for native in shapes {
            let Ok(Some(Given::Media(first))) = reading("", Form::Image, &native) else { panic!("{native}") };
            assert_eq!(first.source, Source::Url(url.to_owned()));
        }
        let data =
            json!({ "image": { "url": "data:image/webp;base64,UklGRg==", "content_type": "image/png" } });
        let Ok(Some(Given::Media(first))) = reading("image", Form::Image, &data) else { panic!() };
        assert_eq!(
            (first.mime.as_deref(), first.source),
            (Some("image/webp"), Source::Bytes(b"RIFF".to_vec()))
        );
    }

    #[test]
    fn what_is_no_media_is_bad_output() {
        let bad = [
            json!(null),
            json!([]),
            json!(7),
            json!(""),
            json!("file:///etc/passwd"),
            json!("data:image/png;base64,%%%"),
            json!("data:image/png;base64,"),
            json!({ "uri": "https://a.b/c" }),
            json!([["https://a.b/c"]]),
            json!(vec!["https://a.b/c"; MEDIA_MAX + 1]),
        ];
        for native in bad {
            assert_eq!(reading("", Form::Images, &native).unwrap_err().class, Class::BadOutput);
        }
    }

    #[test]
    fn text_is_itself_or_its_fragments() {
        for (native, text) in [(json!("ab"), "ab"), (json!(["a", "b"]), "ab"), (json!([]), "")] {
            assert_eq!(reading("", Form::Text, &native).unwrap(), Some(Given::Value(text.into())));
        }
        assert!(reading("", Form::Text, &json!(["a", 1])).is_err());
    }

    #[test]
    fn an_output_that_may_be_left_out_is_left_out() {
        let reading = Reading { optional: true, ..Reading::new("mask.0", Form::Image) };
        for native in [json!({}), json!({ "mask": null }), json!({ "mask": [] }), json!({ "mask": [null] })] {
            assert_eq!(read_one("x", &reading, &native).unwrap(), None);
        }
    }
}
