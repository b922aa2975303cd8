//! How large a type is, known without a walk through it.
//!
//! A type that is inferred can share its parts: of twenty steps each of which refers to the one before
//! twice, the last one has a type of a million parts that takes the memory of twenty. Whatever walks
//! through types walks through all of that, so what gets too large is no longer known: it may be
//! anything, and nothing that is unknown is refused.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Type;
use crate::value::DEPTH_MAX;

/// How many parts a type that is inferred may have, and may be made of, in all.
pub(super) const PARTS_MAX: u32 = 4_000;

/// How many parts a type has, shared ones as often as they are held; how deep lists and objects lie in
/// it; and a number that tells it from almost all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    parts: u32,
    depth: u32,
    hash: u64,
}

impl Extent {
    /// The extent of something called `sort` that has these parts inside of it.
    fn of<'t>(sort: &str, inner: impl Iterator<Item = (&'t str, Extent)>, levels: u32) -> Extent {
        let mut hasher = DefaultHasher::new();
        sort.hash(&mut hasher);
        let (mut parts, mut depth) = (1_u32, 0);
        for (name, extent) in inner {
            (name, extent.hash).hash(&mut hasher);
            parts = parts.saturating_add(extent.parts);
            depth = depth.max(extent.depth);
        }
        Extent { parts, depth: depth.saturating_add(levels), hash: hasher.finish() }
    }

    /// Whether a type may have such a part.
    fn fits_inside(self) -> bool {
        self.parts < PARTS_MAX && (self.depth as usize) < DEPTH_MAX
    }

    pub(super) fn parts(self) -> u32 {
        self.parts
    }
}

impl Type {
    /// How large it is. Costs as much as it has options.
    pub(super) fn extent(&self) -> Extent {
        let single = |sort: &str| Extent::of(sort, std::iter::empty(), 0);
        match self {
            Type::Any => single("any"),
            Type::Null => single("null"),
            Type::Text => single("text"),
            Type::Integer => single("integer"),
            Type::Number => single("number"),
            Type::Boolean => single("boolean"),
            Type::Media(kinds) => {
                Extent::of("media", kinds.iter().map(|kind| (kind.word(), single("kind"))), 0)
            }
            Type::List(item) => Extent::of("list", std::iter::once(("", item.0.extent)), 1),
            Type::Map(item) => Extent::of("map", std::iter::once(("", item.0.extent)), 1),
            Type::Object { fields, open } => {
                let sort = if *open { "open object" } else { "object" };
                Extent::of(sort, std::iter::once(("", fields.0.extent)), 1)
            }
            Type::OneOf(options) => {
                Extent::of("one of", options.iter().map(|option| ("", option.extent())), 0)
            }
        }
    }

    /// This, or anything if it is too large to be a part of another type.
    pub(super) fn bounded(self) -> Type {
        if self.extent().fits_inside() { self } else { Type::Any }
    }
}

/// The type of all items of a list or all values of an object. Cheap to clone.
#[derive(Clone)]
pub struct Inner(Arc<Sized<Type>>);

/// The types of an object's fields by their names. Cheap to clone.
///
/// ```
/// use motet_pipeline::Type;
/// use motet_pipeline::types::Fields;
/// let fields: Fields = [("width".to_owned(), Type::Integer)].into();
/// assert_eq!(fields.get("width"), Some(&Type::Integer));
/// ```
#[derive(Clone)]
pub struct Fields(Arc<Sized<BTreeMap<String, Type>>>);

struct Sized<T> {
    of: T,
    extent: Extent,
}

impl From<Type> for Inner {
    fn from(ty: Type) -> Inner {
        let extent = ty.extent();
        Inner(Arc::new(Sized { of: ty, extent }))
    }
}

impl Deref for Inner {
    type Target = Type;

    fn deref(&self) -> &Type {
        &self.0.of
    }
}

impl Fields {
    /// Fields of a type that was inferred: if all of them are too large together, nothing is known of
    /// what has parts of its own.
    pub(crate) fn bounded(fields: BTreeMap<String, Type>) -> Fields {
        let fields = Fields::from(fields);
        if fields.0.extent.fits_inside() {
            return fields;
        }
        let known = |ty: &Type| if ty.extent().parts() == 1 { ty.clone() } else { Type::Any };
        fields.iter().map(|(name, ty)| (name.clone(), known(ty))).collect()
    }
}

impl From<BTreeMap<String, Type>> for Fields {
    fn from(fields: BTreeMap<String, Type>) -> Fields {
        let parts = fields.iter().map(|(name, ty)| (name.as_str(), ty.extent()));
        let extent = Extent::of("fields", parts, 0);
        Fields(Arc::new(Sized { of: fields, extent }))
    }
}

impl<const N: usize> From<[(String, Type); N]> for Fields {
    fn from(fields: [(String, Type); N]) -> Fields {
        Fields::from(BTreeMap::from(fields))
    }
}

impl FromIterator<(String, Type)> for Fields {
    fn from_iter<I: IntoIterator<Item = (String, Type)>>(fields: I) -> Fields {
        Fields::from(fields.into_iter().collect::<BTreeMap<_, _>>())
    }
}

impl Default for Fields {
    fn default() -> Fields {
        Fields::from(BTreeMap::new())
    }
}

impl Deref for Fields {
    type Target = BTreeMap<String, Type>;

    fn deref(&self) -> &BTreeMap<String, Type> {
        &self.0.of
    }
}

impl PartialEq for Inner {
    fn eq(&self, other: &Inner) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.extent == other.0.extent && self.0.of == other.0.of
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Fields) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.extent == other.0.extent && self.0.of == other.0.of
    }
}

impl Serialize for Inner {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Inner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Inner, D::Error> {
        Type::deserialize(deserializer).map(Inner::from)
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fields, D::Error> {
        BTreeMap::deserialize(deserializer).map(Fields::from)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
