//! The history, from which a lost reply can be recovered.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::speech::is_remembered;
use super::{error, request_id};
use crate::Sim;
use crate::dialect::Visit;
use crate::http::{Answer, Body};
use crate::job::Job;
use crate::media::Mark;
use crate::scenario::{Operation, Provider};

#[derive(Clone, Debug)]
pub(crate) enum Route {
    List,
    Get(String),
    Audio(String),
    Delete(String),
}

impl Route {
    pub(super) fn operation(&self) -> Operation {
        match self {
            Route::List => Operation::List,
            Route::Get(_) => Operation::Read,
            Route::Audio(_) => Operation::Output,
            Route::Delete(_) => Operation::Catalog,
        }
    }
}

pub(super) fn route(method: &str, path: &[&str]) -> Option<Route> {
    match (method, path) {
        ("GET", []) => Some(Route::List),
        ("GET", [id]) => Some(Route::Get((*id).to_owned())),
        ("GET", [id, "audio"]) => Some(Route::Audio((*id).to_owned())),
        ("DELETE", [id]) => Some(Route::Delete((*id).to_owned())),
        _ => None,
    }
}

pub(super) fn answer(sim: &mut Sim, visit: &Visit<'_>, route: Route) -> Answer {
    let id = match route {
        Route::List => return list(sim, visit),
        Route::Get(ref id) | Route::Audio(ref id) | Route::Delete(ref id) => id,
    };
    let found =
        sim.find(Provider::ElevenLabs, Some(&visit.account), id).filter(|job| is_there(job, visit.now));
    let Some(job) = found.cloned() else {
        return error(
            404,
            "not_found",
            "history_item_not_found",
            "A history item with that id was not found.",
        );
    };
    match route {
        Route::Audio(_) => {
            let media = &job.media[0];
            let answer = Answer::new(200, media.format.mime(), bytes::Bytes::new());
            answer.saying(Body::Whole(media.bytes(&Mark::of(&job.id))))
        }
        Route::Delete(_) => {
            sim.delete(job.number);
            Answer::json(200, &json!({ "status": "ok" }))
        }
        _ => Answer::json(200, &item(sim, &job)),
    }
}

fn is_there(job: &Job, now: Timestamp) -> bool {
    is_remembered(job) && job.succeeded(now)
}

fn list(sim: &Sim, visit: &Visit<'_>) -> Answer {
    let ask = visit.ask;
    let number = |name: &str| ask.query(name).and_then(|text| text.parse::<i64>().ok());
    let most = number("page_size").unwrap_or(100).clamp(1, 1000) as usize;
    let after = ask.query("start_after_history_item_id");
    let begins =
        after.and_then(|id| sim.find(Provider::ElevenLabs, Some(&visit.account), id)).map(|job| job.number);
    let fits = |job: &&Job| {
        let made = job.created.as_second();
        is_there(job, visit.now)
            && begins.is_none_or(|begins| job.number < begins)
            && number("date_after_unix").is_none_or(|after| made >= after)
            && number("date_before_unix").is_none_or(|before| made <= before)
            && ask.query("voice_id").is_none_or(|voice| job.input["voice_id"] == voice)
            && ask.query("model_id").is_none_or(|model| job.model == model)
            && ask.query("source").is_none_or(|source| job.kind == source)
            && ask
                .query("search")
                .is_none_or(|search| job.input["text"].as_str().is_some_and(|text| text.contains(search)))
    };
    let jobs: Vec<&Job> =
        sim.jobs_of(Provider::ElevenLabs, &visit.account).filter(fits).take(most + 1).collect();
    let shown = &jobs[..jobs.len().min(most)];
    let items: Vec<Value> = shown.iter().map(|job| item(sim, job)).collect();
    Answer::json(
        200,
        &json!({
            "history": items, "last_history_item_id": shown.last().map(|job| &job.id), "has_more": jobs.len() > most,
            "scanned_until": null,
        }),
    )
}

fn item(sim: &Sim, job: &Job) -> Value {
    let voice = job.input["voice_id"].as_str();
    json!({
        "history_item_id": job.id,
        "request_id": request_id(sim, job),
        "voice_id": voice,
        "model_id": job.model,
        "voice_name": voice.map(super::account::voice_name),
        "voice_category": voice.map(|_| "premade"),
        "text": job.input["text"],
        "date_unix": job.created.as_second(),
        "character_count_change_from": 0,
        "character_count_change_to": job.data["credits"],
        "content_type": job.media[0].format.mime(),
        "state": "created",
        "settings": job.input.get("voice_settings").cloned().unwrap_or(json!({})),
        "feedback": null,
        "share_link_id": null,
        "source": job.kind,
        "alignments": null,
    })
}
