//! Any server: what the scenario says of an address, or an echo of the request. Its addresses stand below the prefix as
//! `/http/https/api.example.com/now?q=1`.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::Sim;
use crate::dialect::{Dialect, Done, Refusal, Visit};
use crate::http::{Answer, Ask};
use crate::job::{Job, Nanos};
use crate::scenario::{Fault, HttpAnswer, Operation, Provider, Scenario};

/// The header of every answer: none is that of the server that was asked for.
const SIMULATED: &str = "motet-simulated";

/// Headers that are of the connection or of every client, so not worth an echo.
const UNTOLD: [&str; 7] =
    ["host", "connection", "content-length", "transfer-encoding", "accept-encoding", "user-agent", "accept"];

pub(crate) struct Web;

/// A request to a server.
pub(crate) struct Route {
    method: String,
    host: String,
    /// The address that the client meant.
    url: String,
}

impl Route {
    /// What the scenario says of the address: the first entry that fits.
    fn entry<'s>(&self, scenario: &'s Scenario) -> Option<&'s HttpAnswer> {
        scenario.http.iter().find(|entry| entry.fits(&self.method, &self.url))
    }
}

impl Dialect for Web {
    const PROVIDER: Provider = Provider::Http;
    type Route = Route;

    fn route(ask: &Ask<'_>) -> Option<Route> {
        let mut parts = ask.request.path.trim_start_matches('/').splitn(3, '/').skip(1);
        let scheme = parts.next().filter(|scheme| matches!(*scheme, "http" | "https"))?;
        let target = parts.next()?;
        let host = target.split(['/', '?']).next().filter(|host| !host.is_empty())?;
        Some(Route {
            method: ask.method.to_owned(),
            host: host.to_owned(),
            url: format!("{scheme}://{target}"),
        })
    }

    /// Any of them may do something and cost.
    fn operation(_: &Route) -> Operation {
        Operation::Create
    }

    fn model(route: &Route) -> Option<String> {
        Some(route.host.clone())
    }

    fn needs_key(_: &Route) -> bool {
        false
    }

    fn account(_: &Ask<'_>) -> Option<String> {
        None
    }

    fn refuse(refusal: Refusal) -> Answer {
        let (status, message) = match refusal {
            Refusal::NotFound => (404, "the path isn't /http/SCHEME/HOST/PATH"),
            Refusal::Unauthenticated => (401, "the key is wrong"),
            Refusal::OutOfCredit => (402, "the credit is used up"),
            Refusal::Throttled(_) => (429, "too many requests"),
            Refusal::Broken(status) => (status, "the server failed"),
        };
        let answer = said(Answer::json(status, &json!({ "simulated": true, "message": message })));
        match refusal {
            Refusal::Throttled(Some(seconds)) => answer.with("retry-after", seconds),
            _ => answer,
        }
    }

    fn answer(sim: &mut Sim, visit: &mut Visit<'_>, route: Route) -> Done {
        let Some(entry) = route.entry(sim.scenario()).cloned() else {
            return said(Answer::json(200, &echo(visit.ask, &route))).into();
        };
        let after = sim.scaled(Duration::from_secs_f64(entry.delay)).unsigned_abs();
        said(written(&entry)).after(after).into()
    }

    fn token(_: &Job) -> Option<String> {
        None
    }

    fn scripted(scenario: &Scenario, route: &Route) -> Option<(Fault, u16)> {
        let entry = route.entry(scenario)?;
        Some((entry.fault?, entry.status.filter(|status| *status >= 500).unwrap_or(500)))
    }

    /// Requests that mean the same twice have no name of their attempt.
    fn is_marked(ask: &Ask<'_>) -> bool {
        !matches!(ask.method, "GET" | "PUT" | "DELETE")
    }

    /// What the answer itself says.
    fn charge(answer: &Answer) -> Option<Nanos> {
        let told = answer.headers.iter().find(|(name, _)| name == "motet-cost")?;
        let dollars = told.1.trim().parse::<f64>().ok().filter(|dollars| (0.0..1e6).contains(dollars))?;
        Some((dollars * 1e9).round() as Nanos)
    }
}

fn said(answer: Answer) -> Answer {
    answer.with(SIMULATED, "yes")
}

/// The answer that an entry says.
fn written(entry: &HttpAnswer) -> Answer {
    let status = entry.status.unwrap_or(200);
    let (mime, body) = match &entry.body {
        Value::Null => ("", Bytes::new()),
        Value::String(text) => ("text/plain; charset=utf-8", Bytes::from(text.clone())),
        body => ("application/json", Bytes::from(body.to_string())),
    };
    let mut answer = Answer::new(status, mime, body);
    answer.headers.retain(|_| !mime.is_empty());
    for (name, value) in &entry.headers {
        let name = name.to_ascii_lowercase();
        answer.headers.retain(|(set, _)| *set != name);
        answer = answer.with(&name, value);
    }
    answer
}

/// The request as JSON.
fn echo(ask: &Ask<'_>, route: &Route) -> Value {
    let query: Map<_, _> = ask.query.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let headers = ask.request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), json!(value)));
    let headers: Map<_, _> = headers.filter(|(name, _)| !UNTOLD.contains(&name.as_str())).collect();
    let mut told = json!({
        "simulated": true,
        "method": route.method,
        "url": route.url.split('?').next().unwrap_or_default(),
        "query": query,
        "headers": headers,
    });
    let body = &ask.request.body;
    match (ask.json(), std::str::from_utf8(body)) {
        _ if body.is_empty() => {}
        (Some(json), _) => told["json"] = json,
        (None, Ok(text)) => told["text"] = json!(text),
        (None, Err(_)) => told["bytes"] = json!(body.len()),
    }
    told
}
