//! The workspace's webhooks.

use serde_json::{Value, json};

use super::{error, misfits, missing};
use crate::Sim;
use crate::dialect::Visit;
use crate::http::Answer;
use crate::sim::{Endpoint, Kept};

#[derive(Clone, Debug)]
pub(crate) enum Route {
    List,
    Create,
    Delete(String),
}

pub(super) fn route(method: &str, path: &[&str]) -> Option<Route> {
    match (method, path) {
        ("GET", []) => Some(Route::List),
        ("POST", []) => Some(Route::Create),
        ("DELETE", [id]) => Some(Route::Delete((*id).to_owned())),
        _ => None,
    }
}

pub(super) fn answer(sim: &mut Sim, visit: &Visit<'_>, route: Route) -> Answer {
    match route {
        Route::List => {
            let all: Vec<Value> =
                sim.endpoints(&visit.account).map(|endpoint| object(endpoint, visit)).collect();
            Answer::json(200, &json!({ "webhooks": all }))
        }
        Route::Create => create(sim, visit),
        Route::Delete(id) => {
            if !sim.endpoints(&visit.account).any(|endpoint| endpoint.id == id) {
                return error(404, "not_found", "webhook_not_found", "A webhook with that id was not found.");
            }
            sim.apply(Kept::EndpointGone(id));
            Answer::json(200, &json!({ "status": "ok" }))
        }
    }
}

fn object(endpoint: &Endpoint, visit: &Visit<'_>) -> Value {
    json!({
        "name": endpoint.name, "webhook_id": endpoint.id, "webhook_url": endpoint.url, "is_disabled": false, "is_auto_disabled": false,
        "created_at_unix": visit.now.as_second(), "auth_type": "hmac", "usage": [],
    })
}

fn create(sim: &mut Sim, visit: &Visit<'_>) -> Answer {
    let body = visit.ask.json().unwrap_or(Value::Null);
    let settings = &body["settings"];
    let (Some(url), Some(name)) = (settings["webhook_url"].as_str(), settings["name"].as_str()) else {
        return misfits(&[missing("settings")]);
    };
    if settings["auth_type"] != "hmac" {
        return error(422, "validation_error", "invalid_parameters", "The simulator signs with hmac only.");
    }
    let number = sim.count();
    let chance = sim.chance();
    let endpoint = Endpoint {
        id: chance.word("endpoint", number),
        account: visit.account.clone(),
        name: name.to_owned(),
        url: url.to_owned(),
        secret: format!("wsec_{}", chance.text("secret", number, b"0123456789abcdef", 64)),
    };
    let answer = Answer::json(200, &json!({ "webhook_id": endpoint.id, "webhook_secret": endpoint.secret }));
    sim.apply(Kept::Endpoint(Box::new(endpoint)));
    answer
}
