//! From `--input` and `--inputs` to the inputs of a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use motet::language::inputs::read_text;
use motet::language::plan::InputSpec;
use motet::language::suggestion::closest;
use motet::language::value::Map;
use motet::language::{Type, Value};
use motet::reading::{Unread, read_file};

use crate::problem::{Problem, reason_of};
use crate::project::shown_path;

/// What a run is given: values, and files that become values when it is started.
#[derive(Debug, Default)]
pub struct Given {
    pub values: Map,
    pub files: BTreeMap<String, PathBuf>,
}

/// Reads what was typed, as the pipeline asks for it. `--input` is stronger than `--inputs`.
///
/// # Errors
/// When something can't be read as what the pipeline asks for. No message holds a value.
pub fn read(specs: &[InputSpec], typed: &[String], file: Option<&Path>) -> Result<Given, Problem> {
    let mut given = file.map_or_else(|| Ok(Given::default()), |file| from_file(specs, file))?;
    for text in typed {
        let (name, value) = split("--input", text)?;
        given.values.remove(name);
        given.files.remove(name);
        match (value.strip_prefix("@@"), value.strip_prefix('@')) {
            (Some(rest), _) => {
                given.values.insert(name.to_owned(), typed_value(specs, name, &format!("@{rest}"))?);
            }
            (None, Some("")) => {
                return Err(Problem::usage(format!("`{name}` names no file behind the @; nothing ran"))
                    .line(format!(
                        "give a file as --input {name}=@FILE, and a text that is an @ as {name}=@@"
                    )));
            }
            (None, Some(path)) => {
                given.files.insert(name.to_owned(), PathBuf::from(path));
            }
            (None, None) => {
                given.values.insert(name.to_owned(), typed_value(specs, name, value)?);
            }
        }
    }
    Ok(given)
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

fn typed_value(specs: &[InputSpec], name: &str, text: &str) -> Result<Value, Problem> {
    let Some(spec) = specs.iter().find(|spec| spec.name == name) else {
        return Err(unknown(specs, name));
    };
    read_text(spec, text).map_err(|misfit| {
        let problem = Problem::usage(format!("{}; nothing ran", misfit.message));
        match spec.ty {
            Type::Media(_) => problem.line(format!("give it as --input {name}=@FILE")),
            _ => problem.line("`motet plan FILE` lists the inputs"),
        }
    })
}

fn unknown(specs: &[InputSpec], name: &str) -> Problem {
    let names = specs.iter().map(|spec| spec.name.as_str());
    let problem = Problem::usage(format!("the pipeline has no input `{name}`; nothing ran"));
    match closest(name, names.clone()) {
        Some(meant) => problem.line(format!("did you mean `{meant}`?")),
        None if specs.is_empty() => problem.line("it takes none"),
        None => problem.line(format!("it takes: {}", names.collect::<Vec<_>>().join(", "))),
    }
}

/// The largest file of inputs, in bytes.
const INPUTS_BYTES_MAX: u64 = 16 << 20;

fn from_file(specs: &[InputSpec], path: &Path) -> Result<Given, Problem> {
    let shown = shown_path(path);
    let failed = |why: String| {
        Problem::usage(format!("the inputs in {shown} can't be used: {why}"))
            .line("write a JSON object, such as {\"prompt\": \"a boat\"}")
    };
    let bytes = read_file(path, INPUTS_BYTES_MAX).map_err(|unread| match unread {
        Unread::Io(error) => failed(reason_of(&error)),
        Unread::TooLarge(_) => failed(format!("the file is larger than {} MiB", INPUTS_BYTES_MAX >> 20)),
        other => failed(other.to_string()),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| failed("the file is not UTF-8 text".to_owned()))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    let Some(entries) = value.as_map() else {
        return Err(failed("it is not an object".to_owned()));
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut given = Given::default();
    for (name, value) in entries {
        let media = specs.iter().any(|spec| spec.name == *name && matches!(spec.ty, Type::Media(_)));
        match value.as_str().filter(|_| media) {
            Some(file) => {
                given.files.insert(name.clone(), folder.join(file));
            }
            None => {
                given.values.insert(name.clone(), value.clone());
            }
        }
    }
    Ok(given)
}
