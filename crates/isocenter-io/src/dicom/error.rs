//! What a DICOM file may not hold.

use super::syntax::SUPPORTED;

/// What a DICOM file may not hold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DicomError {
    /// The file is of another format.
    #[error(
        "this is not a DICOM file: the letters DICM are missing at byte 128; name another file"
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
