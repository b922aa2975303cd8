//! Entries that are made from what a provider publishes of a model: its OpenAPI description.

use std::collections::{BTreeMap, BTreeSet};

use motet_pipeline::contract::{Doubt, Feature};
use motet_pipeline::{MediaKind, Type};
use serde_json::Value as Json;

use super::entry::{Billing, Entry, Input, Output, TypeWords, Way};
use super::mapping::Mapping;
use crate::model::Form;

/// What a provider published describes no model that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no description of a model: {0}")]
pub struct BadSchema(String);

const INPUTS_MAX: usize = 200;
const TEXT_MAX: usize = 400;
/// How long a model of which nothing is known may take, in seconds.
const SECONDS: (f64, f64) = (1.0, 600.0);
const NO_PRICE: &str = "its description tells no price: add a row to your price book";

/// The entry of a model of Replicate, as `GET /v1/models/{owner}/{name}` (or `…/versions/{id}`) describes it.
/// Called by its name alone is what the provider runs itself; all others by the version that is described.
///
/// # Errors
/// Says in words what is missing.
pub fn from_replicate(id: &str, model: &Json) -> Result<Entry, BadSchema> {
    let version = model.get("latest_version").unwrap_or(model);
    let document = version.get("openapi_schema").ok_or_else(|| bad("it has no `openapi_schema`"))?;
    let schemas = Schemas { document };
    let input = schemas.named("Input").ok_or_else(|| bad("its schema has no `Input`"))?;
    let output = schemas.named("Output").ok_or_else(|| bad("its schema has no `Output`"))?;
    let is_official = model.get("is_official").and_then(Json::as_bool) == Some(true);
    let hash = version.get("id").and_then(Json::as_str).filter(|_| !is_official);
    if !is_official && hash.is_none() {
        return Err(bad("it has no version"));
    }
    let example = model.pointer("/default_example/output").unwrap_or(&Json::Null);
    let outputs = replicate_outputs(&schemas, output, example);
    Ok(Entry {
        version: hash.map(str::to_owned),
        summary: short(model.get("description").and_then(Json::as_str).unwrap_or("A model of Replicate.")),
        features: BTreeSet::from([Feature::Cancel, Feature::Webhook]),
        source: "the schema that the provider publishes".to_owned(),
        ..entry("replicate", id, schemas.inputs(input)?, outputs)
    })
}

/// The entry of an endpoint of fal, as its OpenAPI description describes it: the document itself, or the answer of
/// `GET api.fal.ai/v1/models?endpoint_id=…&expand=openapi-3.0`.
///
/// # Errors
/// Says in words what is missing.
pub fn from_fal(id: &str, answer: &Json) -> Result<Entry, BadSchema> {
    let model = answer.get("models").and_then(|models| models.get(0)).unwrap_or(answer);
    let document = model.get("openapi").filter(|openapi| openapi.is_object()).unwrap_or(model);
    let schemas = Schemas { document };
    let paths = document.get("paths").and_then(Json::as_object).ok_or_else(|| bad("it has no `paths`"))?;
    let submit = paths.get(&format!("/{id}")).ok_or_else(|| bad(format!("it has no path `/{id}`")))?;
    let input = submit.pointer("/post/requestBody/content/application~1json/schema");
    let input = input.ok_or_else(|| bad("it says nothing of the inputs"))?;
    let output = paths
        .iter()
        .filter(|(path, _)| path.ends_with("/requests/{request_id}"))
        .find_map(|(_, path)| path.pointer("/get/responses/200/content/application~1json/schema"));
    let output = output.ok_or_else(|| bad("it says nothing of the outputs"))?;
    let summary = model.pointer("/metadata/description").or_else(|| document.pointer("/info/description"));
    Ok(Entry {
        summary: short(summary.and_then(Json::as_str).unwrap_or("An endpoint of fal.")),
        features: BTreeSet::from([Feature::Cancel, Feature::Webhook]),
        source: "the schema that the provider publishes".to_owned(),
        ..entry(
            "fal",
            id,
            schemas.inputs(schemas.followed(input))?,
            fal_outputs(&schemas, schemas.followed(output)),
        )
    })
}

