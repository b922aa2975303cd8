//! Where pictures are encoded: what takes most of the time of a film, and each time a little of its quality.

use crate::value::Map;

/// Whether an operation encodes the pictures of a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// It gives no video, or leaves the pictures as they are.
    Never,
    /// Each time.
    Always,
    /// Only in some cases; the words begin with `if` or `unless`.
    Sometimes(&'static str),
}

/// Says whether an operation encodes pictures, by the inputs that it is given: a pure function. What only the
/// run can tell is absent.
#[derive(Clone, Copy)]
pub struct EncodingRule(pub fn(&Map) -> Encoding);

impl PartialEq for EncodingRule {
    fn eq(&self, other: &EncodingRule) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}

impl std::fmt::Debug for EncodingRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EncodingRule")
    }
}
