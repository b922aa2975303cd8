//! Types in words, never more of them than a message has room for.

use std::fmt;

use super::Type;

/// The longest text about a type, in bytes.
const BYTES_MAX: usize = 300;

/// What is written of a type so far.
struct Words(String);

impl Words {
    /// Adds `text`; false if there is no more room.
    fn add(&mut self, text: &str) -> bool {
        let room = BYTES_MAX.saturating_sub(self.0.len());
        if text.len() <= room {
            self.0.push_str(text);
            return true;
        }
        if !self.0.ends_with('…') {
            self.0.push_str(&text[..text.floor_char_boundary(room)]);
            self.0.push('…');
        }
        false
    }

    /// Writes `parts` with a word between them, for as long as there is room.
    fn join<T>(&mut self, parts: impl IntoIterator<Item = T>, between: &str, write: impl Fn(&mut Words, T)) {
        for (index, part) in parts.into_iter().enumerate() {
            if index > 0 && !self.add(between) {
                return;
            }
            write(self, part);
        }
    }

    fn write(&mut self, ty: &Type) {
        match ty {
            Type::List(item) => {
                if self.add("list of ") {
                    self.write(item);
                }
            }
            Type::Map(item) => {
                if self.add("object of ") {
                    self.write(item);
                }
            }
            Type::Object { fields, .. } if fields.is_empty() => _ = self.add("object"),
            Type::Object { fields, .. } => {
                self.add("object with ");
                self.join(fields.keys(), ", ", |words, name| _ = words.add(name));
            }
            Type::Media(kinds) => self.join(kinds, " or ", |words, kind| _ = words.add(kind.word())),
            Type::OneOf(options) => self.join(options, " or ", Words::write),
            Type::Any => _ = self.add("anything"),
            Type::Null => _ = self.add("null"),
            Type::Text => _ = self.add("text"),
            Type::Integer => _ = self.add("whole number"),
            Type::Number => _ = self.add("number"),
            Type::Boolean => _ = self.add("true or false"),
        }
    }

    fn write_with_article(&mut self, ty: &Type) {
        match ty {
            Type::Any | Type::Null | Type::Text | Type::Boolean => self.write(ty),
            Type::Media(kinds) => {
                self.join(kinds, " or ", |words, kind| _ = words.add(&with_article(kind.word())));
            }
            Type::OneOf(options) => self.join(options, " or ", Words::write_with_article),
            other => _ = self.add(&with_article(&other.to_string())),
        }
    }
}

impl Type {
    /// The type with its article: "a whole number", "an image or a video".
    pub fn phrase(&self) -> String {
        let mut words = Words(String::new());
        words.write_with_article(self);
        words.0
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Words(String::new());
        words.write(self);
        f.write_str(&words.0)
    }
}

fn with_article(words: &str) -> String {
    match words {
        "audio" => words.to_owned(),
        _ if words.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {words}"),
        _ => format!("a {words}"),
    }
}
