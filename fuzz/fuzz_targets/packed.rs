//! Packed turns, as the store keeps them: unpacked within their bound, and what was unpacked comes back packed anew.
#![no_main]

#[path = "../../crates/store/src/pack.rs"]
mod pack;

/// The longest text.
const LENGTH_MAX: usize = 1 << 20;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = pack::unpack(data, LENGTH_MAX) else { return };
    assert_eq!(pack::unpacked_length(data), Ok(text.len()));
    assert!(text.len() <= LENGTH_MAX);
    assert_eq!(pack::unpack(&pack::pack(&text), LENGTH_MAX), Ok(text));
});