fn entry(provider: &str, id: &str, inputs: Vec<Input>, outputs: BTreeMap<String, Output>) -> Entry {
    let has_seed = inputs.iter().any(|input| input.word() == "seed");
    let mut entry = Entry {
        provider: provider.to_owned(),
        id: id.to_owned(),
        version: None,
        route: String::new(),
        aliases: Vec::new(),
        summary: String::new(),
        call: Way::Job,
        seconds: SECONDS,
        features: BTreeSet::new(),
        inputs,
        exactly_one: Vec::new(),
        outputs,
        billing: Billing { unpriced: Some(NO_PRICE.to_owned()), ..Billing::default() },
        source: String::new(),
    };
    if has_seed {
        entry.features.insert(Feature::Seed);
    }
    entry
}

fn bad(reason: impl Into<String>) -> BadSchema {
    BadSchema(reason.into())
}

fn short(text: &str) -> String {
    let text = text.lines().next().unwrap_or_default().trim();
    match text.char_indices().nth(TEXT_MAX) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}

/// The schemas of a document, which may refer to each other.
struct Schemas<'j> {
    document: &'j Json,
}

impl<'j> Schemas<'j> {
    fn named(&self, name: &str) -> Option<&'j Json> {
        self.document.pointer("/components/schemas")?.get(name)
    }

    /// The schema itself, where one only refers to it: by a reference, alone in `allOf`, or beside null in `anyOf`.
    fn followed(&self, mut schema: &'j Json) -> &'j Json {
        const STEPS_MAX: usize = 16;
        for _ in 0..STEPS_MAX {
            let referred = schema
                .get("$ref")
                .and_then(Json::as_str)
                .and_then(|reference| self.document.pointer(reference.strip_prefix('#')?));
            let options = |word: &str| schema.get(word).and_then(Json::as_array);
            let all = options("allOf").filter(|all| all.len() == 1).and_then(|all| all.first());
            let any = options("anyOf").or_else(|| options("oneOf"));
            let mut other =
                any.into_iter().flatten().filter(|option| option.get("type") != Some(&"null".into()));
            let only = match (other.next(), other.next()) {
                (Some(only), None) => Some(only),
                _ => None,
            };
            match referred.or(all).or(only) {
                Some(next) => schema = next,
                None => break,
            }
        }
        schema
    }

    fn inputs(&self, schema: &'j Json) -> Result<Vec<Input>, BadSchema> {
        let properties = schema.get("properties").and_then(Json::as_object);
        let properties = properties.ok_or_else(|| bad("its inputs have no `properties`"))?;
        if properties.len() > INPUTS_MAX {
            return Err(bad(format!("it has more than {INPUTS_MAX} inputs")));
        }
        let required: BTreeSet<&str> = schema
            .get("required")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .collect();
        let mut named: Vec<(&String, &Json)> = properties.iter().collect();
        named.sort_by_key(|(_, property)| property.get("x-order").and_then(Json::as_u64).unwrap_or(u64::MAX));
        let mut inputs: Vec<Input> = named
            .into_iter()
            .map(|(name, property)| self.input(name, property, required.contains(name.as_str())))
            .collect();
        let mut taken: BTreeSet<String> = inputs.iter().map(|input| input.name.clone()).collect();
        for input in &mut inputs {
            let word = unified(input).filter(|word| *word == input.name || taken.insert((*word).to_owned()));
            if let Some(word) = word.filter(|word| *word != input.name) {
                input.unified = Some(word.to_owned());
            }
            input.form = form_of(input);
        }
        Ok(inputs)
    }

    fn input(&self, name: &str, property: &'j Json, required: bool) -> Input {
        let schema = self.followed(property);
        let has_more = MORE.iter().any(|word| schema.get(word).is_some());
        let text = |word: &str| property.get(word).or_else(|| schema.get(word)).and_then(Json::as_str);
        let number = |word: &str| property.get(word).or_else(|| schema.get(word)).and_then(Json::as_f64);
        let default = property.get("default").or_else(|| schema.get("default"));
        let ty = self.ty(name, schema);
        let is_length = matches!(ty, Type::Text | Type::List(_));
        let bound = |of_number: &str, of_text: &str, of_list: &str| match &ty {
            Type::List(_) => number(of_list),
            _ if is_length => number(of_text),
            _ => number(of_number),
        };
        let doubt = (has_more || holds_anything(&ty)).then_some(Doubt::Values);
        let (min, max) =
            (bound("minimum", "minLength", "minItems"), bound("maximum", "maxLength", "maxItems"));
        Input {
            name: name.to_owned(),
            unified: None,
            form: Mapping::Same,
            ty: TypeWords(ty),
            required,
            default: default.filter(|default| !default.is_null()).cloned(),
            min,
            max,
            one_of: schema.get("enum").and_then(Json::as_array).cloned().unwrap_or_default(),
            limits: Default::default(),
            doubt,
            implies: BTreeMap::new(),
            about: short(text("description").or(text("title")).unwrap_or(name)),
        }
    }

    fn ty(&self, name: &str, schema: &'j Json) -> Type {
        match schema.get("type").and_then(Json::as_str) {
            Some("string") if is_address(name, schema) => Type::media(kind_by_name(name)),
            Some("string") => Type::Text,
            Some("integer") => Type::Integer,
            Some("number") => Type::Number,
            Some("boolean") => Type::Boolean,
            Some("array") => Type::list(
                schema.get("items").map_or(Type::Any, |items| self.ty(name, self.followed_once(items))),
            ),
            Some("object") => Type::map(Type::Any),
            _ => Type::Any,
        }
    }

    /// As [`Schemas::followed`]; lists of lists of themselves end here.
    fn followed_once(&self, items: &'j Json) -> &'j Json {
        let followed = self.followed(items);
        if followed.get("type") == Some(&"array".into()) { &Json::Null } else { followed }
    }
}

/// What a schema may say beyond what an entry can hold.
const MORE: [&str; 8] =
    ["anyOf", "oneOf", "allOf", "not", "pattern", "properties", "multipleOf", "exclusiveMinimum"];

/// Whether nothing is known of what such a value holds.
fn holds_anything(ty: &Type) -> bool {
    match ty {
        Type::Any => true,
        Type::List(item) => holds_anything(item),
        _ => false,
    }
}

/// Whether a text is the address of a file.
fn is_address(name: &str, schema: &Json) -> bool {
    schema.get("format") == Some(&"uri".into()) || name.ends_with("_url") || name.ends_with("_urls")
}

fn kind_by_name(name: &str) -> MediaKind {
    let holds = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if holds(&["audio", "voice", "speech", "sound", "song", "music"]) {
        MediaKind::Audio
    } else if holds(&["video", "movie"]) {
        MediaKind::Video
    } else if holds(&["image", "mask", "photo", "picture", "img", "frame", "face"]) {
        MediaKind::Image
    } else {
        MediaKind::File
    }
}

/// Our word for a parameter, by the names that providers usually give it.
fn unified(input: &Input) -> Option<&'static str> {
    const WORDS: [(&str, &[&str]); 15] = [
        ("image", &["image_url", "image_urls", "input_image", "image_input", "images"]),
        ("start_image", &["first_frame_image", "first_frame_image_url", "start_image_url"]),
        ("end_image", &["last_frame_image", "end_image_url", "tail_image_url", "last_frame_image_url"]),
        ("video", &["video_url", "input_video"]),
        ("videos", &["video_urls"]),
        ("audio", &["audio_url", "input_audio"]),
        ("mask", &["mask_url"]),
        ("count", &["num_outputs", "num_images", "number_of_images"]),
        ("fps", &["frames_per_second"]),
        ("duration", &["duration_seconds", "seconds_total"]),
        ("language", &["language_code"]),
        ("voice", &["voice_id"]),
        ("system", &["system_prompt"]),
        ("output_format", &["format"]),
        ("max_tokens", &["max_new_tokens"]),
    ];
    WORDS.iter().find(|(_, names)| names.contains(&input.name.as_str())).map(|(word, _)| *word)
}

