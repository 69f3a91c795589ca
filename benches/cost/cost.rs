//! What a phase cost, and how it is told.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// CPU per operation first: it holds on a noisy machine. Rates and latencies beside it do not.
pub struct Cost {
    /// Microseconds of CPU per operation.
    pub cpu: f64,
    /// Operations per second as seen.
    pub rate: f64,
    pub p50: Duration,
    pub p99: Duration,
}

impl Cost {
    pub fn new(cpu: Duration, wall: Duration, operations: usize, times: &[Duration]) -> Self {
        Self {
            cpu: cpu.as_secs_f64() * 1e6 / operations as f64,
            rate: operations as f64 / wall.as_secs_f64(),
            p50: times[times.len() / 2],
            p99: times[times.len() * 99 / 100],
        }
    }

    /// Prints one line.
    pub fn tell(&self, what: &str, remark: &str) {
        println!(
            "{what:<42} {:8.1} us CPU {:9.0}/s   p50 {:>9.2?}  p99 {:>9.2?}  {remark}",
            self.cpu, self.rate, self.p50, self.p99
        );
    }
}

/// User and system time of this process so far.
pub fn own_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
}

/// How fast a processor of this machine is now: CPU for the SHA-256 of one mebibyte. It tells runs on busy or throttled
/// machines apart.
pub fn yardstick() -> String {
    const TIMES: u32 = 64;
    let mebibyte = vec![7; 1 << 20];
    let before = own_cpu();
    for _ in 0..TIMES {
        std::hint::black_box(ring::digest::digest(&ring::digest::SHA256, &mebibyte));
    }
    format!("{:.0?}", (own_cpu() - before) / TIMES)
}

/// How long a durable write of 4 KiB takes on this disk now: p50 and p99.
pub fn fdatasync(directory: &Path) -> String {
    let mut file = File::create(directory.join("sync")).unwrap();
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            let start = Instant::now();
            file.write_all(&[7; 4096]).unwrap();
            file.sync_data().unwrap();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    format!("p50 {:.2?}, p99 {:.2?}", times[100], times[198])
}
