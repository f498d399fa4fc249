//! A cut: what is registered covers less than what the X-ray shows.
//!
//! Scans for an operation cover a few vertebrae, an X-ray shows the whole patient. A [`Cut`] says
//! what is drawn for each case, a [`DrawnCut`] what was, and [`DrawnCut::apply`] makes the CT that
//! is left. Nothing here depends on an evaluation: a training can draw the same cuts.

use nalgebra::Vector3;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::check::ProtocolError;
use super::cut_volume::{body_middle_world_mm, labels_of};
use super::targets::TargetError;
use crate::volume::{AttenuationMap, MaskError, Volume, VolumeError};

/// The least that a cut leaves along an axis (mm), where the CT has as much.
pub const LEAST_MM: f64 = 20.0;

/// The most that a cut may leave (mm).
const MOST_MM: f64 = 2000.0;

/// The largest standard deviation of a cut's middle (mm).
const FARTHEST_MM: f64 = 500.0;

/// What is drawn for a cut. A key that is absent cuts nothing.
///
/// # Examples
/// ```
/// use isocenter::evaluate::{Cut, WholeCt};
/// use isocenter::volume::{Phantom, PhantomConfig};
/// use rand::SeedableRng;
/// let config = PhantomConfig { spacing_mm: 8.0, ..PhantomConfig::default() };
/// let Phantom { ct, labels } = Phantom::generate(&config).unwrap();
/// let whole = WholeCt { ct_hu: &ct, labels: Some(&labels), targets_world_mm: &[] };
/// let cut: Cut = serde_json::from_str(r#"{"z_mm": [96, 96], "field_mm": [160, 160]}"#).unwrap();
/// let drawn = cut.draw(&whole, &mut rand_chacha::ChaCha8Rng::seed_from_u64(1)).unwrap();
/// let kept = drawn.apply(&ct, None).unwrap();
/// assert_eq!(kept.ct_hu.dims(), [20, 20, 12]);
/// assert_eq!(kept.ct_hu.get([0, 0, 0]), Some(-2048.0));
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cut {
    /// Length along the patient's axis, world z: drawn evenly from this range (mm).
    pub z_mm: Option<[f64; 2]>,
    /// Width from left to right, world x: drawn evenly from this range (mm).
    pub width_mm: Option<[f64; 2]>,
    /// Diameter of a round field of view about the z axis: drawn evenly from this range (mm). What
    /// lies outside of it is padding.
    pub field_mm: Option<[f64; 2]>,
    /// Standard deviation by which the middle lies off, along each world axis that is cut (mm).
    pub off_center_mm: f64,
    /// The point near which the middle lies.
    pub about: CutAbout,
    /// The structures that are kept; all else becomes air.
    pub labels: Option<CutLabels>,
}

/// The point near which the middle of a cut lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CutAbout {
    /// The middle of the patient's body, as far as the CT shows it.
    #[default]
    Center,
    /// One of the targets, drawn evenly.
    Targets,
}

/// The structures that a cut keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a list of labels such as [31], { each = [30, 31] }, or \"each\"")]
pub enum CutLabels {
    /// All of these labels together.
    These(Vec<u16>),
    /// One label, drawn evenly from these.
    OneOf(OneOfLabels),
    /// One label, drawn evenly from those of the CT.
    Drawn(OneLabel),
}

/// Labels of which one is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneOfLabels {
    /// Each as likely as any other.
    pub each: Vec<u16>,
}

/// One label of the CT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OneLabel {
    /// Each label is as likely as any other.
    Each,
}

/// Why a CT cannot be cut.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CutError {
    /// A structure is to be kept, and the CT has no labels.
    #[error("a cut keeps some labels only, but the CT has none: name the file of its labels")]
    NoLabels,
    /// A target is to be drawn, and there is none.
    #[error("a cut lies about a target, but there are no targets: use about = \"center\"")]
    NoTargets,
    /// Nothing is left that could be registered.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// The labels do not occur in what is left.
    #[error(transparent)]
    Labels(#[from] MaskError),
    /// There is nowhere to measure in what is left.
    #[error("the cut CT has no targets: {0}")]
    Targets(#[from] TargetError),
}

/// A CT before it is cut.
#[derive(Debug, Clone, Copy)]
pub struct WholeCt<'a> {
    /// The CT (HU).
    pub ct_hu: &'a Volume<f32>,
    /// Its labels, on any grid.
    pub labels: Option<&'a Volume<u16>>,
    /// Points that a cut may lie about (mm, world frame).
    pub targets_world_mm: &'a [Vector3<f64>],
}