/// How our value is written in the provider's words, by what its schema takes.
fn form_of(input: &Input) -> Mapping {
    let texts: Option<Vec<&str>> = input.one_of.iter().map(Json::as_str).collect();
    match (input.word(), &input.ty.0) {
        ("duration", Type::Text) => {
            texts.and_then(|texts| suffix(&texts)).map_or(Mapping::Same, Mapping::Suffixed)
        }
        ("image", Type::List(_)) => Mapping::Listed,
        ("output_format", Type::Text) => {
            let texts = texts.unwrap_or_default();
            let renamed = [("jpg", "jpeg"), ("jpeg", "jpg")].into_iter();
            let renamed = renamed.filter(|(ours, theirs)| texts.contains(theirs) && !texts.contains(ours));
            let words: BTreeMap<String, Json> =
                renamed.map(|(ours, theirs)| (ours.to_owned(), theirs.into())).collect();
            if words.is_empty() { Mapping::Same } else { Mapping::Words(words) }
        }
        _ => Mapping::Same,
    }
}

/// What stands behind the number in all of these texts.
fn suffix(texts: &[&str]) -> Option<String> {
    let rest = |text: &str| text.trim_start_matches(|letter: char| letter.is_ascii_digit()).to_owned();
    let first = rest(texts.first()?);
    texts
        .iter()
        .all(|text| text.starts_with(|letter: char| letter.is_ascii_digit()) && rest(text) == first)
        .then_some(first)
}

