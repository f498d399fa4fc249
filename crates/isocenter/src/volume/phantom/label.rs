//! What the numbers in the label volume mean.
//!
//! Bones of the spine follow the numbering of the VerSe challenge; everything else has numbers of
//! its own.
//!
//! | label | structure | label | structure |
//! |---|---|---|---|
//! | 0 | air around the body | 61, 62 | left, right psoas |
//! | 19 | T12 | 63 | back muscles |
//! | 20 ... 24 | L1 ... L5 | 64 | gluteal and iliac muscles |
//! | 26, 27 | sacrum, coccyx | 65 | abdominal wall |
//! | 30, 31 | left, right hip bone | 66 | abdominal fat and bowel loops |
//! | 32, 33 | left, right femur | 67 | skin and fat beneath it |
//! | 40, 41, 42 | left ribs 10, 11, 12 | 70, 71 | left, right kidney |
//! | 43, 44, 45 | right ribs 10, 11, 12 | 72, 73 | liver, spleen |
//! | 50 | disc T12/L1 | 74, 75 | aorta, inferior vena cava |
//! | 51 ... 54 | discs L1/L2 ... L4/L5 | 76 | bowel and stomach |
//! | 55 | disc L5/S1 | 77 | bowel gas |
//! | 60 | spinal canal | | |
//!
//! # References
//! A. Sekuboyina et al., *VerSe: A Vertebrae labelling and segmentation benchmark for
//! multi-detector CT images*, Medical Image Analysis 73 (2021), doi 10.1016/j.media.2021.102166.

/// Air around the body.
pub const AIR: u16 = 0;
/// The twelfth thoracic vertebra.
pub const T12: u16 = 19;
/// The first lumbar vertebra; L2 to L5 follow.
pub const L1: u16 = 20;
/// The fifth lumbar vertebra.
pub const L5: u16 = 24;
/// The sacrum.
pub const SACRUM: u16 = 26;
/// The coccyx.
pub const COCCYX: u16 = 27;
/// The left hip bone.
pub const HIP_LEFT: u16 = 30;
/// The right hip bone.
pub const HIP_RIGHT: u16 = 31;
/// The left femur.
pub const FEMUR_LEFT: u16 = 32;
/// The right femur.
pub const FEMUR_RIGHT: u16 = 33;
/// The left tenth rib; the eleventh and twelfth follow.
pub const RIB_10_LEFT: u16 = 40;
/// The right tenth rib; the eleventh and twelfth follow.
pub const RIB_10_RIGHT: u16 = 43;
/// The disc between T12 and L1; the lower ones follow, down to L5/S1.
pub const DISC_T12_L1: u16 = 50;
/// The spinal canal.
pub const SPINAL_CANAL: u16 = 60;
/// The left psoas muscle.
pub const PSOAS_LEFT: u16 = 61;
/// The right psoas muscle.
pub const PSOAS_RIGHT: u16 = 62;
/// The muscles of the back.
pub const BACK_MUSCLES: u16 = 63;
/// The gluteal and iliac muscles.
pub const PELVIC_MUSCLES: u16 = 64;
/// The muscles of the abdominal wall.
pub const ABDOMINAL_WALL: u16 = 65;
/// Fat and bowel loops in the abdomen.
pub const ABDOMEN: u16 = 66;
/// The skin and the fat beneath it.
pub const SKIN_AND_FAT: u16 = 67;
/// The left kidney.
pub const KIDNEY_LEFT: u16 = 70;
/// The right kidney.
pub const KIDNEY_RIGHT: u16 = 71;
/// The liver.
pub const LIVER: u16 = 72;
/// The spleen.
pub const SPLEEN: u16 = 73;
/// The aorta and its two branches.
pub const AORTA: u16 = 74;
/// The inferior vena cava.
pub const VENA_CAVA: u16 = 75;
/// Colon, stomach and rectum: their wall and contents.
pub const BOWEL: u16 = 76;
/// Gas in the bowel.
pub const GAS: u16 = 77;

const NAMES: [(u16, &str); 41] = [
    (AIR, "air"),
    (T12, "T12"),
    (L1, "L1"),
    (21, "L2"),
    (22, "L3"),
    (23, "L4"),
    (L5, "L5"),
    (SACRUM, "sacrum"),
    (COCCYX, "coccyx"),
    (HIP_LEFT, "left hip bone"),
    (HIP_RIGHT, "right hip bone"),
    (FEMUR_LEFT, "left femur"),
    (FEMUR_RIGHT, "right femur"),
    (RIB_10_LEFT, "left rib 10"),
    (41, "left rib 11"),
    (42, "left rib 12"),
    (RIB_10_RIGHT, "right rib 10"),
    (44, "right rib 11"),
    (45, "right rib 12"),
    (DISC_T12_L1, "disc T12/L1"),
    (51, "disc L1/L2"),
    (52, "disc L2/L3"),
    (53, "disc L3/L4"),
    (54, "disc L4/L5"),
    (55, "disc L5/S1"),
    (SPINAL_CANAL, "spinal canal"),
    (PSOAS_LEFT, "left psoas"),
    (PSOAS_RIGHT, "right psoas"),
    (BACK_MUSCLES, "back muscles"),
    (PELVIC_MUSCLES, "gluteal and iliac muscles"),
    (ABDOMINAL_WALL, "abdominal wall"),
    (ABDOMEN, "abdominal fat and bowel loops"),
    (SKIN_AND_FAT, "skin and fat"),
    (KIDNEY_LEFT, "left kidney"),
    (KIDNEY_RIGHT, "right kidney"),
    (LIVER, "liver"),
    (SPLEEN, "spleen"),
    (AORTA, "aorta"),
    (VENA_CAVA, "inferior vena cava"),
    (BOWEL, "bowel"),
    (GAS, "bowel gas"),
];

/// The name of a structure; `None` for a number that means nothing.
///
/// # Examples
/// ```
/// use isocenter::volume::phantom::label;
/// assert_eq!(label::name(22), Some("L3"));
/// assert_eq!(label::name(9), None);
/// ```
#[must_use]
pub fn name(label: u16) -> Option<&'static str> {
    NAMES.iter().find(|(number, _)| *number == label).map(|(_, name)| *name)
}

/// Whether a label is bone.
///
/// # Examples
/// ```
/// use isocenter::volume::phantom::label;
/// assert!(label::is_bone(label::SACRUM) && !label::is_bone(label::GAS));
/// ```
#[must_use]
pub fn is_bone(label: u16) -> bool {
    (T12..=RIB_10_RIGHT + 2).contains(&label) && name(label).is_some()
}
