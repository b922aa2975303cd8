//! `motet schema`: the JSON Schema of pipeline files, for editors.

use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::Terminal;

pub fn schema(terminal: &Terminal) -> Result<Exit, Problem> {
    let schema = motet::language::schema::json_schema();
    let text = serde_json::to_string_pretty(&schema).expect("a schema is plain data");
    terminal.data(&format!("{text}\n"));
    Ok(Exit::Good)
}
