//! Reads YAML, and so JSON, into a JSON value. Anchors and aliases are not supported.

use granit_parser::{Event, Options, Parser, ScalarStyle, StrInput};
use serde_json::{Map, Value};

/// The most levels of nested maps and lists.
const DEPTH_MAX: usize = 16;

pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let mut options: Options = granit_parser::options! {
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
        disallow_directives: true,
    };
    options.set_emit_comments(false);
    let mut reader = Reader { parser: Parser::new_from_str_with_options(text, options) };
    loop {
        match reader.next()? {
            Event::StreamEnd | Event::DocumentEnd => return Ok(Value::Null),
            Event::StreamStart | Event::DocumentStart(..) => {}
            event => return reader.value(event, 0),
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<Event<'t>, String> {
        match self.parser.next_event() {
            Some(Ok((event, _))) => Ok(event),
            Some(Err(error)) => Err(error.to_string()),
            None => Ok(Event::StreamEnd),
        }
    }

    fn value(&mut self, event: Event<'t>, depth: usize) -> Result<Value, String> {
        if depth > DEPTH_MAX {
            return Err(format!("more than {DEPTH_MAX} levels"));
        }
        match event {
            Event::Scalar(text, style, ..) => Ok(scalar(&text, style == ScalarStyle::Plain)),
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => return Ok(Value::Array(items)),
                        event => items.push(self.value(event, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => self.map(depth),
            _ => Err("anchors and aliases are not supported".to_owned()),
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, String> {
        let mut map = Map::new();
        loop {
            match self.next()? {
                Event::MappingEnd => return Ok(Value::Object(map)),
                Event::Scalar(key, ..) => {
                    let event = self.next()?;
                    let value = self.value(event, depth + 1)?;
                    if map.insert(key.to_string(), value).is_some() {
                        return Err(format!("`{key}` is given twice"));
                    }
                }
                _ => return Err("a key must be text".to_owned()),
            }
        }
    }
}

fn scalar(text: &str, plain: bool) -> Value {
    if !plain {
        return Value::from(text);
    }
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => match text.parse::<u64>() {
            Ok(number) => Value::from(number),
            Err(_) => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Value::from(number),
                _ => Value::from(text),
            },
        },
    }
}
