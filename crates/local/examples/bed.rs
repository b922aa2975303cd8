//! Composes a bed: `cargo run -p motet-local --example bed -- FILE.wav MOOD SECONDS SEED`

use motet_local::music::Bed;
use motet_pipeline::{Value, value::Map};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, mood, seconds, seed] = arguments.as_slice() else {
        return Err("usage: bed FILE.wav MOOD SECONDS SEED".into());
    };
    let inputs = Map::from([
        ("mood".to_owned(), Value::from(mood.as_str())),
        ("duration".to_owned(), Value::from(seconds.parse::<f64>()?)),
        ("seed".to_owned(), Value::from(seed.parse::<i64>()?)),
    ]);
    let bed = Bed::from_inputs(&inputs)?;
    let started = std::time::Instant::now();
    std::fs::write(file, bed.compose())?;
    println!("{} in {} ms", bed.mood(), started.elapsed().as_millis());
    Ok(())
}
