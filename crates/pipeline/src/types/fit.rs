//! Whether a value of one type may go where another is wanted.

use super::Type;
use crate::MediaKind;

/// How many pairs of parts are compared: what can't be determined by then is not refused.
const PAIRS_MAX: u32 = 200_000;

impl Type {
    /// Whether a value of type `self` may be given where `wanted` is asked for. Unknown fits: only
    /// what is certainly wrong is refused before a run.
    ///
    /// ```
    /// use motet_pipeline::{MediaKind, Type};
    /// assert!(Type::Integer.fits(&Type::Number));
    /// assert!(Type::Any.fits(&Type::Text));
    /// assert!(!Type::media(MediaKind::Video).fits(&Type::media(MediaKind::Image)));
    /// ```
    pub fn fits(&self, wanted: &Type) -> bool {
        Fitting { pairs_left: PAIRS_MAX }.fits(self, wanted)
    }

    /// Whether a field of this type may be left out: it may be null.
    pub(crate) fn is_optional(&self) -> bool {
        match self {
            Type::Any | Type::Null => true,
            Type::OneOf(options) => options.iter().any(Type::is_optional),
            _ => false,
        }
    }
}

struct Fitting {
    pairs_left: u32,
}

impl Fitting {
    fn fits(&mut self, given: &Type, wanted: &Type) -> bool {
        let Some(left) = self.pairs_left.checked_sub(1) else { return true };
        self.pairs_left = left;
        match (given, wanted) {
            (Type::Any, _) | (_, Type::Any) => true,
            (Type::OneOf(options), wanted) => options.iter().any(|option| self.fits(option, wanted)),
            (given, Type::OneOf(options)) => options.iter().any(|option| self.fits(given, option)),
            (Type::Integer, Type::Number) | (Type::Number, Type::Integer) => true,
            // Either list may turn out to be empty, but nobody writes a list for that.
            (Type::List(given), Type::List(wanted)) => self.fits(given, wanted),
            (Type::Media(given), Type::Media(wanted)) => {
                wanted.contains(&MediaKind::File) || given.iter().any(|kind| wanted.contains(kind))
            }
            (Type::Object { fields, open }, Type::Object { fields: wanted, .. }) => {
                wanted.iter().all(|(name, ty)| match fields.get(name) {
                    Some(given) => self.fits(given, ty),
                    None => *open || ty.is_optional(),
                })
            }
            (Type::Map(given), Type::Map(wanted)) => self.fits(given, wanted),
            (Type::Map(given), Type::Object { fields, .. }) => {
                fields.values().all(|ty| self.fits(given, ty) || ty.is_optional())
            }
            (Type::Object { fields, .. }, Type::Map(wanted)) => {
                fields.values().all(|ty| self.fits(ty, wanted))
            }
            (given, wanted) => given == wanted,
        }
    }
}
