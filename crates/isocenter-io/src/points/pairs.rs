//! Which point in the patient and which point in the image are the same landmark.

use isocenter::register::landmarks::Landmark;

use super::{NamedImagePoint, NamedPoint};

/// Landmarks, and what they are called.
#[derive(Debug, Clone, PartialEq)]
pub struct PairedPoints {
    /// The landmarks, in the order of the image's file. Their positions in the image are those of
    /// the file.
    pub landmarks: Vec<Landmark>,
    /// What each is called: its label, else its number from 1.
    pub names: Vec<String>,
    /// Labels of the points in the patient that the image's file does not have: they are out of
    /// view, as a rule.
    pub not_seen: Vec<String>,
}

/// Why points cannot be paired. Numbers count from 1.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PairError {
    /// Without labels in both files the order decides.
    #[error(
        "{patient} points in the patient and {image} in the image: without labels in both files, their order decides, and there must be as many; add the missing ones, or labels"
    )]
    Count {
        /// Points in the patient.
        patient: usize,
        /// Points in the image.
        image: usize,
    },
    /// Some points of a file have labels and one has none.
    #[error("point {number} of those in the {place} has no label, while others have: label it")]
    NoLabel {
        /// Where the file's points are.
        place: &'static str,
        /// Which one it is.
        number: usize,
    },
    /// A label stands for two points.
    #[error(
        "two points in the {place} have the label '{label}': keep one, or rename one in both files"
    )]
    Doubled {
        /// Where the file's points are.
        place: &'static str,
        /// The label.
        label: String,
    },
    /// Points in the image that the patient does not have.
    #[error(
        "in the image there is '{labels}', for which the patient's points have no label: the labels there are '{known}'; correct the label, or remove the point"
    )]
    Unknown {
        /// The labels.
        labels: String,
        /// Those there are.
        known: String,
    },
}

/// Pairs points: by their labels where both files have some, else by their order.
///
/// With labels, points in the patient that the image does not show are left out: a list of landmarks
/// is often made once for many images. A point in the image that the patient does not have is an
/// error, since it is likely to be misspelt. Upper and lower case differ.
///
/// # Units
/// mm in the world frame; px in the image as it is stored.
///
/// # Errors
/// If labels are doubled, missing or unknown; without labels, if the counts differ.
///
/// # Examples
/// ```
/// use isocenter_io::points::{NamedImagePoint, NamedPoint, pair_points};
/// use nalgebra::Vector3;
/// let patient = ["L3", "L4"].map(|label| NamedPoint {
///     name: Some(label.to_owned()),
///     world_mm: Vector3::new(1.0, 2.0, 3.0),
/// });
/// let image = [NamedImagePoint { name: Some("L4".to_owned()), image_px: [10.0, 20.0] }];
/// let paired = pair_points(&patient, &image).unwrap();
/// assert_eq!((paired.names, paired.not_seen), (vec!["L4".to_owned()], vec!["L3".to_owned()]));
/// ```
pub fn pair_points(
    patient: &[NamedPoint],
    image: &[NamedImagePoint],
) -> Result<PairedPoints, PairError> {
    let patient_names: Vec<Option<&str>> = patient.iter().map(|p| p.name.as_deref()).collect();
    let image_names: Vec<Option<&str>> = image.iter().map(|p| p.name.as_deref()).collect();
    let have_labels = |names: &[Option<&str>]| names.iter().any(Option::is_some);
    if have_labels(&patient_names) && have_labels(&image_names) {
        by_label(
            patient,
            &labels(&patient_names, "patient")?,
            image,
            &labels(&image_names, "image")?,
        )
    } else {
        by_order(patient, image)
    }
}

fn landmark(patient: &NamedPoint, image: &NamedImagePoint) -> Landmark {
    Landmark { world_mm: patient.world_mm, image_px: image.image_px }
}

fn by_order(patient: &[NamedPoint], image: &[NamedImagePoint]) -> Result<PairedPoints, PairError> {
    if patient.len() != image.len() {
        return Err(PairError::Count { patient: patient.len(), image: image.len() });
    }
    let pairs = || patient.iter().zip(image);
    let name = |(number, (p, i)): (usize, (&NamedPoint, &NamedImagePoint))| {
        p.name.clone().or_else(|| i.name.clone()).unwrap_or_else(|| number.to_string())
    };
    Ok(PairedPoints {
        landmarks: pairs().map(|(p, i)| landmark(p, i)).collect(),
        names: (1..).zip(pairs()).map(name).collect(),
        not_seen: Vec::new(),
    })
}

/// The labels of a file, all there and all different.
fn labels<'a>(names: &[Option<&'a str>], place: &'static str) -> Result<Vec<&'a str>, PairError> {
    let mut labels = Vec::with_capacity(names.len());
    for (number, name) in (1..).zip(names) {
        let label = name.ok_or(PairError::NoLabel { place, number })?;
        if labels.contains(&label) {
            return Err(PairError::Doubled { place, label: label.to_owned() });
        }
        labels.push(label);
    }
    Ok(labels)
}

fn by_label(
    patient: &[NamedPoint],
    patient_labels: &[&str],
    image: &[NamedImagePoint],
    image_labels: &[&str],
) -> Result<PairedPoints, PairError> {
    let unknown: Vec<&str> =
        image_labels.iter().copied().filter(|label| !patient_labels.contains(label)).collect();
    if !unknown.is_empty() {
        let list = |labels: &[&str]| crate::error::one_line(&labels.join("', '"));
        return Err(PairError::Unknown { labels: list(&unknown), known: list(patient_labels) });
    }
    let partner = |label: &str| patient_labels.iter().zip(patient).find(|(l, _)| **l == label);
    let landmarks = image_labels
        .iter()
        .zip(image)
        .filter_map(|(label, image)| Some(landmark(partner(label)?.1, image)))
        .collect();
    let owned = |label: &&str| (*label).to_owned();
    Ok(PairedPoints {
        landmarks,
        names: image_labels.iter().map(owned).collect(),
        not_seen: patient_labels.iter().filter(|l| !image_labels.contains(l)).map(owned).collect(),
    })
}
