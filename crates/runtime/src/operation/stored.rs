//! `store/*`: files that other programs read, in folders that the settings name.

mod shelf;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use motet_pipeline::contract::{Outputs, Parameter, Sketches, Work as WorkKind};
use motet_pipeline::value::Map;
use motet_pipeline::{Artifact, Class, Contract, Digest, Failure, MediaKind, Outcome, Type, Value};

use self::shelf::{IfExists, Placed, Shelf};
use super::scratch::Scratch;
use super::{Operation, WorkError, disk_full};
use crate::work::Work;

/// All operations on such folders.
pub(crate) struct Stored;

const PUT: &str = "store/put";
const GET: &str = "store/get";
const DELETE: &str = "store/delete";

/// The longest name of a file, in bytes, with the folders that it lies in.
const NAME_BYTES_MAX: usize = 512;

/// The longest part of a name, as file systems have it.
const PART_BYTES_MAX: usize = 255;

/// The name that a file has while an attempt fetches it.
const FETCHED: &str = "fetched";

/// What these operations take and give, where there are `stores`.
pub fn contracts<'n>(stores: impl IntoIterator<Item = &'n String>) -> Vec<Contract> {
    let names: Vec<&str> = stores.into_iter().map(String::as_str).collect();
    let store = || {
        let about = "A store of the settings: `[stores.NAME]` in motet.toml";
        Parameter::required("store", Type::Text).one_of(names.iter().copied()).about(about)
    };
    let name = || {
        let about = "The file, such as `2026/film.mp4`: a path inside of the folder; no part begins with `.`";
        Parameter::required("name", Type::Text).about(about)
    };
    let of = |operation: &str, summary: &str| {
        let contract = Contract::new(operation, WorkKind::Processor).summary(summary);
        contract.input(store()).input(name()).judged_by(judge)
    };
    let media = Type::Media(vec![MediaKind::Image, MediaKind::Video, MediaKind::Audio, MediaKind::File]);
    let put = of(PUT, "Writes a file into a folder, for other programs to read: whole, or not at all.")
        .input(Parameter::optional("file", media).about("What is written: media of any kind"))
        .input(Parameter::optional("text", Type::Text).about("What is written: text, in UTF-8"))
        .input(Parameter::optional("json", Type::Any).about("What is written: any value, as JSON"))
        .input(
            Parameter::optional("if_exists", Type::Text)
                .default("replace")
                .one_of(["replace", "keep", "fail"])
                .about("What becomes of another file of this name. The same bytes are never written again"),
        )
        .exactly_one(&["file", "text", "json"])
        .output("store", Type::Text)
        .output("name", Type::Text)
        .output("digest", Type::Text)
        .output("bytes", Type::Integer)
        .output("replaced", Type::Boolean)
        .promises(|_| Outputs::of(["store", "name", "digest", "bytes", "replaced"]));
    let get = of(
        GET,
        "Reads a file of a folder. Its kind is detected from its content: it is an `image`, a `video`, \
         an `audio`, or else a `file`; the other outputs are absent.",
    )
    .output("image", Type::media(MediaKind::Image))
    .output("video", Type::media(MediaKind::Video))
    .output("audio", Type::media(MediaKind::Audio))
    .output("file", Type::media(MediaKind::File))
    .output("name", Type::Text)
    .output("digest", Type::Text)
    .output("bytes", Type::Integer);
    let digest =
        "Delete the file only if it has these bytes, such as the `digest` of the `store/put` that is undone";
    let delete = of(
        DELETE,
        "Deletes a file of a folder. One that isn't there is no failure: then `deleted` is false.",
    )
    .input(Parameter::optional("digest", Type::Text).about(digest))
    .output("store", Type::Text)
    .output("name", Type::Text)
    .output("deleted", Type::Boolean);
    vec![put.usually(0.0, 1.0), get.usually(0.0, 1.0), delete.usually(0.0, 0.1)]
}

