//! The signature of fal's webhooks.

use motet_pipeline::{Digest, Span, Timestamp};

use crate::hook::{Delivery, HookKeys, HookRefused, ed25519, standard};

/// How far the moment of a signature may lie away, in seconds.
const TOLERANCE_S: i64 = 300;

/// How long keys may be used before they are asked for again.
const KEYS_LAST: Span = Span::seconds(24 * 3600);

/// Verifies the signature of fal and gives the name of the request.
pub(super) fn verified(delivery: &Delivery, keys: &HookKeys, now: Timestamp) -> Result<String, HookRefused> {
    const STAMP: &str = "x-fal-webhook-timestamp";
    const SIGNATURE: &str = "x-fal-webhook-signature";
    let id = standard::header(delivery, "x-fal-webhook-request-id")?;
    let user = standard::header(delivery, "x-fal-webhook-user-id")?;
    let written = standard::header(delivery, STAMP)?;
    let signature =
        standard::lower_hex(standard::header(delivery, SIGNATURE)?).ok_or(HookRefused::Header(SIGNATURE))?;
    let at = standard::seconds(written).ok_or(HookRefused::Header(STAMP))?;
    standard::within(at, now, TOLERANCE_S)?;
    let hash = Digest::of(&delivery.body).hex();
    let signed = format!("{id}\n{user}\n{written}\n{hash}");
    let are_old = keys.read_at.is_some_and(|read| now.since(read) > KEYS_LAST);
    match !are_old && ed25519::any_fits(keys, signed.as_bytes(), &signature) {
        true => Ok(id.to_owned()),
        false => Err(HookRefused::Signature { ask_for_keys: keys.may_be_old(now) }),
    }
}
