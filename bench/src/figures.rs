//! What is measured of a process: time, processor time, memory, bytes written.

use std::time::{Duration, Instant};

use motet::store::{Store, Written};

/// What a scenario measured, in order, as people read it.
pub type Figures = Vec<(String, String)>;

/// A reading of clocks and counters.
pub struct Reading {
    at: Instant,
    processor: Duration,
    written: u64,
}

impl Reading {
    /// Reads all of them now.
    pub fn now() -> Reading {
        Reading { at: Instant::now(), processor: processor_time(), written: bytes_written() }
    }

    /// How long ago that was.
    pub fn elapsed(&self) -> Duration {
        self.at.elapsed()
    }

    /// Processor time of all threads since.
    pub fn processor(&self) -> Duration {
        processor_time().saturating_sub(self.processor)
    }

    /// KiB handed to the disk since.
    pub fn kib_written(&self) -> f64 {
        (bytes_written() - self.written) as f64 / 1024.0
    }
}

/// What `steps` steps of `runs` runs cost since `reading` and `before`.
pub fn costs(reading: &Reading, store: &Store, before: Written, runs: usize, steps: usize) -> Figures {
    let (processor, kib) = (reading.processor(), reading.kib_written());
    let now = store.written();
    let (commits, turns) = ((now.commits - before.commits) as f64, (now.turns - before.turns) as f64);
    let steps = steps as f64;
    vec![
        ("processor time a step".into(), format!("{:.1} µs", processor.as_secs_f64() * 1e6 / steps)),
        ("rows a commit".into(), format!("{:.1}", turns / commits)),
        ("flushes a run".into(), format!("{:.3}", commits / runs as f64)),
        ("steps a flush".into(), format!("{:.1}", steps / commits)),
        ("KiB written a step".into(), format!("{:.2}", kib / steps)),
    ]
}

/// The middle and the far end of `times`.
pub fn spread(what: &str, mut times: Vec<Duration>) -> Figures {
    times.sort();
    vec![
        (format!("{what}, p50"), ms(percentile(&times, 0.5))),
        (format!("{what}, p99"), ms(percentile(&times, 0.99))),
    ]
}

/// The user and system time of this process.
fn processor_time() -> Duration {
    let clock = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(clock.tv_sec.unsigned_abs(), u32::try_from(clock.tv_nsec).unwrap_or(0))
}

/// The user and system time of all programs that this process started and that have ended, and of those that they started.
pub fn processor_time_of_children() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    ticks(&text, 13)
}

/// The user and system time of another process, of all its threads.
pub fn processor_time_of(process: u32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    ticks(&text, 11)
}

/// Two numbers of a `stat` file, behind as many others that follow the name, which may hold spaces: hundredths of a second.
fn ticks(stat: &str, behind: usize) -> Duration {
    let numbers = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split_whitespace().skip(behind);
    let ticks: u64 = numbers.take(2).filter_map(|number| number.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn bytes_written() -> u64 {
    proc_line("/proc/self/io", "write_bytes:").unwrap_or(0)
}

/// The most memory that this process held so far, in MiB.
pub fn memory_peak_mib() -> f64 {
    proc_line("/proc/self/status", "VmHWM:").unwrap_or(0) as f64 / 1024.0
}

/// The memory that this process holds, in KiB.
pub fn memory_kib() -> u64 {
    proc_line("/proc/self/status", "VmRSS:").unwrap_or(0)
}

fn proc_line(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The value below which the share `part` of `sorted` lies.
pub fn percentile(sorted: &[Duration], part: f64) -> Duration {
    let index = ((sorted.len() as f64 - 1.0) * part).round() as usize;
    sorted.get(index).copied().unwrap_or_default()
}

/// The middle of `times`.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    percentile(&times, 0.5)
}

/// Milliseconds, as people read them.
pub fn ms(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1000.0)
}
