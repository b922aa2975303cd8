//! The inputs of a run as a caller gives them, with files among them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use motet_pipeline::contract::Misfit;
use motet_pipeline::plan::InputSpec;
use motet_pipeline::value::{BadJson, INPUT_UNITS_MAX, Map, read_foreign};
use motet_pipeline::{Artifact, MediaKind, Type, Value};
use motet_store::Store;

use super::import;
use crate::Error;
use crate::operation::Hands;
use crate::reading::{Unread, read_file};

/// The largest file that is read as text or JSON.
const TEXT_BYTES_MAX: u64 = 16 << 20;

/// What stands for a file inside of inputs: `{"$file": "photo.png"}`.
const FILE_KEY: &str = "$file";

/// Inputs with files.
pub(crate) struct Given {
    pub(crate) inputs: Map,
    pub(crate) files: BTreeMap<String, PathBuf>,
}

impl Given {
    /// The inputs with every file taken in by the type that `specs` asks for. What is not asked for
    /// at all stays, for [`motet_pipeline::inputs::accept`] to say so.
    ///
    /// # Errors
    /// [`Error::Inputs`] with all that is wrong; another one where it isn't the input's fault, such as
    /// [`Error::Tools`] when there is no ffprobe to measure it.
    pub(crate) async fn take_in(self, hands: &Hands, specs: &[InputSpec]) -> Result<Map, Error> {
        let mut taken = Map::new();
        let mut misfits = Vec::new();
        let any = Type::Any;
        let ty = |name: &str| specs.iter().find(|spec| spec.name == name).map(|spec| &spec.ty);
        for (name, value) in self.inputs {
            if let Some(excess) = value.excess(INPUT_UNITS_MAX) {
                let message = format!("`{name}` {excess}");
                misfits.push(Misfit { parameter: name, message });
                continue;
            }
            let place = Place { hands, name: name.clone() };
            // Most values are taken as they are: what is made anew takes memory a second time.
            let taken_in = match holds_file(&value) {
                true => place.take_value(value, ty(&name).unwrap_or(&any)).await,
                false => Ok(value),
            };
            match taken_in {
                Ok(value) => drop(taken.insert(name, value)),
                Err(Unfit::Misfit(message)) => misfits.push(Misfit { parameter: name, message }),
                Err(Unfit::Error(error)) => return Err(error),
            }
        }
        for (name, path) in self.files {
            let Some(ty) = ty(&name) else {
                taken.insert(name, Value::Null);
                continue;
            };
            let place = Place { hands, name: name.clone() };
            match place.take_file(&path, ty).await {
                Ok(value) => drop(taken.insert(name, value)),
                Err(Unfit::Misfit(message)) => misfits.push(Misfit { parameter: name, message }),
                Err(Unfit::Error(error)) => return Err(error),
            }
        }
        if misfits.is_empty() { Ok(taken) } else { Err(Error::Inputs(misfits)) }
    }
}

/// Why an input can't be taken.
enum Unfit {
    /// It doesn't fit, in words.
    Misfit(String),
    /// That isn't its fault.
    Error(Error),
}

impl From<String> for Unfit {
    fn from(message: String) -> Unfit {
        Unfit::Misfit(message)
    }
}

/// Kept media among `inputs`, or outputs, must be in the store: an object of the right shape could name
/// anything.
///
/// # Errors
/// What isn't there.
pub(crate) fn judge_kept(store: &Store, inputs: &Map) -> Result<(), Vec<Misfit>> {
    let mut misfits = Vec::new();
    for (name, value) in inputs.iter().filter(|(_, value)| holds_media(value)) {
        for_each_artifact(name, value, &mut |place, artifact| {
            let message = match store.length_of(&artifact.digest) {
                Some(length) if length == artifact.bytes => return,
                Some(_) => format!("`{place}` doesn't have the size of {}", artifact.digest),
                None => format!("`{place}` names {}, which isn't in this store", artifact.digest),
            };
            misfits.push(Misfit { parameter: name.clone(), message });
        });
    }
    if misfits.is_empty() { Ok(()) } else { Err(misfits) }
}

/// Most values don't, and then no place need be named.
fn holds_media(value: &Value) -> bool {
    let mut holds = false;
    value.for_each_artifact(&mut |_| holds = true);
    holds
}

fn for_each_artifact(place: &str, value: &Value, visit: &mut impl FnMut(&str, &Artifact)) {
    match value {
        Value::Media(artifact) => visit(place, artifact),
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                for_each_artifact(&format!("{place}[{index}]"), item, visit);
            }
        }
        Value::Map(entries) => {
            for (key, entry) in entries.iter() {
                for_each_artifact(&format!("{place}.{key}"), entry, visit);
            }
        }
        Value::Absent | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

/// Where a file is asked for, for messages: `image`, `photos[2]`.
struct Place<'a> {
    hands: &'a Hands,
    name: String,
}

