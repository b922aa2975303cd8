//! A prediction, and what it tells of a job.

use motet_pipeline::failure::{Known, Phase};
use motet_pipeline::{Class, Failure, Usage};
use serde_json::Value as Json;

use super::{NAME, refusal};
use crate::adapter::Call;
use crate::answer::{Answer, Meta, News};
use crate::failure::scope;
use crate::json;
use crate::output;
use crate::said::said;

/// The measures of a prediction, and the units that they are.
const MEASURES: [(&str, &str); 6] = [
    ("predict_time", "predict_seconds"),
    ("image_count", "images"),
    ("video_output_duration_seconds", "video_seconds"),
    ("audio_output_duration_seconds", "audio_seconds"),
    ("input_token_count", "tokens_in"),
    ("output_token_count", "tokens_out"),
];

/// What `prediction` tells. A state that isn't known is one in which the job is still at work.
pub(super) fn news(call: &Call, prediction: &Json) -> News {
    match json::text(prediction, "status").unwrap_or_default() {
        "starting" => News::Queued { ahead: None },
        "succeeded" => succeeded(call, prediction),
        "failed" => News::Failed(failed(prediction)),
        "canceled" => News::Cancelled { billed: has_run(prediction) },
        // Its time was over before it began.
        "aborted" => News::Cancelled { billed: Known::No },
        _ => News::Running,
    }
}

fn succeeded(call: &Call, prediction: &Json) -> News {
    let nothing = Json::Null;
    let native = prediction.get("output").unwrap_or(&nothing);
    if native.is_null() && prediction.get("data_removed") == Some(&Json::Bool(true)) {
        return News::Expired;
    }
    match output::read(&call.model, native) {
        Err(failure) => News::Failed(Failure { billed: Known::Yes, ..job_failure(failure) }),
        Ok(outputs) => {
            let mut usage = usage(prediction);
            if usage.get("images").is_none() {
                usage.add("images", output::images(&outputs) as f64);
            }
            News::Done(Box::new(Answer { usage, meta: meta(call, prediction), outputs, ..Answer::default() }))
        }
    }
}

pub(super) fn usage(prediction: &Json) -> Usage {
    let mut usage = Usage::default();
    for (name, unit) in MEASURES {
        let measure = prediction.get("metrics").and_then(|metrics| metrics.get(name));
        usage.add(unit, measure.and_then(Json::as_f64).unwrap_or(0.0));
    }
    usage
}

fn meta(call: &Call, prediction: &Json) -> Meta {
    let part = |name| json::text(prediction, name);
    let version = part("version").filter(|version| *version != "hidden");
    let model =
        part("model").map(|model| version.map_or(model.to_owned(), |version| format!("{model}:{version}")));
    let seed = call.inputs.get("seed").filter(|seed| seed.as_f64().is_some());
    Meta {
        job: json::id(prediction, "id").map(str::to_owned),
        request_id: None,
        model: model.map(|model| said(&model)),
        seed: seed.map(|seed| seed.to_json().to_string()),
    }
}

fn failed(prediction: &Json) -> Failure {
    let text = json::text(prediction, "error").unwrap_or("the model failed and said nothing");
    let (class, code) = refusal::of_job(text);
    let billed = if has_run(prediction) == Known::No { Known::No } else { Known::Maybe };
    let failure = Failure::new(class, format!("{NAME}: {}", said(text)));
    Failure { billed, provider_code: code.map(str::to_owned), ..job_failure(failure) }
}

fn job_failure(failure: Failure) -> Failure {
    let class: Class = failure.class;
    Failure { sent: Known::Yes, scope: Some(scope(class)), phase: Some(Phase::Poll), ..failure }
}

/// Whether the model ran, which is what is billed.
fn has_run(prediction: &Json) -> Known {
    let time =
        prediction.get("metrics").and_then(|metrics| metrics.get("predict_time")).and_then(Json::as_f64);
    match time {
        Some(time) if time > 0.0 => Known::Yes,
        Some(_) => Known::No,
        None if prediction.get("started_at").is_some_and(Json::is_null) => Known::No,
        None => Known::Maybe,
    }
}
