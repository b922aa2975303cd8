//! The rules that a finding can break, by name.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($name:ident = $word:literal,)*) => {
        /// A rule of the language. Its word is stable from version to version.
        ///
        /// ```
        /// use motet_pipeline::diagnostic::Code;
        /// assert_eq!(Code::UnknownStep.word(), "unknown-step");
        /// assert_eq!("unknown-step".parse(), Ok(Code::UnknownStep));
        /// assert!(Code::UnknownStep.explain().contains("steps.still.image"));
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = concat!("`", $word, "`; see [`Code::explain`].")] $name,)*
        }

        impl Code {
            /// All rules, in the order of their words.
            pub const ALL: &[Code] = &[$(Code::$name),*];

            /// The word, such as `unknown-step`.
            pub fn word(self) -> &'static str {
                match self {
                    $(Code::$name => $word,)*
                }
            }
        }
    };
}

codes! {
    AliasBomb = "alias-bomb",
    BadClass = "bad-class",
    BadName = "bad-name",
    BadPath = "bad-path",
    BadSchema = "bad-schema",
    BadValue = "bad-value",
    Binary = "binary",
    Cycle = "cycle",
    DoubtfulScalar = "doubtful-scalar",
    DuplicateKey = "duplicate-key",
    Empty = "empty",
    ExpressionSyntax = "expression-syntax",
    FailingExpression = "failing-expression",
    ForbiddenExpression = "forbidden-expression",
    MisplacedKey = "misplaced-key",
    MisplacedSecret = "misplaced-secret",
    MissingKey = "missing-key",
    MissingOutput = "missing-output",
    MissingParameter = "missing-parameter",
    NeverThere = "never-there",
    NotSupportedYet = "not-supported-yet",
    NotUtf8 = "not-utf-8",
    Recursion = "recursion",
    Runaway = "runaway",
    Syntax = "syntax",
    TooDeep = "too-deep",
    TooLarge = "too-large",
    Type = "type",
    UnknownField = "unknown-field",
    UnknownFilter = "unknown-filter",
    UnknownFunction = "unknown-function",
    UnknownInput = "unknown-input",
    UnknownKey = "unknown-key",
    UnknownName = "unknown-name",
    UnknownOperation = "unknown-operation",
    UnknownParameter = "unknown-parameter",
    UnknownPool = "unknown-pool",
    UnknownSecret = "unknown-secret",
    UnknownStep = "unknown-step",
    UnknownTest = "unknown-test",
    Unneeded = "unneeded",
    Unpriced = "unpriced",
    Unquoted = "unquoted-expression",
    Unreadable = "unreadable",
    Unverified = "unverified",
    Version = "version",
    WrongArguments = "wrong-arguments",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// The word names no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule called `{0}`")]
pub struct NotACode(pub String);

impl FromStr for Code {
    type Err = NotACode;

    fn from_str(word: &str) -> Result<Code, NotACode> {
        Code::ALL.iter().copied().find(|code| code.word() == word).ok_or_else(|| NotACode(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_order_and_lead_back_to_their_rules() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].word() < pair[1].word()));
        assert!(Code::ALL.iter().all(|code| code.word().parse() == Ok(*code)));
        assert_eq!("nonsense".parse::<Code>(), Err(NotACode("nonsense".to_owned())));
    }

    #[test]
    fn every_rule_is_explained_in_sentences() {
        for code in Code::ALL {
            let text = code.explain();
            assert!(text.len() > 60 && text.lines().next().is_some_and(|line| line.contains(' ')), "{code}");
        }
    }
}
