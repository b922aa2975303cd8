//! The words of the language: which keys there are, and which of them wait for a later version.

/// A key: its name, and what it is for if this version doesn't support it yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The name.
    pub name: &'static str,
    /// For a key of a later version: what it is for.
    pub later: Option<&'static str>,
}

const fn now(name: &'static str) -> Key {
    Key { name, later: None }
}

const fn later(name: &'static str, purpose: &'static str) -> Key {
    Key { name, later: Some(purpose) }
}

/// The keys of a file.
pub const PIPELINE: &[Key] = &[
    now("motet"),
    now("name"),
    now("description"),
    now("inputs"),
    now("timeout"),
    now("budget"),
    now("allow_unpriced"),
    now("on_failure"),
    now("labels"),
    now("steps"),
    now("outputs"),
    later("concurrency", "a limit on runs at the same time"),
    later("triggers", "runs that start by an event, a schedule or a webhook"),
    later("priority", "which run goes first"),
];

/// The keys of a step.
pub const STEP: &[Key] = &[
    now("uses"),
    now("with"),
    now("steps"),
    now("outputs"),
    now("needs"),
    now("if"),
    now("each"),
    now("as"),
    now("key"),
    now("max_parallel"),
    now("quorum"),
    now("early"),
    now("retry"),
    now("timeout"),
    now("pool"),
    now("fallback"),
    now("check"),
    now("optional"),
    now("always"),
    now("undo"),
    now("fit"),
    now("on_unknown"),
    now("cache"),
    now("labels"),
    now("description"),
    later("repeat", "running a step again until something holds"),
    later("route", "choosing the operation by a condition"),
    later("choose", "choosing the cheapest or fastest operation"),
    later("hedge", "starting the next target when the first is slow"),
    later("schema", "a JSON Schema that the output must meet"),
    later("repair", "asking a model again with the validation error"),
    later("priority", "which step goes first"),
];

/// The keys of a step that only mean something beside `each`.
pub const WITH_EACH: &[&str] = &["as", "key", "max_parallel", "quorum", "early"];

/// The keys of a fallback.
pub const FALLBACK: &[Key] =
    &[now("uses"), now("with"), now("on"), now("retry"), now("timeout"), now("pool")];

/// The keys of an undo.
pub const UNDO: &[Key] = &[now("uses"), now("with"), now("retry"), now("timeout"), now("pool")];

/// The keys of a retry rule.
pub const RETRY: &[Key] = &[
    now("on"),
    now("attempts"),
    now("backoff"),
    now("factor"),
    now("max_backoff"),
    now("jitter"),
    now("timeout"),
];

/// The keys of a timeout.
pub const TIMEOUT: &[Key] = &[now("connect"), now("request"), now("queue"), now("job"), now("total")];

/// The keys of a check.
pub const CHECK: &[Key] = &[now("that"), now("message")];

/// The keys of a typed output.
pub const OUTPUT: &[Key] = &[now("value"), now("type"), now("schema")];

/// The keys of a step's `cache`.
pub const CACHE: &[Key] = &[now("ttl")];

/// The values of a step's `fit`.
pub const FIT: &[Key] = &[now("auto")];

/// The values of a step's `on_unknown`.
pub const ON_UNKNOWN: &[Key] = &[now("park"), now("retry"), now("fail")];

/// The values of a file's `on_failure`.
pub const ON_FAILURE: &[Key] = &[now("fail"), now("finish"), now("undo")];

/// What an input may be declared as.
pub const INPUT_TYPES: &[&str] =
    &["string", "number", "integer", "boolean", "array", "object", "image", "video", "audio", "file", "null"];

/// The keywords of JSON Schema that may stand in the declaration of an input or output, with those
/// that are our own.
pub const SCHEMA_KEYWORDS: &[&str] = &[
    "type",
    "default",
    "sensitive",
    "description",
    "title",
    "examples",
    "enum",
    "const",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "items",
    "prefixItems",
    "contains",
    "minContains",
    "maxContains",
    "minItems",
    "maxItems",
    "uniqueItems",
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "dependentRequired",
    "dependentSchemas",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "$defs",
    "$ref",
    "$comment",
    "deprecated",
    "readOnly",
    "writeOnly",
    "contentEncoding",
    "contentMediaType",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Operations of a later version, by the beginning of their name, with what they are for.
pub const LATER_OPERATIONS: &[(&str, &str)] = &[
    ("replicate/", "models at Replicate"),
    ("fal/", "models at fal"),
    ("openai/", "models at OpenAI"),
    ("openai-compatible/", "models behind any OpenAI-compatible address"),
    ("elevenlabs/", "voices at ElevenLabs"),
    ("anthropic/", "models at Anthropic"),
    ("google/", "models at Google"),
    ("skytells/", "models at Skytells"),
    ("hume/", "models at Hume"),
    ("ollama/", "models on this machine"),
    ("role/", "models chosen by role"),
    ("pipeline/", "pipelines by name"),
    ("search/", "search in an index"),
    ("flow/approve", "waiting for a person"),
    ("flow/wait", "waiting for an event"),
    ("flow/emit", "sending an event"),
    ("data/vote", "choosing by vote"),
    ("data/merge", "merging values"),
    ("data/extract-text", "text from documents"),
];

/// Names of expressions that mean something in a later version.
pub const LATER_NAMES: &[(&str, &str)] = &[
    ("previous", "the round before, in `repeat`"),
    ("round", "the number of the round, in `repeat`"),
    ("prompts", "prompts from files"),
];

/// Names that an item of `each` can't take.
pub const RESERVED_NAMES: &[&str] =
    &["inputs", "steps", "run", "index", "output", "previous", "round", "prompts", "secrets"];

/// Words that mean something by themselves in every expression, so that no item can be called so.
pub const JINJA_WORDS: &[&str] = &[
    "true", "false", "none", "null", "and", "or", "not", "in", "is", "if", "else", "for", "loop", "self",
    "range",
];

/// Keys that other programs have, with the one that does it here.
pub const KEYS_ELSEWHERE: &[(&str, &str)] = &[
    ("when", "if"),
    ("condition", "if"),
    ("foreach", "each"),
    ("for_each", "each"),
    ("matrix", "each"),
    ("depends_on", "needs"),
    ("after", "needs"),
    ("retries", "retry"),
    ("operation", "uses"),
    ("model", "uses"),
    ("params", "with"),
    ("args", "with"),
    ("ttl", "cache"),
    ("memoize", "cache"),
];

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../../docs/language.md");

    #[test]
    fn the_page_lists_all_that_waits_for_a_later_version() {
        let from = PAGE.find("## Not supported yet").expect("the page has that part");
        let keys = [PIPELINE, STEP, FALLBACK, UNDO, RETRY, TIMEOUT, CHECK, OUTPUT].concat();
        let keys = keys.iter().filter(|key| key.later.is_some()).map(|key| key.name);
        let others = LATER_OPERATIONS.iter().chain(LATER_NAMES).map(|(name, _)| *name);
        for word in keys.chain(others) {
            assert!(PAGE[from..].contains(&format!("`{word}`")), "`{word}` isn't listed");
        }
    }
}
