//! The binary `motet`.
fn main() {}
