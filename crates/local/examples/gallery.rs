//! Draws a picture for each prompt: `cargo run -p motet-local --example gallery -- DIR WIDTH HEIGHT PROMPT…`
//!
//! A prompt may end in `=TITLE`; then `FONT` must name a font file.

use motet_local::scene::Scene;
use motet_pipeline::{Value, value::Map};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, width, height, prompts @ ..] = arguments.as_slice() else {
        return Err("usage: gallery DIR WIDTH HEIGHT PROMPT…".into());
    };
    let font = std::env::var("FONT").ok().map(std::fs::read).transpose()?;
    std::fs::create_dir_all(folder)?;
    for (index, prompt) in prompts.iter().enumerate() {
        let (prompt, title) = prompt.split_once('=').unwrap_or((prompt, ""));
        let inputs = Map::from([
            ("prompt".to_owned(), Value::from(prompt)),
            ("title".to_owned(), Value::from(title)),
            ("width".to_owned(), Value::from(width.parse::<i64>()?)),
            ("height".to_owned(), Value::from(height.parse::<i64>()?)),
        ]);
        let started = std::time::Instant::now();
        let bytes = Scene::from_inputs(&inputs)?.paint(font.as_deref())?;
        println!("{:4} ms {:5} KiB  {prompt}", started.elapsed().as_millis(), bytes.len() / 1024);
        std::fs::write(std::path::Path::new(folder).join(format!("{index:02}.png")), bytes)?;
    }
    Ok(())
}
