//! What each rule is about: `motet check --explain CODE`.

use super::Code;

impl Code {
    /// What the rule is about, with an example.
    pub fn explain(self) -> &'static str {
        self.word()
    }
}
