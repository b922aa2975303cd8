//! ElevenLabs: most calls are answered at once, with sound in the reply.
//!
//! Routes of a model: `speech` (with the times of its characters), `sound`, `music`, `transcription` (answered at
//! once) and `transcription_job` (a job, reported by the webhook of the workspace). Without a route the name of the
//! model tells it.
//!
//! A speech or sound whose reply was lost is found in the account's history, and its bytes can be had from there
//! without paying again: such a job is called `history.<id>`.

mod ask;
mod read;
mod refusal;

use std::collections::BTreeMap;

use motet_pipeline::{Class, Failure, Span, Timestamp, Value};
use serde_json::Value as Json;

use crate::adapter::{Call, Profile, Provider, Rates};
use crate::answer::{Answer, Found, Likeness, Listed, News, SearchPage, State, Submitted};
use crate::failure::{Asked, or_excess, unusable};
use crate::hook::{Delivery, Hook, HookKeys, HookRefused, is_token, standard};
use crate::http::{Address, Header, Method, Reply, Request};
use crate::json;
use crate::pace::Pace;
use crate::place;

use refusal::refused;

const NAME: &str = "elevenlabs";

/// What a job is called that was found in the history.
const HISTORY: &str = "history.";

/// How old a signature may be, in seconds.
const TOLERANCE_S: i64 = 1800;

/// Sound comes in the reply, and as text in JSON: more than the usual limit is read.
const REPLY_BYTES_MAX: u64 = 128 << 20;

/// ElevenLabs (elevenlabs.io).
pub struct ElevenLabs {
    profile: Profile,
}

impl Default for ElevenLabs {
    fn default() -> ElevenLabs {
        let profile = Profile {
            name: NAME.to_owned(),
            bases: BTreeMap::from([("api".to_owned(), "https://api.elevenlabs.io".to_owned())]),
            credential_hosts: ["api.elevenlabs.io", "*.elevenlabs.io"].map(str::to_owned).to_vec(),
            output_hosts: ["elevenlabs.io", "*.elevenlabs.io", "storage.googleapis.com"]
                .map(str::to_owned)
                .to_vec(),
            keys: vec!["ELEVENLABS_API_KEY".to_owned()],
            retention: Some(Span::seconds(24 * 3600)),
            has_hooks: true,
            lists_jobs: false,
            rates: Rates { concurrency: Some(2), ..Rates::default() },
        };
        ElevenLabs { profile }
    }
}

/// What a model does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Speech,
    Sound,
    Music,
    Transcription,
    TranscriptionJob,
}

fn route(call: &Call) -> Result<Route, Failure> {
    let id = call.model.id.as_str();
    Ok(match call.model.route.as_str() {
        "speech" => Route::Speech,
        "sound" => Route::Sound,
        "music" => Route::Music,
        "transcription" => Route::Transcription,
        "transcription_job" => Route::TranscriptionJob,
        "" if id.contains("text_to_sound") => Route::Sound,
        "" if id.starts_with("music") => Route::Music,
        "" if id.starts_with("scribe") => Route::Transcription,
        "" => Route::Speech,
        other => return Err(Failure::invalid(format!("ElevenLabs has no route `{other}`"))),
    })
}

impl Provider for ElevenLabs {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn submit(&self, call: &Call) -> Result<Request, Failure> {
        let (path, body) = match route(call)? {
            Route::Speech => ask::speech(call)?,
            Route::Sound => ask::sound(call, "/v1/sound-generation")?,
            Route::Music => ask::sound(call, "/v1/music")?,
            Route::Transcription => ask::transcription(call, false)?,
            Route::TranscriptionJob => ask::transcription(call, true)?,
        };
        let mut limits = call.limits;
        limits.reply_bytes_max = limits.reply_bytes_max.max(REPLY_BYTES_MAX);
        let mark = call.attempt_header();
        Ok(request(Method::Post, &call.credential, path).header(mark).body(body).limits(limits))
    }

    fn read_submitted(&self, call: &Call, reply: Reply) -> Result<Submitted, Failure> {
        if !reply.is_success() {
            return Err(refused(Asked::Call, &reply));
        }
        let answer = match route(call)? {
            Route::Speech => read::speech(call, reply)?,
            Route::Sound => read::sound(call, Asked::Call, reply)?,
            Route::Music => read::sound(call, Asked::Other, reply)?,
            Route::Transcription | Route::TranscriptionJob => return read::transcribed(call, reply),
        };
        Ok(Submitted::Done(Box::new(answer)))
    }

    fn poll(&self, call: &Call, job: &str) -> Option<Request> {
        let path = match job.strip_prefix(HISTORY) {
            Some(item) => format!("/v1/history/{}/audio", place::encoded(item)),
            None => format!("/v1/speech-to-text/transcripts/{}", place::encoded(job)),
        };
        let mut limits = call.limits;
        limits.reply_bytes_max = limits.reply_bytes_max.max(REPLY_BYTES_MAX);
        Some(request(Method::Get, &call.credential, path).limits(limits))
    }

