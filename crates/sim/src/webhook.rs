//! Webhooks: retries and signatures of each provider.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use jiff::Timestamp;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::scenario::Provider;

/// Replicate's signing secret, the same for all accounts.
pub(crate) const REPLICATE_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
/// The user id in fal's webhook headers.
const FAL_USER: &str = "user-1";

/// A planned webhook. Its body is made when it is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) number: u64,
    pub(crate) provider: Provider,
    pub(crate) job: u64,
    pub(crate) url: String,
    /// The event, in the provider's name.
    pub(crate) event: String,
    /// The message id, the same for all attempts.
    pub(crate) message: String,
    pub(crate) due: Timestamp,
    /// The number of the attempt, from 0.
    pub(crate) attempt: u32,
    /// Whether it is forged, so signed with another key.
    pub(crate) forged: bool,
    /// Whether it reports the end of the job.
    pub(crate) is_last: bool,
    /// The signing secret, if it belongs to the URL.
    pub(crate) secret: Option<String>,
}

/// A webhook that is due: a POST for the caller to send. Report its outcome with [`Sim::delivered`](crate::Sim::delivered).
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Identifies it in [`Sim::delivered`](crate::Sim::delivered).
    pub number: u64,
    /// The provider that sends it.
    pub provider: Provider,
    /// The URL.
    pub url: String,
    /// The headers, without those of the connection.
    pub headers: Vec<(String, String)>,
    /// The exact bytes that are signed.
    pub body: Bytes,
    /// The time limit for an answer.
    pub timeout: Duration,
    /// Whether somebody else sends it in the name of the provider.
    pub forged: bool,
}

/// The delay before the next attempt; `None` if there is none.
pub(crate) fn retry_after(delivery: &Delivery, status: Option<u16>) -> Option<Duration> {
    let attempt = delivery.attempt;
    let seconds = match delivery.provider {
        // Only the last event is retried, for about a minute.
        Provider::Replicate if delivery.is_last && attempt < 6 => 1 << attempt,
        Provider::Fal if status.is_some_and(|status| (300..400).contains(&status)) => return None,
        Provider::Fal if attempt < 30 => (5 << attempt.min(7)).min(600),
        _ => return None,
    };
    Some(Duration::from_secs(seconds))
}

/// The signature headers of `body`.
pub(crate) fn sign(delivery: &Delivery, body: &[u8], now: Timestamp) -> Vec<(String, String)> {
    let seconds = now.as_second().to_string();
    let pairs = match delivery.provider {
        Provider::Replicate => {
            let secret = if delivery.forged { "whsec_Zm9yZ2Vk" } else { REPLICATE_SECRET };
            let signature = standard(secret, &delivery.message, &seconds, body);
            vec![
                ("webhook-id", delivery.message.clone()),
                ("webhook-timestamp", seconds),
                ("webhook-signature", signature),
            ]
        }
        Provider::Fal => {
            let key = if delivery.forged { &FORGED_KEY } else { &FAL_KEY };
            let signature = fal(key, &delivery.message, &seconds, body);
            vec![
                ("x-fal-webhook-request-id", delivery.message.clone()),
                ("x-fal-webhook-user-id", FAL_USER.to_owned()),
                ("x-fal-webhook-timestamp", seconds),
                ("x-fal-webhook-signature", signature),
            ]
        }
        Provider::ElevenLabs => {
            let secret =
                if delivery.forged { "wsec_forged" } else { delivery.secret.as_deref().unwrap_or_default() };
            vec![("elevenlabs-signature", elevenlabs(secret, &seconds, body))]
        }
        // It has no jobs to report.
        Provider::Http => Vec::new(),
    };
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn hmac(key: &[u8], text: &[u8]) -> ring::hmac::Tag {
    ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key), text)
}

/// A signature of Standard Webhooks.
fn standard(secret: &str, id: &str, seconds: &str, body: &[u8]) -> String {
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap_or_default();
    let text = [format!("{id}.{seconds}.").as_bytes(), body].concat();
    format!("v1,{}", STANDARD.encode(hmac(&key, &text)))
}

fn elevenlabs(secret: &str, seconds: &str, body: &[u8]) -> String {
    let text = [format!("{seconds}.").as_bytes(), body].concat();
    format!("t={seconds},v0={}", hex(hmac(secret.as_bytes(), &text).as_ref()))
}

/// fal's signing key. Its seed is the bytes 0 to 31.
static FAL_KEY: LazyLock<Ed25519KeyPair> = LazyLock::new(|| key(&std::array::from_fn(|at| at as u8)));
static FORGED_KEY: LazyLock<Ed25519KeyPair> = LazyLock::new(|| key(&[9; 32]));

fn key(seed: &[u8; 32]) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are a seed")
}

fn fal(key: &Ed25519KeyPair, request: &str, seconds: &str, body: &[u8]) -> String {
    let text = format!("{request}\n{FAL_USER}\n{seconds}\n{}", hex(&Sha256::digest(body)));
    hex(key.sign(text.as_bytes()).as_ref())
}

/// The keys that fal publishes.
pub(crate) fn fal_keys() -> Value {
    let public = URL_SAFE_NO_PAD.encode(FAL_KEY.public_key());
    json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": public, "kid": "sim-1" }] })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"p0","status":"succeeded"}"#;

    #[test]
    fn signatures_are_those_of_published_vectors() {
        assert_eq!(
            standard(REPLICATE_SECRET, "msg_test1", "1700000000", BODY),
            "v1,7DFHkAmrRfkpPABkRoL0UtqHYr/wReveO7m8kufQLiE="
        );
        assert_eq!(
            elevenlabs("wsec_test", "1700000000", BODY),
            "t=1700000000,v0=732d41ce12ae27914126163e79241096b101cc0e65eb2a88eec23c0d44665dc1"
        );
        assert_eq!(
            fal(&FAL_KEY, "req-1", "1700000000", BODY),
            "2c5b2d6b5647a6dd1ea7b724a4898f279bba21dd0741886032412726f1ac6c3d\
             a4514ef7e5ebe302d4218a97265e190cdce6c34c4666f1b055cd9936a9370d03"
        );
        assert_eq!(fal_keys()["keys"][0]["x"], "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg");
    }
}
