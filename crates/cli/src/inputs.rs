//! From `--input` and `--inputs` to the inputs of a run.

mod files;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use motet::language::inputs::read_text;
use motet::language::plan::InputSpec;
use motet::language::suggestion::closest;
use motet::language::value::{Map, read_foreign};
use motet::language::{Type, Value};
use motet::reading::{Unread, read_file};

use crate::arguments::InputFlags;
use crate::problem::{Problem, reason_unread};
use crate::project::{quoted, shown_path};

/// What a run is given: values, and files that become values when it is started.
#[derive(Clone, Debug, Default)]
pub struct Given {
    pub values: Map,
    pub files: BTreeMap<String, PathBuf>,
}

/// Reads what was typed, as the pipeline asks for it. `--input` is stronger than `--inputs`.
///
/// # Errors
/// When something can't be read as what the pipeline asks for. No message holds a value.
pub fn read(specs: &[InputSpec], flags: &InputFlags) -> Result<Given, Problem> {
    let (typed, file) = (&flags.inputs, flags.inputs_file.as_deref());
    let mut given = file.map_or_else(|| Ok(Given::default()), |file| from_file(specs, file))?;
    let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for text in typed {
        let (name, value) = split("--input", text)?;
        by_name.entry(name).or_default().push(value);
    }
    for (name, values) in by_name {
        given.values.remove(name);
        given.files.remove(name);
        let spec = specs.iter().find(|spec| spec.name == name).ok_or_else(|| unknown(specs, name))?;
        if files::is_list_of_media(&spec.ty) {
            given.values.insert(name.to_owned(), media_list(spec, &values)?);
        } else if let Some(last) = values.last() {
            given.add(spec, last)?;
        }
    }
    Ok(given)
}

impl Given {
    /// What is known of it before anything is taken in: media aren't, texts in files are. For estimates.
    pub fn known(&self, specs: &[InputSpec]) -> Map {
        let has_no_files = |(_, value): &(&String, &Value)| !holds_files(value);
        let values = self.values.iter().filter(has_no_files);
        let mut known: Map = values.map(|(name, value)| (name.clone(), value.clone())).collect();
        let is_text = |name: &String| specs.iter().any(|spec| spec.name == *name && spec.ty == Type::Text);
        for (name, path) in self.files.iter().filter(|(name, _)| is_text(name)) {
            // What can't be read is told when the run is started.
            let text = read_file(path, INPUTS_BYTES_MAX).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            known.extend(text.map(|text| (name.clone(), Value::from(text))));
        }
        known
    }

    fn add(&mut self, spec: &InputSpec, typed: &str) -> Result<(), Problem> {
        let name = spec.name.clone();
        match Typed::of(spec, typed)? {
            Typed::File(path) => {
                refuse_missing_text(spec, path)?;
                self.files.insert(name, PathBuf::from(path));
            }
            Typed::Text(text) => drop(self.values.insert(name, typed_value(spec, &text)?)),
        }
        Ok(())
    }
}

/// Whether a file stands somewhere in a value.
fn holds_files(value: &Value) -> bool {
    match value {
        Value::Map(entries) => entries.contains_key("$file") || entries.values().any(holds_files),
        Value::List(items) => items.iter().any(holds_files),
        _ => false,
    }
}

/// What stands behind `NAME=`.
enum Typed<'t> {
    /// Behind an `@`.
    File(&'t str),
    /// All else; an `@` that it begins with is typed twice.
    Text(Cow<'t, str>),
}

impl Typed<'_> {
    fn of<'t>(spec: &InputSpec, typed: &'t str) -> Result<Typed<'t>, Problem> {
        let name = &spec.name;
        match (typed.strip_prefix("@@"), typed.strip_prefix('@')) {
            (Some(rest), _) => Ok(Typed::Text(format!("@{rest}").into())),
            (None, Some("")) => Err(Problem::usage(format!(
                "`{name}` has no file name after the @; nothing ran"
            ))
            .line(format!("give a file as --input {name}=@FILE, and a text that is an @ as {name}=@@"))),
            (None, Some(path)) => Ok(Typed::File(path)),
            (None, None) => Ok(Typed::Text(typed.into())),
        }
    }
}

/// Where a text will do, what looks like a file that isn't there may have been meant as a text.
fn refuse_missing_text(spec: &InputSpec, path: &str) -> Result<(), Problem> {
    fn takes_text(ty: &Type) -> bool {
        matches!(ty, Type::Text | Type::Any)
            || matches!(ty, Type::OneOf(options) if options.iter().any(takes_text))
    }
    if !takes_text(&spec.ty) || Path::new(path).symlink_metadata().is_ok() {
        return Ok(());
    }
    let name = &spec.name;
    let (file, text) = if spec.sensitive { ("a file", "…") } else { (path, path) };
    Err(Problem::usage(format!("`{name}` names {file}, which doesn't exist; nothing ran")).line(format!(
        "a text that begins with an @ is given with two: --input {}",
        quoted(&format!("{name}=@@{text}"))
    )))
}