/// A cut that was drawn. What is `None` or empty is not cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrawnCut {
    /// The middle that was drawn (mm), world frame; a cut that would leave the CT is moved back.
    pub middle_world_mm: [f64; 3],
    /// Length along world z (mm).
    pub z_mm: Option<f64>,
    /// Width along world x (mm).
    pub width_mm: Option<f64>,
    /// Diameter of the round field of view (mm).
    pub field_mm: Option<f64>,
    /// The labels that are kept.
    pub labels: Vec<u16>,
}

impl Cut {
    /// Checks that the numbers make sense; `condition` names what the cut is of.
    ///
    /// # Errors
    /// The first key that does not.
    pub fn check(&self, condition: &str) -> Result<(), ProtocolError> {
        let refused = |name: &str, found: String, expected: String| {
            let key = format!("{name} of condition '{condition}'");
            Err(ProtocolError::Setting { key, found, expected })
        };
        let ranges = [
            ("cut.z_mm", self.z_mm),
            ("cut.width_mm", self.width_mm),
            ("cut.field_mm", self.field_mm),
        ];
        for (name, range) in ranges {
            let Some([low, high]) = range else { continue };
            if !(LEAST_MM <= low && low <= high && high <= MOST_MM) {
                let expected = format!("[low, high] with {LEAST_MM} <= low <= high <= {MOST_MM}");
                return refused(name, format!("[{low}, {high}]"), expected);
            }
        }
        let boxed = ranges.iter().any(|(_, range)| range.is_some());
        let found = self.off_center_mm;
        if !(0.0..=FARTHEST_MM).contains(&found) {
            return refused(
                "cut.off_center_mm",
                found.to_string(),
                format!("0 to {FARTHEST_MM} mm"),
            );
        }
        if !boxed && found > 0.0 {
            let expected = "absent without z_mm, width_mm and field_mm".to_owned();
            return refused("cut.off_center_mm", found.to_string(), expected);
        }
        if !boxed && self.about != CutAbout::Center {
            let expected = "absent without z_mm, width_mm and field_mm".to_owned();
            return refused("cut.about", "'targets'".to_owned(), expected);
        }
        match &self.labels {
            Some(CutLabels::These(ids) | CutLabels::OneOf(OneOfLabels { each: ids }))
                if ids.is_empty() || ids.contains(&0) =>
            {
                let expected = "a list of at least one label, without 0".to_owned();
                refused("cut.labels", format!("{ids:?}"), expected)
            }
            None if !boxed => {
                let expected = "given z_mm, width_mm, field_mm or labels".to_owned();
                refused("cut", "empty".to_owned(), expected)
            }
            _ => Ok(()),
        }
    }

    /// Draws a cut. A key that is left out changes no other draw.
    ///
    /// # Errors
    /// If labels or targets are wanted and there are none.
    pub fn draw(&self, whole: &WholeCt<'_>, rng: &mut ChaCha8Rng) -> Result<DrawnCut, CutError> {
        // Numbers of a fixed count of bits first: a normal one may take more.
        let [z, width, field, target, label]: [f64; 5] = std::array::from_fn(|_| rng.random());
        let off: [f64; 3] = std::array::from_fn(|_| StandardNormal.sample(rng));
        let between = |range: Option<[f64; 2]>, share: f64| {
            range.map(|[low, high]| low + (high - low) * share)
        };
        let place = |share: f64, count: usize| ((share * count as f64) as usize).min(count - 1);
        let one_of = |labels: &[u16]| match labels {
            [] => Err(CutError::NoLabels),
            _ => Ok(vec![labels[place(label, labels.len())]]),
        };
        let about = match self.about {
            CutAbout::Center => body_middle_world_mm(whole.ct_hu),
            CutAbout::Targets => match whole.targets_world_mm {
                [] => return Err(CutError::NoTargets),
                targets => targets[place(target, targets.len())],
            },
        };
        let labels = match &self.labels {
            None => Vec::new(),
            Some(CutLabels::These(ids)) => ids.clone(),
            Some(CutLabels::OneOf(OneOfLabels { each })) => one_of(each)?,
            Some(CutLabels::Drawn(OneLabel::Each)) => {
                one_of(&labels_of(whole.labels.ok_or(CutError::NoLabels)?))?
            }
        };
        Ok(DrawnCut {
            middle_world_mm: (about + Vector3::from(off) * self.off_center_mm).into(),
            z_mm: between(self.z_mm, z),
            width_mm: between(self.width_mm, width),
            field_mm: between(self.field_mm, field),
            labels,
        })
    }
}

