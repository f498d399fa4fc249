//! The tags that are asked for.

use std::fmt;

/// How a value is written: the value representations of PS3.5 that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vr {
    /// Text of any kind.
    Text,
    /// Decimal numbers as text.
    Decimal,
    /// Whole numbers as text.
    Integer,
    /// Unsigned 16 bits.
    U16,
    /// Unsigned 16 bits, or signed where the pixels are: `US or SS`.
    U16OrI16,
    /// 32-bit floats.
    F32,
    /// Data sets.
    Sequence,
    /// Bytes.
    Bytes,
}

/// A tag, and how it is named and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag {
    /// Group and element.
    pub(crate) number: u32,
    /// The keyword of the standard.
    pub(crate) keyword: &'static str,
    /// How its value is written where the file does not say.
    pub(crate) vr: Vr,
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (group, element) = (self.number >> 16, self.number & 0xffff);
        write!(f, "{} ({group:04x},{element:04x})", self.keyword)
    }
}

/// Declares the tags and the list of them.
macro_rules! tags {
    ($($name:ident $number:literal $keyword:literal $vr:ident;)*) => {
        $(
            #[doc = $keyword]
            pub(crate) const $name: Tag =
                Tag { number: $number, keyword: $keyword, vr: Vr::$vr };
        )*

        /// All of them.
        const ALL: &[Tag] = &[$($name),*];
    };
}

