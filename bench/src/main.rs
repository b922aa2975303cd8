//! Measures, as ratios within one run: `make bench` prints one table.
//!
//! Machines differ and are noisy, so every figure stands beside what the bare store does on the same
//! disk in the same minutes. Each scenario runs in a process of its own, so memory is its own.
//! `motet-bench NAME` runs one of them.

mod bare;
mod figures;
mod four_steps;
mod lab;
mod reports;
mod scenario;
mod simulator;
mod world;

use std::process::Command;

use figures::Figures;

/// That of the binary `motet`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        None => print_all(&scenario::NAMES),
        Some(name) if scenario::NAMES.contains(&name) => print_all(&[name]),
        Some("--alone") => {
            let figures = scenario::run(&arguments[1]);
            println!("{}", serde_json::to_string(&figures).expect("figures are plain data"));
        }
        Some("--drive") => scenario::kill::drive(&arguments[1]),
        Some("--fly") => scenario::in_flight::fly(&arguments[1], &arguments[2]),
        Some("--wait") => scenario::taken_up::wait(&arguments[1]),
        Some(other) => {
            eprintln!("there is no scenario `{other}`, only {}", scenario::NAMES.join(", "));
            std::process::exit(2);
        }
    }
}

/// Runs each scenario in a process of its own and prints what it measured.
fn print_all(names: &[&str]) {
    let program = std::env::current_exe().expect("this program has a file");
    for name in names {
        let output =
            Command::new(&program).args(["--alone", name]).output().expect("this program can be run again");
        if !output.status.success() {
            println!("{name}: failed\n{}", String::from_utf8_lossy(&output.stderr));
            continue;
        }
        let figures: Figures = serde_json::from_slice(&output.stdout).expect("a scenario prints figures");
        println!("{name}");
        for (what, value) in figures {
            println!("  {what:<58} {value}");
        }
    }
}