    fn read_poll(&self, call: &Call, job: &str, reply: Reply) -> Result<News, Failure> {
        // The transcript isn't there yet.
        if matches!(reply.status, 202 | 425) {
            return Ok(News::Running);
        }
        if !reply.is_success() {
            return Err(refused(Asked::Job, &reply));
        }
        if job.starts_with(HISTORY) {
            return read::from_history(call, job, reply).map(done);
        }
        let told = match read::object(Asked::Job, &reply) {
            Err(failure) if failure.class == Class::TooLarge => {
                return Ok(News::Failed(or_excess(failure, NAME, Asked::Job, &reply)));
            }
            read => read?,
        };
        Ok(read::transcript(call, Some(job), &reply, &told).map_or_else(News::Failed, done))
    }

    fn search(&self, call: &Call, since: Timestamp, page: Option<&str>) -> Option<Request> {
        let route = route(call).ok().filter(|route| matches!(route, Route::Speech | Route::Sound))?;
        // What is kept in no history proves nothing by not being there.
        if call.inputs.get("enable_logging").and_then(Value::as_bool) == Some(false) {
            return None;
        }
        let source = (route == Route::Speech).then(|| ("source", "TTS".to_owned()));
        let fixed = [
            ("page_size", "100".to_owned()),
            ("date_after_unix", since.0.div_euclid(1000).max(0).to_string()),
            ("model_id", call.model.id.clone()),
        ];
        let next = page.map(|last| ("start_after_history_item_id", last.to_owned()));
        let path = place::with_query("/v1/history", fixed.into_iter().chain(source).chain(next));
        Some(request(Method::Get, &call.credential, path))
    }

    fn listed(&self, _call: &Call) -> Listed {
        Listed::Ended
    }

    fn read_search(&self, call: &Call, reply: Reply) -> Result<SearchPage, Failure> {
        let page = read::object(Asked::Other, &reply)?;
        let Some(items) = page.get("history").and_then(Json::as_array) else {
            return Err(unusable(NAME, Asked::Other, &reply, "no history"));
        };
        let jobs = items.iter().filter_map(|item| found(call, item)).collect();
        let has_more = page.get("has_more") == Some(&Json::Bool(true));
        let next = json::id(&page, "last_history_item_id").filter(|_| has_more).map(str::to_owned);
        Ok(SearchPage { jobs, next })
    }

    fn verify_hook(&self, delivery: Delivery, keys: &HookKeys, now: Timestamp) -> Result<Hook, HookRefused> {
        standard::verify_bare(&delivery, "elevenlabs-signature", keys, now, TOLERANCE_S)?;
        let body = delivery.read()?;
        if json::text(&body, "type") != Some("speech_to_text_transcription") {
            return Err(HookRefused::Body);
        }
        let data = body.get("data").unwrap_or(&body);
        let transcript = data.get("transcription").unwrap_or(data);
        let ids = [(data, "transcription_id"), (transcript, "transcription_id"), (data, "request_id")];
        let job =
            ids.iter().find_map(|(part, name)| json::id(part, name)).ok_or(HookRefused::Body)?.to_owned();
        let token = data.get("webhook_metadata").and_then(|given| json::text(given, "token"));
        let token = token.filter(|token| is_token(token)).map(str::to_owned);
        Ok(Hook { token, job, delivery: None, body, at: now })
    }

    fn read_hook(&self, call: &Call, hook: Hook) -> Result<News, Failure> {
        let reply = Reply { status: 200, at: hook.at, ..Reply::default() };
        let data = hook.body.get("data").unwrap_or(&hook.body);
        match data.get("transcription") {
            Some(told) => {
                Ok(read::transcript(call, Some(&hook.job), &reply, told).map_or_else(News::Failed, done))
            }
            None => Err(unusable(NAME, Asked::Job, &reply, "a report without a transcription")),
        }
    }

    fn pace(&self, reply: &Reply) -> Pace {
        let number = |name| reply.header(name).and_then(|text| text.trim().parse().ok());
        Pace {
            concurrency: number("current-concurrent-requests"),
            concurrency_max: number("maximum-concurrent-requests"),
            ..Pace::of(reply)
        }
    }
}

fn request(method: Method, credential: &str, path: impl Into<String>) -> Request {
    Request::new(method, Address::provider(NAME, "api", path)).header(Header::secret(
        "xi-api-key",
        "",
        credential,
    ))
}

fn done(answer: Answer) -> News {
    News::Done(Box::new(answer))
}

fn found(call: &Call, item: &Json) -> Option<Found> {
    let is = |name: &str, sent: Option<&str>| sent.is_none() || json::text(item, name) == sent;
    let likeness = match json::text(item, "text") {
        None => Likeness::Hidden,
        Some(text) if call.text("text") != Some(text) => Likeness::Other,
        Some(_) if is("voice_id", call.text("voice_id")) && is("model_id", Some(&call.model.id)) => {
            Likeness::Alike
        }
        Some(_) => Likeness::Other,
    };
    let made_at = item.get("date_unix").and_then(Json::as_i64).and_then(|seconds| seconds.checked_mul(1000));
    let job = format!("{HISTORY}{}", json::id(item, "history_item_id")?);
    Some(Found { job, made_at: made_at.map(Timestamp), likeness, state: Some(State::Ended) })
}