tags! {
    MEDIA_STORAGE_SOP_CLASS_UID 0x0002_0002 "MediaStorageSOPClassUID" Text;
    TRANSFER_SYNTAX_UID 0x0002_0010 "TransferSyntaxUID" Text;
    IMAGE_TYPE 0x0008_0008 "ImageType" Text;
    SOP_CLASS_UID 0x0008_0016 "SOPClassUID" Text;
    SOP_INSTANCE_UID 0x0008_0018 "SOPInstanceUID" Text;
    STUDY_DATE 0x0008_0020 "StudyDate" Text;
    MODALITY 0x0008_0060 "Modality" Text;
    PRESENTATION_INTENT_TYPE 0x0008_0068 "PresentationIntentType" Text;
    STUDY_DESCRIPTION 0x0008_1030 "StudyDescription" Text;
    SERIES_DESCRIPTION 0x0008_103e "SeriesDescription" Text;
    PATIENT_NAME 0x0010_0010 "PatientName" Text;
    PATIENT_ID 0x0010_0020 "PatientID" Text;
    PATIENT_BIRTH_DATE 0x0010_0030 "PatientBirthDate" Text;
    DISTANCE_SOURCE_TO_DETECTOR 0x0018_1110 "DistanceSourceToDetector" Decimal;
    DISTANCE_SOURCE_TO_PATIENT 0x0018_1111 "DistanceSourceToPatient" Decimal;
    MAGNIFICATION_FACTOR 0x0018_1114 "EstimatedRadiographicMagnificationFactor" Decimal;
    GANTRY_DETECTOR_TILT 0x0018_1120 "GantryDetectorTilt" Decimal;
    INTENSIFIER_SIZE 0x0018_1162 "IntensifierSize" Decimal;
    IMAGER_PIXEL_SPACING 0x0018_1164 "ImagerPixelSpacing" Decimal;
    POSITIONER_PRIMARY_ANGLE 0x0018_1510 "PositionerPrimaryAngle" Decimal;
    POSITIONER_SECONDARY_ANGLE 0x0018_1511 "PositionerSecondaryAngle" Decimal;
    POSITIONER_PRIMARY_ANGLE_INCREMENT 0x0018_1520 "PositionerPrimaryAngleIncrement" Decimal;
    POSITIONER_SECONDARY_ANGLE_INCREMENT 0x0018_1521 "PositionerSecondaryAngleIncrement" Decimal;
    DETECTOR_PRIMARY_ANGLE 0x0018_1530 "DetectorPrimaryAngle" Decimal;
    DETECTOR_SECONDARY_ANGLE 0x0018_1531 "DetectorSecondaryAngle" Decimal;
    VIEW_POSITION 0x0018_5101 "ViewPosition" Text;
    DETECTOR_ELEMENT_SPACING 0x0018_7022 "DetectorElementSpacing" Decimal;
    DETECTOR_ACTIVE_DIMENSIONS 0x0018_7026 "DetectorActiveDimensions" Decimal;
    DETECTOR_ACTIVE_ORIGIN 0x0018_7028 "DetectorActiveOrigin" Decimal;
    FIELD_OF_VIEW_ORIGIN 0x0018_7030 "FieldOfViewOrigin" Decimal;
    FIELD_OF_VIEW_ROTATION 0x0018_7032 "FieldOfViewRotation" Decimal;
    FIELD_OF_VIEW_HORIZONTAL_FLIP 0x0018_7034 "FieldOfViewHorizontalFlip" Text;
    PROJECTION_PIXEL_CALIBRATION_SEQUENCE 0x0018_9401 "ProjectionPixelCalibrationSequence" Sequence;
    DISTANCE_SOURCE_TO_ISOCENTER 0x0018_9402 "DistanceSourceToIsocenter" F32;
    POSITIONER_POSITION_SEQUENCE 0x0018_9405 "PositionerPositionSequence" Sequence;
    FIELD_OF_VIEW_SEQUENCE 0x0018_9432 "FieldOfViewSequence" Sequence;
    X_RAY_GEOMETRY_SEQUENCE 0x0018_9476 "XRayGeometrySequence" Sequence;
    SERIES_INSTANCE_UID 0x0020_000e "SeriesInstanceUID" Text;
    SERIES_NUMBER 0x0020_0011 "SeriesNumber" Integer;
    ACQUISITION_NUMBER 0x0020_0012 "AcquisitionNumber" Integer;
    INSTANCE_NUMBER 0x0020_0013 "InstanceNumber" Integer;
    PATIENT_ORIENTATION 0x0020_0020 "PatientOrientation" Text;
    IMAGE_POSITION_PATIENT 0x0020_0032 "ImagePositionPatient" Decimal;
    IMAGE_ORIENTATION_PATIENT 0x0020_0037 "ImageOrientationPatient" Decimal;
    FRAME_OF_REFERENCE_UID 0x0020_0052 "FrameOfReferenceUID" Text;
    PLANE_POSITION_SEQUENCE 0x0020_9113 "PlanePositionSequence" Sequence;
    PLANE_ORIENTATION_SEQUENCE 0x0020_9116 "PlaneOrientationSequence" Sequence;
    SAMPLES_PER_PIXEL 0x0028_0002 "SamplesPerPixel" U16;
    PHOTOMETRIC_INTERPRETATION 0x0028_0004 "PhotometricInterpretation" Text;
    PLANAR_CONFIGURATION 0x0028_0006 "PlanarConfiguration" U16;
    NUMBER_OF_FRAMES 0x0028_0008 "NumberOfFrames" Integer;
    ROWS 0x0028_0010 "Rows" U16;
    COLUMNS 0x0028_0011 "Columns" U16;
    PIXEL_SPACING 0x0028_0030 "PixelSpacing" Decimal;
    BITS_ALLOCATED 0x0028_0100 "BitsAllocated" U16;
    BITS_STORED 0x0028_0101 "BitsStored" U16;
    HIGH_BIT 0x0028_0102 "HighBit" U16;
    PIXEL_REPRESENTATION 0x0028_0103 "PixelRepresentation" U16;
    PIXEL_PADDING_VALUE 0x0028_0120 "PixelPaddingValue" U16OrI16;
    PIXEL_PADDING_RANGE_LIMIT 0x0028_0121 "PixelPaddingRangeLimit" U16OrI16;
    BURNED_IN_ANNOTATION 0x0028_0301 "BurnedInAnnotation" Text;
    PIXEL_SPACING_CALIBRATION_TYPE 0x0028_0a02 "PixelSpacingCalibrationType" Text;
    PIXEL_INTENSITY_RELATIONSHIP 0x0028_1040 "PixelIntensityRelationship" Text;
    PIXEL_INTENSITY_RELATIONSHIP_SIGN 0x0028_1041 "PixelIntensityRelationshipSign" U16OrI16;
    RESCALE_INTERCEPT 0x0028_1052 "RescaleIntercept" Decimal;
    RESCALE_SLOPE 0x0028_1053 "RescaleSlope" Decimal;
    RESCALE_TYPE 0x0028_1054 "RescaleType" Text;
    PIXEL_MEASURES_SEQUENCE 0x0028_9110 "PixelMeasuresSequence" Sequence;
    PIXEL_VALUE_TRANSFORMATION_SEQUENCE 0x0028_9145 "PixelValueTransformationSequence" Sequence;
    FRAME_PIXEL_DATA_PROPERTIES_SEQUENCE 0x0028_9443 "FramePixelDataPropertiesSequence" Sequence;
    PRESENTATION_LUT_SHAPE 0x2050_0020 "PresentationLUTShape" Text;
    SHARED_FUNCTIONAL_GROUPS_SEQUENCE 0x5200_9229 "SharedFunctionalGroupsSequence" Sequence;
    PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE 0x5200_9230 "PerFrameFunctionalGroupsSequence" Sequence;
    FLOAT_PIXEL_DATA 0x7fe0_0008 "FloatPixelData" Bytes;
    DOUBLE_FLOAT_PIXEL_DATA 0x7fe0_0009 "DoubleFloatPixelData" Bytes;
    PIXEL_DATA 0x7fe0_0010 "PixelData" Bytes;
}

/// Whether a tag holds data sets: a file in implicit VR does not say.
pub(super) fn is_sequence(number: u32) -> bool {
    ALL.iter().any(|tag| tag.number == number && tag.vr == Vr::Sequence)
}

#[cfg(test)]
mod tests {
    //! Proves: a tag names itself as the standard does, and none is there twice.
    use super::*;

    #[test]
    fn tags_name_themselves() {
        assert_eq!(ROWS.to_string(), "Rows (0028,0010)");
        for (n, tag) in ALL.iter().enumerate() {
            assert!(ALL[..n].iter().all(|other| other.number < tag.number), "{tag}");
        }
    }
}