/// What is wrong with a value, beyond its type.
fn judge(parameter: &str, value: &Value) -> Result<(), String> {
    match (parameter, value.as_str()) {
        ("name", Some(name)) => judge_name(name),
        ("digest", Some(digest)) if digest.parse::<Digest>().is_err() => {
            Err("`digest` must be one such as `sha256:…`".to_owned())
        }
        _ => Ok(()),
    }
}

/// Refuses a name that doesn't lead to a file inside of its folder.
fn judge_name(name: &str) -> Result<(), String> {
    let refused = |why: &str| Err(format!("`name` {why}: {name:?}"));
    if name.is_empty() {
        return Err("`name` is empty".to_owned());
    }
    if name.len() > NAME_BYTES_MAX || name.split('/').any(|part| part.len() > PART_BYTES_MAX) {
        return Err(format!(
            "`name` has more than {NAME_BYTES_MAX} bytes, or more than {PART_BYTES_MAX} between two `/`"
        ));
    }
    if name.chars().any(char::is_control) {
        return refused("has control characters");
    }
    if name.starts_with('/') {
        return refused("must be a path inside of the folder, without a leading `/`");
    }
    if name.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
        return refused("must have no empty part and none that begins with `.`");
    }
    Ok(())
}

impl Operation for Stored {
    fn perform(&self, work: Work) -> BoxFuture<'static, Result<Outcome, WorkError>> {
        Box::pin(async move {
            let inputs = work.input_map();
            let operation = &work.contract().operation;
            let contract = super::store_contracts().into_iter().find(|known| known.operation == *operation);
            if let Some(refusal) = contract.and_then(|contract| contract.refusal(&Sketches::of(&inputs))) {
                return Err(refusal.into());
            }
            let text = |name: &str| inputs.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let place = Place { store: text("store"), name: text("name") };
            let folder = folder_of(&work, &place.store)?;
            let output = match work.contract().operation.as_str() {
                PUT => put(&work, folder, place, &inputs).await,
                GET => get(&work, folder, place).await,
                _ => delete(&work, folder, place, &inputs).await,
            };
            output.map(Outcome::of)
        })
    }
}

/// A file of a store.
struct Place {
    store: String,
    name: String,
}

/// The folder of a store.
fn folder_of(work: &Work, store: &str) -> Result<PathBuf, WorkError> {
    let known = work.hands.stores.get(store).cloned();
    known.ok_or_else(|| {
        let message = format!(
            "the settings have no store `{store}`: `[stores.{store}]` in motet.toml names its folder"
        );
        Failure::invalid(message).into()
    })
}

/// What is to be written.
enum Content {
    Kept(Artifact),
    Bytes(Vec<u8>),
}

impl Content {
    fn of(inputs: &Map) -> Content {
        match (inputs.get("file"), inputs.get("text").and_then(Value::as_str)) {
            (Some(Value::Media(artifact)), _) => Content::Kept((**artifact).clone()),
            (_, Some(text)) => Content::Bytes(text.as_bytes().to_vec()),
            _ => {
                let json = inputs.get("json").unwrap_or(&Value::Null).to_json();
                Content::Bytes(format!("{json:#}\n").into_bytes())
            }
        }
    }
}

async fn put(work: &Work, folder: PathBuf, place: Place, inputs: &Map) -> Result<Value, WorkError> {
    let content = Content::of(inputs);
    let if_exists = match inputs.get("if_exists").and_then(Value::as_str) {
        Some("keep") => IfExists::Keep,
        Some("fail") => IfExists::Fail,
        _ => IfExists::Replace,
    };
    // A try that was killed left a file of this name: the next try of the same attempt takes its place.
    let draft = Digest::of(work.idempotency_key().as_bytes());
    let store = work.hands.store.clone();
    work.hands
        .compute(move || {
            let fault = |error: io::Error| fault(&store, &place, "write", &error);
            let (digest, mut source): (Digest, Box<dyn io::Read>) = match content {
                Content::Kept(artifact) => {
                    (artifact.digest, Box::new(store.open_artifact(&artifact.digest)?))
                }
                Content::Bytes(bytes) => (Digest::of(&bytes), Box::new(io::Cursor::new(bytes))),
            };
            let shelf = Shelf::make(&folder, &place.name).map_err(fault)?;
            let placed = shelf.place(&mut source, &digest, if_exists, &draft).map_err(fault)?;
            let Placed { digest, bytes, replaced } = placed;
            Ok(Value::map([
                ("store", Value::from(place.store)),
                ("name", Value::from(place.name)),
                ("digest", Value::from(digest.to_string())),
                ("bytes", Value::from(bytes)),
                ("replaced", Value::from(replaced)),
            ]))
        })
        .await
}