/// All that was typed for a list of media: files one by one, several by a pattern, or JSON with paths.
fn media_list(spec: &InputSpec, typed: &[&str]) -> Result<Value, Problem> {
    let mut items = Vec::new();
    for typed in typed {
        match Typed::of(spec, typed)? {
            Typed::File(path) if path.to_ascii_lowercase().ends_with(".json") => {
                let listed = json_in(Path::new(path))?;
                items.extend(list_of(spec, listed, Path::new(path).parent().unwrap_or(Path::new("")))?);
            }
            Typed::File(pattern) => {
                items.extend(files::matching(&spec.name, pattern)?.iter().map(|path| files::reference(path)));
            }
            Typed::Text(text) => items.extend(list_of(spec, typed_value(spec, &text)?, Path::new(""))?),
        }
    }
    Ok(Value::list(items))
}

fn list_of(spec: &InputSpec, value: Value, folder: &Path) -> Result<Vec<Value>, Problem> {
    match files::with_references(value, &spec.ty, folder) {
        Value::List(items) => Ok(items.iter().cloned().collect()),
        _ => Err(no_list(spec, format!("`{}` must be {}; nothing ran", spec.name, spec.ty.phrase()))),
    }
}

fn no_list(spec: &InputSpec, what: String) -> Problem {
    let name = &spec.name;
    Problem::usage(what)
        .line(format!("give each file as --input {name}=@FILE, or several as --input '{name}=@FOLDER/*.png'"))
}

/// `NAME=VALUE` in its two parts.
///
/// # Errors
/// When there is no `=`, or no name before it.
fn split<'a>(flag: &str, text: &'a str) -> Result<(&'a str, &'a str), Problem> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim(), value)),
        _ => Err(Problem::usage(format!("{flag} takes NAME=VALUE")).line(format!(
            "such as {flag} {}",
            if flag == "--label" { "team=film" } else { "prompt=\"a boat\"" }
        ))),
    }
}

/// What was typed as `--label NAME=VALUE`, by name.
///
/// # Errors
/// As [`split`].
pub fn labels(typed: &[String]) -> Result<BTreeMap<String, String>, Problem> {
    let split =
        |label: &String| split("--label", label).map(|(name, value)| (name.to_owned(), value.to_owned()));
    typed.iter().map(split).collect()
}

fn typed_value(spec: &InputSpec, text: &str) -> Result<Value, Problem> {
    read_text(spec, text).map_err(|misfit| {
        let what = format!("{}; nothing ran", misfit.message);
        match spec.ty {
            Type::Media(_) => Problem::usage(what).line(format!("give it as --input {}=@FILE", spec.name)),
            _ if files::is_list_of_media(&spec.ty) => no_list(spec, what),
            _ => Problem::usage(what).line("`motet plan FILE` lists the inputs"),
        }
    })
}

fn unknown(specs: &[InputSpec], name: &str) -> Problem {
    let names = specs.iter().map(|spec| spec.name.as_str());
    let problem = Problem::usage(format!("the pipeline has no input `{name}`; nothing ran"));
    match closest(name, names.clone()) {
        Some(meant) => problem.line(format!("did you mean `{meant}`?")),
        None if specs.is_empty() => problem.line("it has no inputs"),
        None => problem.line(format!("its inputs are: {}", names.collect::<Vec<_>>().join(", "))),
    }
}

/// The largest file of inputs, in bytes.
const INPUTS_BYTES_MAX: u64 = 16 << 20;

fn from_file(specs: &[InputSpec], path: &Path) -> Result<Given, Problem> {
    let Value::Map(entries) = json_in(path)? else { return Err(unusable(path, "it is not an object")) };
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut given = Given::default();
    for (name, value) in entries.iter() {
        let spec = specs.iter().find(|spec| spec.name == *name);
        let value = value.clone();
        let value = spec.map_or(value.clone(), |spec| files::with_references(value, &spec.ty, folder));
        given.values.insert(name.clone(), value);
    }
    Ok(given)
}

fn unusable(path: &Path, why: &str) -> Problem {
    Problem::usage(format!("the inputs in {} can't be used: {why}", shown_path(path)))
        .line("write a JSON object, such as {\"prompt\": \"a boat\"}")
}

/// The JSON in a file, which may begin with a byte order mark.
fn json_in(path: &Path) -> Result<Value, Problem> {
    let bytes = read_file(path, INPUTS_BYTES_MAX).map_err(|unread| match unread {
        Unread::TooLarge(_) => {
            unusable(path, &format!("the file is larger than {} MiB", INPUTS_BYTES_MAX >> 20))
        }
        other => unusable(path, &reason_unread(&other)),
    })?;
    let text = std::str::from_utf8(&bytes).map_err(|_| unusable(path, "the file is not UTF-8 text"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    read_foreign(text.as_bytes()).map_err(|bad| unusable(path, &bad.to_string()))
}