impl Place<'_> {
    /// Takes in the files inside of `value`.
    fn take_value<'a>(
        &'a self,
        value: Value,
        ty: &'a Type,
    ) -> futures_util::future::BoxFuture<'a, Result<Value, Unfit>> {
        Box::pin(async move {
            match value {
                Value::List(items) => {
                    let ty = item_type(ty);
                    let mut taken = Vec::with_capacity(items.len());
                    for (index, item) in items.iter().enumerate() {
                        let place = self.inner(format!("{}[{index}]", self.name));
                        taken.push(place.take_value(item.clone(), ty).await?);
                    }
                    Ok(Value::list(taken))
                }
                Value::Map(entries) => match file_of(&entries) {
                    Some(path) if matches!(wanted(ty), Wanted::Media(_)) => {
                        self.take_file(Path::new(path), ty).await
                    }
                    _ => {
                        let mut taken = Map::new();
                        for (key, entry) in entries.iter() {
                            let place = self.inner(format!("{}.{key}", self.name));
                            let ty = ty.field(key).unwrap_or(Type::Any);
                            taken.insert(key.clone(), place.take_value(entry.clone(), &ty).await?);
                        }
                        Ok(Value::Map(taken.into()))
                    }
                },
                plain => Ok(plain),
            }
        })
    }

    fn inner(&self, name: String) -> Place<'_> {
        Place { hands: self.hands, name }
    }

    /// Takes in the file at `path` as the type asks for.
    async fn take_file(&self, path: &Path, ty: &Type) -> Result<Value, Unfit> {
        match wanted(ty) {
            Wanted::Media(kinds) => self.take_media(path, &kinds).await,
            Wanted::Text => Ok(Value::from(self.read(path)?)),
            Wanted::Json => {
                let text = self.read(path)?;
                let json: serde_json::Value = read_foreign(text.as_bytes()).map_err(|bad| match bad {
                    BadJson::NoJson(error) => {
                        format!("`{}`: {} is not JSON: {error}", self.name, name_of(path))
                    }
                    BadJson::Excess { excess, place } => {
                        format!("`{}`: the JSON in {} {excess}{place}", self.name, name_of(path))
                    }
                })?;
                self.take_value(Value::from(json), ty).await
            }
        }
    }

    async fn take_media(&self, path: &Path, kinds: &[MediaKind]) -> Result<Value, Unfit> {
        let artifact = import(self.hands, path).await.map_err(|error| match error {
            Error::Import { .. } | Error::File { .. } => Unfit::Misfit(format!("`{}`: {error}", self.name)),
            other => Unfit::Error(other),
        })?;
        let wanted = Type::Media(kinds.to_vec());
        if kinds.is_empty() || wanted.accepts(&Value::from(artifact.clone())).is_ok() {
            return Ok(Value::from(artifact));
        }
        let is = match artifact.kind {
            MediaKind::Image => "an image".to_owned(),
            MediaKind::Video => "a video".to_owned(),
            MediaKind::Audio => "audio".to_owned(),
            MediaKind::File => format!("no media but {}", artifact.mime),
        };
        Err(format!("`{}` must be {}, and {} is {is}", self.name, wanted.phrase(), name_of(path)).into())
    }

    fn read(&self, path: &Path) -> Result<String, String> {
        let failed = |reason: String| format!("`{}`: {} {reason}", self.name, path.display());
        let bytes = read_file(path, TEXT_BYTES_MAX).map_err(|unread| match unread {
            Unread::TooLarge(_) => failed(format!("has more than {} MiB", TEXT_BYTES_MAX >> 20)),
            unread => failed(format!("can't be read: {unread}")),
        })?;
        let text = String::from_utf8(bytes).map_err(|error| {
            failed(format!("is not UTF-8 text (byte {})", error.utf8_error().valid_up_to() + 1))
        })?;
        Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
    }
}

/// Whether something in a value may stand for a file.
fn holds_file(value: &Value) -> bool {
    match value {
        Value::List(items) => items.iter().any(holds_file),
        Value::Map(entries) => {
            file_of(entries).is_some() || entries.iter().any(|(_, entry)| holds_file(entry))
        }
        _ => false,
    }
}

/// The path in `{"$file": "path"}`.
fn file_of(entries: &Map) -> Option<&str> {
    if entries.len() == 1 { entries.get(FILE_KEY)?.as_str() } else { None }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn item_type(ty: &Type) -> &Type {
    match ty {
        Type::List(item) => item,
        Type::OneOf(options) => options
            .iter()
            .find_map(|option| match option {
                Type::List(item) => Some(&**item),
                _ => None,
            })
            .unwrap_or(&Type::Any),
        _ => &Type::Any,
    }
}

/// What a file is read as.
enum Wanted {
    /// Media of one of these kinds; of any, if there are none.
    Media(Vec<MediaKind>),
    Text,
    Json,
}

/// Media before text before JSON: a file given for "an image or a prompt" is the image.
fn wanted(ty: &Type) -> Wanted {
    match ty {
        Type::Media(kinds) if kinds.contains(&MediaKind::File) => Wanted::Media(Vec::new()),
        Type::Media(kinds) => Wanted::Media(kinds.clone()),
        Type::Any => Wanted::Media(Vec::new()),
        Type::Text => Wanted::Text,
        Type::OneOf(options) => {
            let options = options.iter().map(wanted);
            options
                .reduce(|first, second| match (&first, &second) {
                    (Wanted::Media(_), _) => first,
                    (_, Wanted::Media(_)) | (Wanted::Json, Wanted::Text) => second,
                    _ => first,
                })
                .unwrap_or(Wanted::Json)
        }
        _ => Wanted::Json,
    }
}
