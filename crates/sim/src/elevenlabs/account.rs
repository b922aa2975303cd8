//! Models, voices and the subscription.

use serde_json::{Value, json};

use super::{error, models};
use crate::Sim;
use crate::dialect::Visit;
use crate::http::Answer;
use crate::scenario::Provider;

/// Voice ids and names.
const VOICES: [(&str, &str); 4] = [
    ("21m00Tcm4TlvDq8ikWAM", "Rachel"),
    ("JBFqnCBsd6RMkjVDRZzb", "George"),
    ("pNInz6obpgDQGcFmaJgB", "Adam"),
    ("EXAVITQu4vr4xnSDxMaL", "Sarah"),
];

#[derive(Clone, Debug)]
pub(crate) enum Route {
    Models,
    Voices,
    Voice(String),
    User,
    Subscription,
}

pub(super) fn route(path: &[&str]) -> Option<Route> {
    match path {
        ["v1", "models"] => Some(Route::Models),
        ["v1" | "v2", "voices"] => Some(Route::Voices),
        ["v1", "voices", id] => Some(Route::Voice((*id).to_owned())),
        ["v1", "user"] => Some(Route::User),
        ["v1", "user", "subscription"] => Some(Route::Subscription),
        _ => None,
    }
}

/// Whether a voice exists. Any well-formed id is accepted as a custom voice.
pub(super) fn has_voice(id: &str) -> bool {
    id.len() == 20 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

pub(super) fn voice_name(id: &str) -> &'static str {
    VOICES.iter().find(|(known, _)| *known == id).map_or("A voice", |(_, name)| name)
}

pub(super) fn answer(sim: &Sim, visit: &Visit<'_>, route: &Route) -> Answer {
    let body = match route {
        Route::Models => models::VOICES.iter().map(model).collect(),
        Route::Voices => json!({
            "voices": VOICES.map(|(id, name)| voice(id, name)), "has_more": false, "total_count": VOICES.len(), "next_page_token": null,
        }),
        Route::Voice(id) if has_voice(id) => voice(id, voice_name(id)),
        Route::Voice(_) => {
            return error(404, "not_found", "voice_not_found", "A voice with that voice_id was not found.");
        }
        Route::Subscription => subscription(sim, visit),
        Route::User => json!({
            "user_id": "simulated", "subscription": subscription(sim, visit), "is_new_user": false, "can_use_delayed_payment_methods": false,
            "is_onboarding_completed": true, "is_onboarding_checklist_completed": true, "created_at": 1_700_000_000,
        }),
    };
    Answer::json(200, &body)
}

fn model(model: &models::Voice) -> Value {
    let speaks = !model.id.contains("_sts_");
    json!({
        "model_id": model.id,
        "name": model.name,
        "can_be_finetuned": false,
        "can_do_text_to_speech": speaks,
        "can_do_voice_conversion": !speaks,
        "can_use_style": true,
        "can_use_speaker_boost": true,
        "serves_pro_voices": false,
        "token_cost_factor": model.half_credits as f64 / 2.0,
        "description": "A simulated model",
        "requires_alpha_access": false,
        "max_characters_request_free_user": model.characters_max,
        "max_characters_request_subscribed_user": model.characters_max,
        "maximum_text_length_per_request": model.characters_max,
        "languages": [{ "language_id": "en", "name": "English" }],
        "model_rates": { "character_cost_multiplier": model.half_credits as f64 / 2.0 },
        "concurrency_group": if model.half_credits == 1 { "turbo" } else { "standard" },
    })
}

fn voice(id: &str, name: &str) -> Value {
    json!({
        "voice_id": id, "name": name, "category": "premade", "labels": {}, "description": "A simulated voice", "preview_url": null,
        "available_for_tiers": [], "high_quality_base_model_ids": [], "samples": null, "settings": null,
    })
}

fn subscription(sim: &Sim, visit: &Visit<'_>) -> Value {
    let jobs = sim.jobs_of(Provider::ElevenLabs, &visit.account).filter(|job| job.succeeded(visit.now));
    let used: u64 = jobs.filter_map(|job| job.data["credits"].as_u64()).sum();
    json!({
        "tier": "pro", "character_count": used, "character_limit": 500_000, "can_extend_character_limit": false,
        "allowed_to_extend_character_limit": false, "next_character_count_reset_unix": visit.now.as_second() + 86_400, "voice_limit": 160,
        "max_voice_add_edits": 500, "voice_add_edit_counter": 0, "professional_voice_limit": 1, "can_extend_voice_limit": false,
        "can_use_instant_voice_cloning": true, "can_use_professional_voice_cloning": true, "currency": "usd", "status": "active",
        "billing_period": "monthly_period", "character_refresh_period": "monthly_period", "max_credit_limit_extension": 0,
        "professional_voice_slots_used": 0, "voice_slots_used": 0, "current_overage": { "amount": "0", "currency": "usd" },
        "has_open_invoices": false, "open_invoices": [], "next_invoice": null,
    })
}
