//! What is said about a file, whatever its bytes are.

use motet_pipeline::check::check;
use motet_pipeline::contract::Catalogue;
use motet_pipeline::diagnostic::render;
use motet_pipeline::{Bundle, Diagnostic};

/// The bundle of a file with these bytes.
pub fn load(bytes: &[u8]) -> Result<Bundle, Vec<Diagnostic>> {
    Bundle::load("film.yaml", &mut |_| Ok(bytes.to_vec()))
}

/// What is said about a file with these bytes.
pub fn message(bytes: &[u8]) -> String {
    let diagnostics = match load(bytes) {
        Ok(bundle) => check(&bundle, &Catalogue::default()).diagnostics,
        Err(diagnostics) => diagnostics,
    };
    render(&diagnostics, false)
}
