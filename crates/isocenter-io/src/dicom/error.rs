//! What a DICOM file may not hold.

use super::syntax::SUPPORTED;

/// What a DICOM file may not hold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DicomError {
    /// The file is of another format.
    #[error(
        "this is not a DICOM file: the letters DICM are missing at byte 128, and it begins with no element of DICOM; name another file"
    )]
    NotDicom,
    /// The elements do not follow each other as they should.
    #[error("the DICOM data are damaged at byte {at} ({what}): copy or export the file again")]
    Damaged {
        /// The byte, from the start of the file, or of the data set where that is deflated.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// A tag that is needed.
    #[error("{tag} is missing: {expected}; export the file again with all its tags")]
    Missing {
        /// The tag.
        tag: String,
        /// What its value should be.
        expected: &'static str,
    },
    /// A value that means nothing here.
    #[error("{tag} is '{value}': {expected}; export the file again, or correct the tag")]
    Value {
        /// The tag.
        tag: String,
        /// What was found there.
        value: String,
        /// What its value should be.
        expected: &'static str,
    },
    /// A transfer syntax that is not read.
    #[error(
        "TransferSyntaxUID (0002,0010) is '{uid}': {SUPPORTED} are read; convert the file, for example with gdcmconv --raw"
    )]
    TransferSyntax {
        /// The number found.
        uid: String,
    },
    /// A transfer syntax that this build does not read.
    #[error(
        "the pixels are compressed as {syntax}, which this build does not read: build with the feature '{feature}', or convert the file, for example with gdcmconv --raw"
    )]
    Feature {
        /// The name of the transfer syntax.
        syntax: &'static str,
        /// The feature of the crate.
        feature: &'static str,
    },
    /// No pixels.
    #[error("the file has no PixelData (7fe0,0010), it is no image: name another file")]
    NoPixels,
    /// Fewer bytes of pixels than announced.
    #[error(
        "PixelData (7fe0,0010) has {found} bytes, where Rows, Columns, BitsAllocated and NumberOfFrames make {expected}: the file is cut off, or one of these tags is wrong; copy or export it again"
    )]
    PixelBytes {
        /// Bytes there are.
        found: u64,
        /// Bytes there should be.
        expected: u64,
    },
    /// More pixels than compressed bytes can hold.
    #[error(
        "PixelData (7fe0,0010) has at most {found} compressed bytes, which cannot hold the {pixels} pixels that Rows, Columns and NumberOfFrames make: the file is cut off, or one of these tags is wrong; copy or export it again"
    )]
    CompressedPixels {
        /// Compressed bytes there are, at most.
        found: u64,
        /// Pixels there should be.
        pixels: u64,
    },
    /// Fewer frames than announced.
    #[error(
        "NumberOfFrames (0028,0008) is {expected}, but the data hold {found}: the file is cut off; copy or export it again"
    )]
    Frames {
        /// Frames there are.
        found: usize,
        /// Frames there should be.
        expected: usize,
    },
    /// A folder without images.
    #[error("no file in it is a DICOM image: name the folder of the CT, or a volume file")]
    NoImages,
    /// A folder without a CT.
    #[error(
        "there is no CT among its DICOM images, only {found}: name another folder, choose one with --series, or name the file of an X-ray"
    )]
    NoCt {
        /// The series there are.
        found: String,
    },
    /// A choice that no series fits.
    #[error(
        "no series fits '{wanted}', there are {found}: give the number, description or UID of one"
    )]
    NoSuchSeries {
        /// What was asked for.
        wanted: String,
        /// The series there are.
        found: String,
    },
    /// A choice that several series fit.
    #[error("several series fit '{wanted}': {found}; give the number or UID of one")]
    SeveralSeries {
        /// What was asked for.
        wanted: String,
        /// The series that fit.
        found: String,
    },
    /// A file of one image where a volume is expected.
    #[error("this is a single DICOM image: name the folder that holds all slices of the CT")]
    SingleImage,
    /// Overviews where slices are expected.
    #[error(
        "the only images of its CT are localizers (scouts, {found} of them), which make no volume: name the folder with the slices of the CT, or choose another series with --series"
    )]
    OnlyLocalizers {
        /// Localizers there are.
        found: usize,
    },
    /// Too few images for a volume.
    #[error(
        "the series has {found} image with a place in space, at least 2 make a volume: name the folder with all of them"
    )]
    TooFewSlices {
        /// Images there are.
        found: usize,
    },
    /// An image that does not belong to the others.
    #[error(
        "this image has {what}, the others of its series have {others}: one volume cannot hold both; move the file away, or export the series again"
    )]
    Odd {
        /// What is odd.
        what: String,
        /// What the others have.
        others: String,
    },
    /// Two images at one place.
    #[error(
        "this image and '{other}' lie at the same place, {at_mm:.2} mm along the slices, and differ: the series holds several volumes (phases or repetitions); export one of them"
    )]
    SamePlace {
        /// The name of the other file.
        other: String,
        /// Where, along the normal of the slices.
        at_mm: f64,
    },
    /// Images that are too far apart.
    #[error(
        "{gap_mm:.1} mm lie between this image and the next, where {usual_mm:.2} mm are usual: images are missing; export the series again"
    )]
    Gap {
        /// The gap.
        gap_mm: f64,
        /// The usual distance.
        usual_mm: f64,
    },
    /// Images that lie beside each other.
    #[error(
        "this image lies {shift_mm:.1} mm beside the first of its series: they do not lie behind each other and make no volume"
    )]
    Beside {
        /// How far.
        shift_mm: f64,
    },
    /// Compressed pixels that cannot be decoded.
    #[error(
        "frame {frame} cannot be decoded as {syntax} ({what}): copy or export the file again, or convert it"
    )]
    Codec {
        /// The frame, from 1.
        frame: usize,
        /// The name of the transfer syntax.
        syntax: &'static str,
        /// What the decoder says.
        what: String,
    },
}