impl DrawnCut {
    /// The attenuation map of what is left of a CT with this map: a structure alone attenuates as
    /// far as it stands out.
    #[must_use]
    pub fn attenuation_map(&self, whole: &AttenuationMap) -> AttenuationMap {
        match whole {
            map if self.labels.is_empty() => *map,
            map @ AttenuationMap::Excess { .. } => *map,
            _ => AttenuationMap::OF_STRUCTURE,
        }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: hostile settings are refused by their key, draws lie in their ranges and do not
    //! depend on each other, and labels and targets are drawn from those that there are.
    use super::*;
    use crate::volume::Affine;
    use rand::SeedableRng;

    fn cut(json: &str) -> Cut {
        serde_json::from_str(json).unwrap()
    }

    fn labels() -> Volume<u16> {
        let affine = Affine::from_spacing([10.0; 3], [0.0; 3]).unwrap();
        let label = |at: usize| [0, 7, 9, 0][at % 4];
        Volume::new([20; 3], (0..8000).map(label).collect(), affine).unwrap()
    }

    #[test]
    fn nonsense_is_refused_by_its_key() {
        for (json, key) in [
            (r#"{}"#, "cut of condition 'c' is empty"),
            (r#"{"z_mm": [10, 30]}"#, "cut.z_mm of condition 'c' is [10, 30]"),
            (r#"{"width_mm": [90, 30]}"#, "cut.width_mm"),
            (r#"{"field_mm": [30, 1e9]}"#, "cut.field_mm"),
            (r#"{"z_mm": [90, 90], "off_center_mm": -1}"#, "cut.off_center_mm"),
            (r#"{"labels": "each", "off_center_mm": 3}"#, "absent without z_mm"),
            (r#"{"labels": [3], "about": "targets"}"#, "cut.about"),
            (r#"{"labels": []}"#, "cut.labels"),
            (r#"{"labels": [0, 3]}"#, "cut.labels"),
            (r#"{"labels": {"each": []}}"#, "cut.labels"),
        ] {
            let message = cut(json).check("c").unwrap_err().to_string();
            assert!(message.contains(key), "{message}");
        }
        let nan = Cut { z_mm: Some([f64::NAN, 90.0]), ..Cut::default() };
        assert!(nan.check("c").is_err());
        for json in [r#"{"labels": "all"}"#, r#"{"labels": 3}"#, r#"{"z": [90, 90]}"#] {
            assert!(serde_json::from_str::<Cut>(json).is_err(), "{json}");
        }
        let message = serde_json::from_str::<Cut>(r#"{"labels": "all"}"#).unwrap_err().to_string();
        assert!(message.contains("or \"each\""), "{message}");
        assert_eq!(cut(r#"{"z_mm": [90, 160], "labels": "each"}"#).check("c"), Ok(()));
    }

    #[test]
    fn draws_do_not_depend_on_each_other() {
        let (ct, labels) = (labels().map(|_| 0.0_f32), labels());
        let targets = [Vector3::zeros(), Vector3::repeat(100.0)];
        let whole = WholeCt { ct_hu: &ct, labels: Some(&labels), targets_world_mm: &targets };
        let mut kept = std::collections::BTreeSet::new();
        for seed in 0..40 {
            let drawn =
                |json: &str| cut(json).draw(&whole, &mut ChaCha8Rng::seed_from_u64(seed)).unwrap();
            let all = drawn(
                r#"{"z_mm": [90, 160], "field_mm": [50, 60], "off_center_mm": 30, "labels": "each"}"#,
            );
            let one = drawn(r#"{"z_mm": [90, 160], "off_center_mm": 30}"#);
            assert_eq!((all.z_mm, all.middle_world_mm), (one.z_mm, one.middle_world_mm));
            assert!((90.0..=160.0).contains(&one.z_mm.unwrap()) && one.width_mm.is_none());
            assert!((50.0..=60.0).contains(&all.field_mm.unwrap()) && one.labels.is_empty());
            let one = drawn(r#"{"labels": {"each": [3, 31]}}"#).labels;
            assert_eq!(one[0] == 3, all.labels[0] == 7, "drawn alike: {one:?}");
            let target = drawn(r#"{"width_mm": [50, 50], "about": "targets"}"#).middle_world_mm;
            assert!(targets.contains(&Vector3::from(target)));
            kept.insert((all.labels, target == [0.0; 3]));
        }
        assert_eq!(kept.len(), 4, "both labels and both targets: {kept:?}");
        let bare = WholeCt { labels: None, targets_world_mm: &[], ..whole };
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let error = cut(r#"{"labels": "each"}"#).draw(&bare, &mut rng);
        assert_eq!(error, Err(CutError::NoLabels));
        let error = cut(r#"{"z_mm": [50, 50], "about": "targets"}"#).draw(&bare, &mut rng);
        assert_eq!(error, Err(CutError::NoTargets));
    }
}
