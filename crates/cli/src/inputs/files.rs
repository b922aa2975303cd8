//! Files where media is asked for, at any depth of an input.

use std::path::{Path, PathBuf};

use motet::language::value::Map;
use motet::language::{Type, Value};
use motet::reading::shown_word;

use crate::problem::{Problem, reason_of};
use crate::project::{quoted, shown_path};

/// The most files that one pattern may stand for.
const MATCHES_MAX: usize = 100_000;

/// Whether a list of media is asked for.
pub fn is_list_of_media(ty: &Type) -> bool {
    match ty {
        Type::List(item) => is_media(item),
        Type::OneOf(options) => options.iter().any(is_list_of_media),
        _ => false,
    }
}

/// Whether a text can only be the path of a file: media is asked for, and no text.
fn is_media(ty: &Type) -> bool {
    match ty {
        Type::Media(_) => true,
        Type::OneOf(options) => {
            options.iter().any(is_media)
                && !options.iter().any(|option| matches!(option, Type::Text | Type::Any))
        }
        _ => false,
    }
}

/// Whether media is asked for, at any depth.
fn asks_for_media(ty: &Type) -> bool {
    match ty {
        Type::List(inner) | Type::Map(inner) => asks_for_media(inner),
        Type::Object { fields, .. } => fields.values().any(asks_for_media),
        Type::OneOf(options) => options.iter().any(asks_for_media),
        ty => matches!(ty, Type::Media(_)),
    }
}

/// What stands for the file at `path` inside of inputs.
pub fn reference(path: &Path) -> Value {
    Value::map([("$file", Value::from(path.to_string_lossy().into_owned()))])
}

/// `value`, with the paths in it where `ty` asks for media as references to these files, seen from
/// `folder`.
pub fn with_references(value: Value, ty: &Type, folder: &Path) -> Value {
    match (value, ty) {
        // What is made anew takes memory a second time.
        (value, ty) if !asks_for_media(ty) => value,
        (Value::Text(path), ty) if is_media(ty) => reference(&folder.join(&*path)),
        (Value::List(items), ty) => {
            let item = option_of(ty, |ty| matches!(ty, Type::List(_)));
            let Some(Type::List(item)) = item else { return Value::List(items) };
            Value::list(
                items.iter().map(|value| with_references(value.clone(), item, folder)).collect::<Vec<_>>(),
            )
        }
        (Value::Map(entries), ty) => {
            let object = option_of(ty, |ty| matches!(ty, Type::Map(_) | Type::Object { .. }));
            let Some(object) = object else { return Value::Map(entries) };
            let inner = |(name, value): (&String, &Value)| {
                let ty = object.field(name).unwrap_or(Type::Any);
                (name.clone(), with_references(value.clone(), &ty, folder))
            };
            Value::Map(entries.iter().map(inner).collect::<Map>().into())
        }
        (value, _) => value,
    }
}

/// The type itself, or the first of its options, that is meant.
fn option_of(ty: &Type, is_meant: impl Fn(&Type) -> bool) -> Option<&Type> {
    match ty {
        Type::OneOf(options) => options.iter().find(|option| is_meant(option)),
        ty => Some(ty).filter(|ty| is_meant(ty)),
    }
}

/// The file called `pattern`, or those in its folder whose names fit it, in the order of their names: in the
/// name `*` stands for any characters and `?` for one.
pub fn matching(input: &str, pattern: &str) -> Result<Vec<PathBuf>, Problem> {
    let path = Path::new(pattern);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if !name.contains(['*', '?']) || path.symlink_metadata().is_ok() {
        return Ok(vec![path.to_owned()]);
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let looked_in = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let refused = |why: String| Problem::usage(format!("`{input}`: {why}; nothing ran"));
    let entries = std::fs::read_dir(looked_in).map_err(|error| {
        refused(format!("{} can't be read: {}", shown_path(looked_in), reason_of(&error)))
    })?;
    let is_hidden_meant = name.starts_with('.');
    let is_meant = |entry: &str| (is_hidden_meant || !entry.starts_with('.')) && fits(&name, entry);
    let mut names: Vec<String> = Vec::new();
    for entry in entries.flatten().map(|entry| entry.file_name()) {
        match entry.into_string() {
            Ok(entry) if is_meant(&entry) => names.push(entry),
            Err(entry) if is_meant(&entry.to_string_lossy()) => {
                return Err(refused(format!(
                    "the name {} isn't UTF-8: rename it",
                    quoted(&shown_word(&entry))
                )));
            }
            _ => {}
        }
        if names.len() > MATCHES_MAX {
            break;
        }
    }
    names.sort();
    match names.len() {
        0 => Err(refused(format!("no file fits {pattern}"))),
        count if count > MATCHES_MAX => Err(refused(format!("more than {MATCHES_MAX} files fit {pattern}"))),
        _ => Ok(names.iter().map(|name| folder.join(name)).collect()),
    }
}

/// Whether a name fits a pattern. Takes at most as many steps as both have characters, multiplied.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut read, mut star) = (0, 0, None);
    while read < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(letter) if *letter == '?' || *letter == name[read] => {
                at += 1;
                read += 1;
            }
            _ => {
                // The last star takes one more.
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                (at, read) = (star_at + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_patterns() {
        for (pattern, name) in
            [("*", "a"), ("*.png", "a.b.png"), ("a?c", "abc"), ("*a*b*", "xaxbx"), ("**", ""), ("ä*", "äö")]
        {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("?", ""), ("*.png", "png"), ("a?c", "ac"), ("*a*b", "xaxbx"), ("", "a")] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
        assert!(!fits(&"*a".repeat(100), &"a".repeat(99)), "soon told");
    }
}