fn replicate_outputs(schemas: &Schemas<'_>, schema: &Json, example: &Json) -> BTreeMap<String, Output> {
    let read = |form: Form| Output { at: String::new(), form, optional: false, ty: None };
    let kind = kind_by_example(example).unwrap_or(MediaKind::File);
    let is_uri = |schema: &Json| schema.get("format") == Some(&"uri".into());
    let items = schema.get("items").map(|items| items.get("format") == Some(&"uri".into()));
    match (schema.get("type").and_then(Json::as_str), items) {
        (Some("string"), _) if is_uri(schema) => media_outputs(kind, ""),
        (Some("array"), Some(true)) => media_outputs(kind, ""),
        (Some("string"), _) => BTreeMap::from([("text".to_owned(), read(Form::Text))]),
        (Some("array"), _) if schema.get("x-cog-array-type") == Some(&"iterator".into()) => {
            BTreeMap::from([("text".to_owned(), read(Form::Text))])
        }
        (Some("object"), _) => fields(schemas, schema),
        _ => BTreeMap::from([("result".to_owned(), read(Form::Value))]),
    }
}

/// The kind of the files of an example, by how their addresses end.
fn kind_by_example(example: &Json) -> Option<MediaKind> {
    let address = example.as_str().or_else(|| example.get(0)?.as_str())?;
    let path = address.split(['?', '#']).next()?;
    let (_, ending) = path.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "png" | "jpg" | "jpeg" | "webp" | "gif" | "avif" => MediaKind::Image,
        "mp4" | "webm" | "mov" | "mkv" => MediaKind::Video,
        "mp3" | "wav" | "ogg" | "flac" | "m4a" | "aac" => MediaKind::Audio,
        _ => return None,
    })
}

/// Files of a kind at a place: the first, and of pictures all.
fn media_outputs(kind: MediaKind, at: &str) -> BTreeMap<String, Output> {
    let read = |form: Form| Output { at: at.to_owned(), form, optional: false, ty: None };
    let all: &[(&str, Form)] = match kind {
        MediaKind::Image => &[("image", Form::Image), ("images", Form::Images)],
        MediaKind::Video => &[("video", Form::Video)],
        MediaKind::Audio => &[("audio", Form::Audio)],
        MediaKind::File => &[("file", Form::File), ("files", Form::Files)],
    };
    all.iter().map(|(name, form)| ((*name).to_owned(), read(*form))).collect()
}

fn fal_outputs(schemas: &Schemas<'_>, schema: &Json) -> BTreeMap<String, Output> {
    let properties = schema.get("properties").and_then(Json::as_object);
    let mut outputs = fields(schemas, schema);
    for name in properties.into_iter().flatten().map(|(name, _)| name.as_str()) {
        let (kind, at) = match name {
            "images" | "image" => (MediaKind::Image, name),
            "video" => (MediaKind::Video, name),
            "audio" | "audio_file" => (MediaKind::Audio, name),
            _ => continue,
        };
        outputs.remove(name);
        outputs.extend(media_outputs(kind, at));
    }
    outputs
}

/// The fields of an object, each as it is.
fn fields(schemas: &Schemas<'_>, schema: &Json) -> BTreeMap<String, Output> {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .collect();
    let properties =
        schema.get("properties").and_then(Json::as_object).into_iter().flatten().take(INPUTS_MAX);
    let all = properties.map(|(name, property)| {
        let followed = schemas.followed(property);
        let is_uri = followed.get("format") == Some(&"uri".into());
        let plain = match followed.get("type").and_then(Json::as_str) {
            Some("string") if is_uri => (Form::File, None),
            Some("string") => (Form::Text, None),
            Some("integer") => (Form::Value, Some(TypeWords(Type::Integer))),
            Some("number") => (Form::Value, Some(TypeWords(Type::Number))),
            Some("boolean") => (Form::Value, Some(TypeWords(Type::Boolean))),
            _ => (Form::Value, None),
        };
        let optional = !required.contains(&name.as_str());
        (name.clone(), Output { at: name.clone(), form: plain.0, optional, ty: plain.1 })
    });
    let all: BTreeMap<String, Output> = all.collect();
    match all.is_empty() {
        true => BTreeMap::from([(
            "result".to_owned(),
            Output { at: String::new(), form: Form::Value, optional: false, ty: None },
        )]),
        false => all,
    }
}

#[cfg(test)]
mod tests;
