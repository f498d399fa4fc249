//! Reads a CT and prints what it took, as JSON: for `tools/timing/time_dicom.py`.
//!
//!     cargo run --release -p isocenter-io --example load_ct -- FOLDER

#![allow(clippy::print_stdout, reason = "the example's output")]

use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: load_ct FOLDER")?;
    let start = Instant::now();
    let ct = isocenter_io::volume::read_ct(path)?;
    let seconds = start.elapsed().as_secs_f64();
    let sum: f64 = ct.voxels().iter().map(|&v| f64::from(v)).sum();
    println!(
        "{{\"seconds\": {seconds:.3}, \"dims\": {:?}, \"sum\": {sum}, \"peak_bytes\": {}}}",
        ct.dims(),
        peak_bytes().unwrap_or(0)
    );
    Ok(())
}

/// The most memory that the process had, where Linux tells it.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kb| kb * 1024)
}
