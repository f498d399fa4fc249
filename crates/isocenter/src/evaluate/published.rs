//! Numbers that others have published, to be printed beside ours.

use serde::Serialize;

/// A table of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Published {
    /// Where it is from.
    pub reference: &'static str,
    /// What was measured there.
    pub setting: &'static str,
    /// Its rows.
    pub rows: &'static [PublishedRow],
}

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PublishedRow {
    /// The method.
    pub method: &'static str,
    /// Mean and standard deviation of the best 95, 75 and 50 % of the mTRE (mm).
    pub best_mm: [[f64; 2]; 3],
    /// The share below 10 mm (percent), where it was published.
    pub success_percent: Option<f64>,
}

const fn row(
    method: &'static str,
    best_mm: [[f64; 2]; 3],
    success_percent: Option<f64>,
) -> PublishedRow {
    PublishedRow { method, best_mm, success_percent }
}

/// Table 1 of Chen et al.
pub const PUBLISHED: Published = Published {
    reference: "Chen et al., Fully Differentiable Correlation-driven 2D/3D Registration for X-ray to CT Image \
                Fusion, ISBI 2024, arXiv:2402.02498, Table 1",
    setting: "47 test CTs, 500 simulated X-rays of 256 x 256 pixels of 0.798 mm; rotations N(0, 20 degrees) about three axes, \
              translations N(0, 30 mm) in plane and N(0, 60 mm) in depth; mTRE at landmarks, not at our targets",
    rows: &[
        row("initial", [[225.7, 89.7], [188.6, 64.5], [148.0, 47.3]], None),
        row("CMA-ES", [[98.6, 98.6], [55.7, 49.9], [24.2, 14.7]], Some(22.0)),
        row("ProST", [[185.7, 90.2], [151.2, 65.8], [114.3, 46.3]], None),
        row("ProST + CMA-ES", [[38.3, 55.5], [12.8, 19.7], [2.6, 1.3]], Some(55.6)),
        row("SOPI", [[163.6, 78.9], [133.1, 56.9], [101.3, 39.9]], None),
        row("SOPI + CMA-ES", [[34.7, 55.8], [9.1, 13.7], [2.2, 1.0]], Some(58.4)),
        row("the paper's network", [[155.7, 69.6], [127.2, 43.8], [95.1, 30.1]], None),
        row("the paper's network + CMA-ES", [[32.0, 51.9], [7.9, 11.9], [2.2, 0.9]], Some(61.0)),
    ],
};
