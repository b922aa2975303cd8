//! What an operation refuses beyond types and bounds: of one input, and of several together.

use crate::Value;
use crate::value::Map;

/// Says what is wrong with the value of one input, beyond type and bounds: a pure function of its name
/// and value, which holds for every value of that input, whatever else is given.
#[derive(Clone, Copy)]
pub struct Judge(pub fn(&str, &Value) -> Result<(), String>);

impl PartialEq for Judge {
    fn eq(&self, other: &Judge) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Judge")
    }
}

/// Says what is wrong with several inputs together.
#[derive(Clone)]
pub struct Rule {
    /// Their names: it holds whatever is given beside them.
    pub names: &'static [&'static str],
    /// A pure function of those of them that are given, each of which is good by itself.
    pub judge: fn(&Map) -> Result<(), String>,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Rule) -> bool {
        self.names == other.names && std::ptr::fn_addr_eq(self.judge, other.judge)
    }
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rule({:?})", self.names)
    }
}
