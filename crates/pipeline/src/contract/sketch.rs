//! Sketches: inputs as far as they are known. A check knows constants and types, a step knows everything, and both ask the
//! same rules.

use std::collections::BTreeMap;

use crate::value::Map;
use crate::{MediaKind, Type, Value};

/// What is known of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Sketch {
    /// The value itself.
    Value(Value),
    /// A list of these entries. Those that aren't there in the end are dropped.
    List(Vec<Sketch>),
    /// An object of these entries. Those that aren't there in the end are dropped.
    Map(BTreeMap<String, Sketch>),
    /// A value that nobody knows yet.
    Unknown {
        /// Its type.
        ty: Type,
        /// Whether it is neither absent nor null for certain.
        is_there: bool,
    },
}

const KINDS: [MediaKind; 4] = [MediaKind::Image, MediaKind::Video, MediaKind::Audio, MediaKind::File];

impl Sketch {
    /// The value, if it is known.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Sketch::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The number, if it is a known one.
    pub fn as_f64(&self) -> Option<f64> {
        self.value()?.as_f64()
    }

    /// The text, if it is a known one.
    pub fn as_str(&self) -> Option<&str> {
        self.value()?.as_str()
    }

    /// Whether it is neither absent nor null for certain.
    pub fn is_there(&self) -> bool {
        match self {
            Sketch::Value(value) => is_given(value),
            Sketch::List(_) | Sketch::Map(_) => true,
            Sketch::Unknown { is_there, .. } => *is_there,
        }
    }

    /// Its entries, if it is a list.
    pub fn entries(&self) -> Option<Vec<Sketch>> {
        match self {
            Sketch::Value(value) => Some(value.as_list()?.iter().cloned().map(Sketch::Value).collect()),
            Sketch::List(entries) => Some(entries.clone()),
            _ => None,
        }
    }

    /// Whether it may be a list.
    pub fn may_be_list(&self) -> bool {
        match self {
            Sketch::Value(value) => value.as_list().is_some(),
            Sketch::List(_) => true,
            Sketch::Map(_) => false,
            Sketch::Unknown { ty, .. } => ty.fits(&Type::list(Type::Any)),
        }
    }

    /// Its entries by name, if it is an object.
    pub fn fields(&self) -> Option<Sketches> {
        match self {
            Sketch::Value(value) => Some(Sketches::of(value.as_map()?)),
            Sketch::Map(fields) => {
                Some(fields.iter().map(|(name, field)| (name.clone(), field.clone())).collect())
            }
            _ => None,
        }
    }

    /// Of which kinds it may be, if it is media for certain.
    ///
    /// ```
    /// use motet_pipeline::contract::Sketch;
    /// use motet_pipeline::{MediaKind, Type, Value};
    /// let clip = Sketch::Unknown { ty: Type::media(MediaKind::Video), is_there: true };
    /// assert_eq!(clip.kinds().unwrap(), [MediaKind::Video]);
    /// assert_eq!(Sketch::Value(Value::from("clip.mp4")).kinds(), None);
    /// ```
    pub fn kinds(&self) -> Option<Vec<MediaKind>> {
        match self {
            Sketch::Value(value) => value.as_artifact().map(|artifact| vec![artifact.kind]),
            Sketch::Unknown { ty, .. } => kinds_of(ty),
            _ => None,
        }
    }

    /// Whether it may be something other than absent or null.
    pub fn may_be_there(&self) -> bool {
        self.value().is_none_or(is_given)
    }
}

fn is_given(value: &Value) -> bool {
    !matches!(value, Value::Absent | Value::Null)
}

fn kinds_of(ty: &Type) -> Option<Vec<MediaKind>> {
    match ty {
        // A file may be anything.
        Type::Media(kinds) if kinds.contains(&MediaKind::File) => Some(KINDS.to_vec()),
        Type::Media(kinds) => Some(kinds.clone()),
        Type::OneOf(options) => {
            let options = options.iter().filter(|option| **option != Type::Null);
            Some(options.map(kinds_of).collect::<Option<Vec<_>>>()?.concat())
        }
        _ => None,
    }
}

/// The inputs of an operation, or the entries of an object, as far as they are known. What is absent or null for certain is
/// not among them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sketches(BTreeMap<String, Sketch>);

impl Sketches {
    /// Of inputs that are all known.
    pub fn of(inputs: &Map) -> Sketches {
        inputs.iter().map(|(name, value)| (name.clone(), Sketch::Value(value.clone()))).collect()
    }

    /// What is known of `name`; nothing if it isn't given.
    pub fn get(&self, name: &str) -> Option<&Sketch> {
        self.0.get(name)
    }

    /// Whether `name` is given for certain.
    pub fn is_there(&self, name: &str) -> bool {
        self.get(name).is_some_and(Sketch::is_there)
    }

    /// The names of all that may be given.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Those with one of these names.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Sketches {
        let named = self.0.iter().filter(|(name, _)| names.contains(&name.as_str()));
        Sketches(named.map(|(name, sketch)| (name.clone(), sketch.clone())).collect())
    }

    /// The values, if all of them are known.
    pub fn values(&self) -> Option<Map> {
        self.0.iter().map(|(name, sketch)| Some((name.clone(), sketch.value()?.clone()))).collect()
    }
}

impl FromIterator<(String, Sketch)> for Sketches {
    fn from_iter<I: IntoIterator<Item = (String, Sketch)>>(sketches: I) -> Sketches {
        Sketches(sketches.into_iter().filter(|(_, sketch)| sketch.may_be_there()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_null_or_absent_is_not_given_and_what_is_unknown_may_be() {
        let unknown = |is_there| Sketch::Unknown { ty: Type::Text, is_there };
        let given: Sketches = [
            ("a", Sketch::Value(Value::Null)),
            ("b", Sketch::Value(Value::Absent)),
            ("c", unknown(false)),
            ("d", unknown(true)),
            ("e", Sketch::List(vec![Sketch::Value(Value::Null), unknown(false), unknown(true)])),
        ]
        .map(|(name, sketch)| (name.to_owned(), sketch))
        .into_iter()
        .collect();
        assert_eq!(given.names().collect::<Vec<_>>(), ["c", "d", "e"]);
        assert_eq!(["c", "d", "e", "f"].map(|name| given.is_there(name)), [false, true, true, false]);
        let entries = given.get("e").unwrap().entries().unwrap();
        assert_eq!(entries.iter().map(Sketch::may_be_there).collect::<Vec<_>>(), [false, true, true]);
        assert_eq!(given.values(), None);
    }

    #[test]
    fn a_file_may_be_media_of_any_kind() {
        let kinds = |ty| Sketch::Unknown { ty, is_there: true }.kinds();
        assert_eq!(kinds(Type::media(MediaKind::File)).unwrap().len(), 4);
        let picture_or_nothing = Type::one_of([Type::media(MediaKind::Image), Type::Null]);
        assert_eq!(kinds(picture_or_nothing).unwrap(), [MediaKind::Image]);
        assert_eq!(kinds(Type::one_of([Type::media(MediaKind::Image), Type::Text])), None);
        assert_eq!(kinds(Type::Any), None);
    }
}
