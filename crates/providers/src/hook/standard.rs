//! Signatures with a secret that both sides know: Standard Webhooks, and the bare form `t=…,v0=…`.

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use motet_pipeline::Timestamp;
use sha2::Sha256;

use super::{Delivery, HookKey, HookKeys, HookRefused};

/// Keys and signatures are taken with and without their padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How far the moment of a signature may lie away, in seconds.
const TOLERANCE_S: i64 = 300;

/// Verifies `delivery` by Standard Webhooks (standardwebhooks.com, version 1, symmetric) and gives the name of the
/// delivery.
pub(crate) fn verify(delivery: &Delivery, keys: &HookKeys, now: Timestamp) -> Result<String, HookRefused> {
    let id = header(delivery, "webhook-id")?;
    let written = header(delivery, "webhook-timestamp")?;
    let signatures = header(delivery, "webhook-signature")?;
    let at = seconds(written).ok_or(HookRefused::Header("webhook-timestamp"))?;
    within(at, now, TOLERANCE_S)?;
    // Of a signature of another version nothing is known, so it is none.
    let given: Vec<_> = signatures
        .split([' ', ','])
        .collect::<Vec<_>>()
        .windows(2)
        .filter(|pair| pair[0] == "v1")
        .filter_map(|pair| BASE64.decode(pair[1]).ok())
        .collect();
    let signed = [id.as_bytes(), b".", written.as_bytes(), b".", &delivery.body];
    let secrets = secrets(keys).filter_map(|secret| {
        let encoded = secret.strip_prefix("whsec_").unwrap_or(secret);
        BASE64.decode(encoded).ok()
    });
    let fits = any_fits(secrets, &signed, &given);
    if fits { Ok(id.to_owned()) } else { Err(HookRefused::Signature { ask_for_keys: keys.may_be_old(now) }) }
}

/// Verifies `delivery` by a header of the form `t=<seconds>,v0=<hex>`, whose secret is used as it is written. It may be
/// `tolerance_s` old.
pub(crate) fn verify_bare(
    delivery: &Delivery,
    name: &'static str,
    keys: &HookKeys,
    now: Timestamp,
    tolerance_s: i64,
) -> Result<(), HookRefused> {
    let parts: Vec<_> = header(delivery, name)?.split(',').map(str::trim).collect();
    let mut times = parts.iter().filter_map(|part| part.strip_prefix("t="));
    let written = times.next().ok_or(HookRefused::Header(name))?;
    let at = seconds(written).filter(|_| times.next().is_none()).ok_or(HookRefused::Header(name))?;
    within(at, now, tolerance_s)?;
    let given: Vec<_> =
        parts.iter().filter_map(|part| part.strip_prefix("v0=")).filter_map(lower_hex).collect();
    let signed = [written.as_bytes(), b".", &delivery.body];
    let secrets = secrets(keys).map(|secret| secret.as_bytes().to_vec());
    if any_fits(secrets, &signed, &given) {
        Ok(())
    } else {
        Err(HookRefused::Signature { ask_for_keys: false })
    }
}

pub(crate) fn header<'a>(delivery: &'a Delivery, name: &'static str) -> Result<&'a str, HookRefused> {
    delivery.header(name).filter(|value| !value.is_empty()).ok_or(HookRefused::Header(name))
}

/// Seconds since 1970, in plain digits.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

/// Whether `at` lies within the tolerance around `now`.
pub(crate) fn within(at: i64, now: Timestamp, tolerance_s: i64) -> Result<(), HookRefused> {
    let away = now.0.div_euclid(1000).saturating_sub(at).saturating_abs();
    if away <= tolerance_s { Ok(()) } else { Err(HookRefused::Time) }
}

/// Bytes of hexadecimal digits in lower case.
pub(crate) fn lower_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

fn secrets(keys: &HookKeys) -> impl Iterator<Item = &str> {
    keys.keys.iter().filter_map(|key| match key {
        HookKey::Secret(secret) => Some(secret.as_str()),
        HookKey::Ed25519(_) => None,
    })
}

/// Whether one of the signatures is that of one of the secrets; compared in constant time.
fn any_fits(secrets: impl Iterator<Item = Vec<u8>>, signed: &[&[u8]], given: &[Vec<u8>]) -> bool {
    let mut macs = secrets.filter(|secret| !secret.is_empty()).map(|secret| {
        let mac = Hmac::<Sha256>::new_from_slice(&secret).expect("HMAC takes a key of any length");
        signed.iter().fold(mac, |mac, part| mac.chain_update(part))
    });
    macs.any(|mac| given.iter().any(|signature| mac.clone().verify_slice(signature).is_ok()))
}
