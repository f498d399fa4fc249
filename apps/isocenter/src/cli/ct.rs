//! The CT, and what of it counts.

use std::path::PathBuf;

use clap::Args;
use isocenter::volume::AttenuationMap;
use isocenter_io::volume::dicom::SeriesChoice;
use isocenter_io::volume::is_volume_name;

/// The CT and what of it counts.
#[derive(Debug, Args)]
pub(crate) struct CtArgs {
    /// CT (HU): a DICOM folder, .nii, .nii.gz, .nrrd, .nhdr, .mha or .mhd
    #[arg(long, value_name = "CT")]
    pub(crate) ct: PathBuf,
    /// Which series of a DICOM folder, its number, description or UID; the longest CT if not given
    #[arg(long, value_name = "SERIES")]
    pub(crate) series: Option<SeriesChoice>,
    /// Keep only labelled voxels, all else is air: LABELS.nii.gz, or LABELS.nii.gz:20,21 for some labels
    #[arg(long, value_name = "LABELS[:ID,..]")]
    pub(crate) mask: Option<MaskArg>,
    /// Keep the couch, which is found and removed otherwise
    #[arg(long)]
    pub(crate) keep_table: bool,
    /// How HU become attenuation: linear, thresholded:HU, excess:HU, bone-weighted:HU:WEIGHT
    /// [default: linear; excess:150 in `register` with a mask]
    #[arg(long, value_name = "MAP")]
    pub(crate) attenuation: Option<AttenuationMap>,
}

/// A label volume and the labels that count; none means all but 0.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MaskArg {
    pub(crate) path: PathBuf,
    pub(crate) ids: Vec<u16>,
}

impl std::str::FromStr for MaskArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("a label volume is expected: LABELS.nii.gz".to_owned());
        }
        // A colon may belong to the path: labels follow the one after the file's extension.
        let after_extension = |(path, _): &(&str, &str)| is_volume_name(path);
        let Some((path, list)) = text.rsplit_once(':').filter(after_extension) else {
            return Ok(Self { path: text.into(), ids: Vec::new() });
        };
        let id = |id: &str| match id.parse() {
            Ok(0) | Err(_) => {
                Err(format!("'{id}' is not a label: write numbers from 1 to 65535, such as 20,21"))
            }
            Ok(id) => Ok(id),
        };
        Ok(Self { path: path.into(), ids: list.split(',').map(id).collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests {
    //! Proves: a mask's labels are told from colons in its path.
    use super::*;

    #[test]
    fn masks_are_parsed() {
        let mask: MaskArg = "a/labels.nii.gz:20,22".parse().unwrap();
        assert_eq!((mask.path.to_str(), &mask.ids[..]), (Some("a/labels.nii.gz"), &[20, 22][..]));
        let mask: MaskArg = "labels.MHA:7".parse().unwrap();
        assert_eq!((mask.path.to_str(), &mask.ids[..]), (Some("labels.MHA"), &[7][..]));
        let mask: MaskArg = "C:\\labels.nii".parse().unwrap();
        assert_eq!((mask.path.to_str(), mask.ids.len()), (Some("C:\\labels.nii"), 0));
        assert!("labels.nii:0".parse::<MaskArg>().is_err());
        assert!("labels.nii:".parse::<MaskArg>().is_err());
        assert!("labels.nii:70000".parse::<MaskArg>().is_err());
        assert!("labels.nii:20,,21".parse::<MaskArg>().is_err());
    }
}