async fn get(work: &Work, folder: PathBuf, place: Place) -> Result<Value, WorkError> {
    let scratch = Scratch::new(work)?;
    let fetched = scratch.path(FETCHED);
    let (store, name) = (work.hands.store.clone(), place.name.clone());
    work.hands
        .compute(move || {
            let fault = |error: io::Error| fault(&store, &place, "read", &error);
            let found = Shelf::find(&folder, &place.name).map_err(fault)?;
            let file = found.map_or(Ok(None), |shelf| shelf.open()).map_err(fault)?;
            let Some(mut file) = file else {
                let message = format!("there is no `{}` in the store `{}`", place.name, place.store);
                return Err(Failure::new(Class::Gone, message).into());
            };
            copy(&mut file, &fetched).map_err(fault)
        })
        .await?;
    let artifact = scratch.keep(work, FETCHED).await?;
    let (digest, bytes) = (artifact.digest.to_string(), artifact.bytes);
    Ok(Value::map([
        (artifact.kind.word(), Value::from(artifact)),
        ("name", Value::from(name)),
        ("digest", Value::from(digest)),
        ("bytes", Value::from(bytes)),
    ]))
}

fn copy(from: &mut File, to: &Path) -> io::Result<()> {
    io::copy(from, &mut File::create_new(to)?).map(drop)
}

async fn delete(work: &Work, folder: PathBuf, place: Place, inputs: &Map) -> Result<Value, WorkError> {
    let only = inputs.get("digest").and_then(Value::as_str).and_then(|digest| digest.parse().ok());
    let store = work.hands.store.clone();
    work.hands
        .compute(move || {
            let fault = |error: io::Error| fault(&store, &place, "delete", &error);
            let shelf = Shelf::find(&folder, &place.name).map_err(fault)?;
            let deleted = shelf.map_or(Ok(false), |shelf| shelf.remove(only)).map_err(fault)?;
            Ok(Value::map([
                ("store", Value::from(place.store)),
                ("name", Value::from(place.name)),
                ("deleted", Value::from(deleted)),
            ]))
        })
        .await
}

/// What the file system refuses, as a failure of the attempt.
fn fault(store: &motet_store::Store, place: &Place, verb: &str, error: &io::Error) -> WorkError {
    let Place { store: named, name } = place;
    let class = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => return disk_full(store),
        io::ErrorKind::AlreadyExists | io::ErrorKind::InvalidInput | io::ErrorKind::NotADirectory => {
            Class::Invalid
        }
        _ => Class::Unavailable,
    };
    Failure::new(class, format!("failed to {verb} `{name}` in the store `{named}`: {error}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_a_file_inside_of_its_folder_or_is_refused() {
        for good in ["film.mp4", "2026/11/a b.txt", "ä.png", "a..b"] {
            assert_eq!(judge_name(good), Ok(()), "{good}");
        }
        let long = ["a".repeat(256), "a/".repeat(300) + "a"];
        let bad =
            ["", "/etc/passwd", "..", "a/../b", "a/..", "./a", ".git/hooks/x", "a//b", "a/", "a\nb", "a\0b"];
        for bad in bad.into_iter().chain(long.iter().map(String::as_str)) {
            assert!(judge_name(bad).is_err(), "{bad:?}");
        }
    }
}
