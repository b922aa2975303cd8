//! The simulator's own addresses, under `/_sim/`.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Sim;
use crate::http::{Answer, Ask, own_error};
use crate::scenario::Scenario;

impl Sim {
    pub(crate) fn control(&mut self, now: Timestamp, ask: &Ask<'_>) -> Answer {
        match (ask.method, ask.segments().as_slice()) {
            ("GET", ["ledger"]) => lines(&self.ledger(now)),
            ("GET", ["requests"]) => lines(&self.requests()),
            ("GET", ["scenario"]) => {
                Answer::json(200, &serde_json::to_value(self.scenario()).unwrap_or(Value::Null))
            }
            ("PUT", ["scenario"]) => match Scenario::parse(&String::from_utf8_lossy(&ask.request.body)) {
                Ok(scenario) => {
                    self.set_scenario(scenario);
                    Answer::json(200, &json!({ "ok": true }))
                }
                Err(error) => own_error(422, &error.to_string()),
            },
            ("POST", ["reset"]) => {
                self.reset();
                Answer::json(200, &json!({ "ok": true }))
            }
            _ => own_error(
                404,
                "unknown path; supported: GET ledger, GET requests, GET and PUT scenario, POST reset",
            ),
        }
    }
}

/// Values as JSON lines.
fn lines(values: &[Value]) -> Answer {
    let text: String = values.iter().map(|value| format!("{value}\n")).collect();
    Answer::new(200, "application/x-ndjson", Bytes::from(text))
}
