//! What a reader of volumes tells besides the volume.

use std::fmt;

/// What the user should know about how a volume was made.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum VolumeWarning {
    /// The slices lie obliquely behind each other.
    GantryTilt {
        /// The angle between the stack and the normal of the slices (degrees).
        angle_deg: f64,
        /// `GantryDetectorTilt`, where the file has it.
        told_deg: Option<f64>,
    },
    /// The slices are shifted against each other without a common angle.
    Shifted {
        /// The largest shift (mm).
        largest_mm: f64,
    },
    /// The distances of the slices differ.
    Gaps {
        /// The gaps: where the slice before each lies along the normal of the slices, and how long
        /// it is (mm). None where small differences add up.
        gaps_mm: Vec<[f64; 2]>,
        /// The usual distance, and that of the volume (mm).
        usual_mm: f64,
    },
    /// Slices that were there twice.
    Duplicates {
        /// How many were left out.
        count: usize,
    },
    /// Overviews that were left out.
    Localizers {
        /// How many.
        count: usize,
    },
    /// Files that could not be read.
    Unreadable {
        /// How many.
        count: usize,
        /// The first.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The stored numbers stand for themselves, for want of a rescale.
    NoRescale,
    /// The numbers are not said to be Hounsfield units.
    NotHounsfield {
        /// What they are said to be.
        unit: String,
    },
    /// The series is no CT.
    NotCt {
        /// What it is.
        modality: String,
    },
}

impl fmt::Display for VolumeWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GantryTilt { angle_deg, told_deg } => {
                write!(f, "the gantry was tilted by {angle_deg:.2} degrees")?;
                if let Some(told) = told_deg {
                    write!(f, " (GantryDetectorTilt says {told})")?;
                }
                write!(f, ": the slices were resampled onto a straight grid")
            }
            Self::Shifted { largest_mm } => write!(
                f,
                "the slices are shifted against each other by up to {largest_mm:.2} mm: they were \
                 resampled onto a straight grid"
            ),
            Self::Gaps { gaps_mm, usual_mm } => {
                const MOST: usize = 6;
                write!(f, "the distances of the slices differ from the usual {usual_mm:.3} mm")?;
                for (n, [at, length]) in gaps_mm.iter().take(MOST).enumerate() {
                    let mark = if n == 0 { ":" } else { "," };
                    write!(f, "{mark} {length:.3} mm lie behind the slice at {at:.1} mm")?;
                }
                if gaps_mm.len() > MOST {
                    write!(f, ", and {} more", gaps_mm.len() - MOST)?;
                }
                write!(f, "; the slices were resampled onto a regular grid")
            }
            Self::Duplicates { count } => {
                write!(f, "{count} slices are there twice: the copies were left out")
            }
            Self::Localizers { count } => {
                write!(f, "{count} localizer images were left out")
            }
            Self::Unreadable { count, file, problem } => {
                write!(f, "{count} DICOM files cannot be read, the first is {file}: {problem}")
            }
            Self::NoRescale => {
                write!(f, "RescaleSlope (0028,1053) is missing: the stored numbers are taken as HU")
            }
            Self::NotHounsfield { unit } => {
                write!(f, "RescaleType (0028,1054) is '{unit}': the values may not be HU")
            }
            Self::NotCt { modality } => {
                write!(f, "the series is '{modality}', not CT: its values are not HU")
            }
        }
    }
}
