//! Signatures with an Ed25519 key, and the lists in which such keys are published.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::Value as Json;

use super::{HookKey, HookKeys};

/// The most keys of a list that are taken.
const KEYS_MAX: usize = 100;

/// The Ed25519 keys of a list (JWKS, RFC 7517 and 8037). Other keys in it are left out.
pub(crate) fn read_key_list(list: &Json) -> Option<Vec<HookKey>> {
    let keys = list.get("keys")?.as_array()?;
    let ours = keys.iter().take(KEYS_MAX).filter_map(|key| {
        let is = |name: &str, value: &str| key.get(name).and_then(Json::as_str) == Some(value);
        let x = key.get("x")?.as_str().filter(|_| is("kty", "OKP") && is("crv", "Ed25519"))?;
        let bytes = URL_SAFE_NO_PAD.decode(x.trim_end_matches('=')).ok()?;
        Some(HookKey::Ed25519(bytes.try_into().ok()?))
    });
    Some(ours.collect())
}

/// Whether `signature` is that of one of the keys.
pub(crate) fn any_fits(keys: &HookKeys, signed: &[u8], signature: &[u8]) -> bool {
    keys.keys.iter().any(|key| match key {
        HookKey::Ed25519(public) => {
            UnparsedPublicKey::new(&ED25519, public).verify(signed, signature).is_ok()
        }
        HookKey::Secret(_) => false,
    })
}
