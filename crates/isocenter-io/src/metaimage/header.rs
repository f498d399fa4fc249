//! What a MetaImage header means.

use isocenter::volume::{Affine, AffineError};
use nalgebra::{Matrix3, Vector3};

use super::MetaImageError;
use super::data::DataFile;
use super::fields::{Field, Fields, numbers, truth};
use crate::error::FileProblem;
use crate::open::Stream;
use crate::samples::{ByteOrder, SampleType};
use crate::voxels::Layout;

/// How far from 1 the length of a direction may be: headers written with four digits pass.
const LENGTH_TOLERANCE: f64 = 1e-3;

/// What a header says.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    /// Voxels along i, j, k.
    pub(crate) dims: [usize; 3],
    /// Where they lie in the world (LPS, mm).
    pub(crate) world_from_index: Affine,
    /// How they lie in the file.
    pub(crate) layout: Layout,
    /// In which file.
    pub(crate) data_file: DataFile,
    /// What comes before them there.
    pub(super) before: Before,
    /// Whether they are compressed.
    pub(super) compression: Option<Compression>,
}

/// What comes before the data in their file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Before {
    /// So many bytes.
    Bytes(u64),
    /// Whatever is left when the data end with the file.
    Rest,
}

/// The data are compressed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Compression {
    /// To so many bytes, if the header says so.
    pub(super) bytes: Option<u64>,
}

impl Header {
    /// Reads the header from the start of a file; the stream then stands behind its last line.
    pub(crate) fn read(stream: &mut Stream) -> Result<Self, FileProblem> {
        let fields = Fields::read(stream)?;
        let is_image = |text: &str| (text == "Image").then_some(());
        fields.get(&["ObjectType"], is_image, "Image is expected")?;
        let is_3 = |text: &str| (text == "3").then_some(());
        fields.require(&["NDims"], is_3, "3 is expected, one volume of three dimensions")?;
        refuse_what_changes_the_meaning(&fields)?;
        let data_file = fields.require(
            &["ElementDataFile"],
            |text| (!text.is_empty()).then(|| text.to_owned()),
            "LOCAL or the name of the data file is expected",
        )?;
        let data_file = DataFile::parse(&data_file.value)?;
        Ok(Self {
            dims: dims(&fields)?,
            world_from_index: world_from_index(&fields)?,
            layout: layout(&fields)?,
            compression: compression(&fields)?,
            before: before(&fields, &data_file)?,
            data_file,
        })
    }
}

/// Keys that other programs ignore, so that values differ from what the header says.
fn refuse_what_changes_the_meaning(fields: &Fields) -> Result<(), MetaImageError> {
    let equals = |wanted: f64| move |text: &str| numbers(text).filter(|&n| n == [wanted]);
    fields.get(
        &["ElementNumberOfChannels"],
        equals(1.0),
        "1 is expected, a single number for each voxel",
    )?;
    fields.get(
        &["ElementToIntensityFunctionSlope"],
        equals(1.0),
        "1 is expected, voxels that are the values themselves",
    )?;
    fields.get(
        &["ElementToIntensityFunctionOffset"],
        equals(0.0),
        "0 is expected, voxels that are the values themselves",
    )?;
    let is_mm = |text: &str| ["mm", "?", ""].contains(&text).then_some(());
    fields.get(&["DistanceUnits"], is_mm, "mm is expected")?;
    Ok(())
}

fn dims(fields: &Fields) -> Result<[usize; 3], MetaImageError> {
    let parse = |text: &str| {
        let sides: Option<Vec<usize>> =
            text.split_whitespace().map(|n| n.parse().ok().filter(|&n| n > 0)).collect();
        <[usize; 3]>::try_from(sides?).ok()
    };
    let expected = "three whole numbers above 0 are expected, the voxels along each axis";
    Ok(fields.require(&["DimSize"], parse, expected)?.value)
}

/// The rows of the matrix are the directions of the axes, in LPS like the offset. A center of
/// rotation changes nothing, in ITK neither.
fn world_from_index(fields: &Fields) -> Result<Affine, FileProblem> {
    let keys = ["TransformMatrix", "Orientation", "Rotation"];
    let expected = "nine finite numbers are expected, the direction of each axis in turn (LPS)";
    let along_lps = Field { key: keys[0], value: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0] };
    let directions = fields.get(&keys, numbers::<9>, expected)?.unwrap_or(along_lps);
    let key = directions.key;
    let told = directions.value;
    let directions = Matrix3::from_row_slice(&told);
    for (row, direction) in (1..).zip(directions.row_iter()) {
        let length = direction.norm();
        if (length - 1.0).abs() > LENGTH_TOLERANCE {
            return Err(MetaImageError::Direction { key, row, length }.into());
        }
    }

    let keys = ["Offset", "Position", "Origin"];
    let expected = "three finite numbers are expected, where the first voxel lies (LPS, mm)";
    let offset = fields.get(&keys, numbers::<3>, expected)?.map_or([0.0; 3], |f| f.value);

    // ElementSize is the extent of a voxel. It stands in where the distance is missing, as in ITK.
    let parse = |text: &str| numbers::<3>(text).filter(|n| n.iter().all(|&n| n != 0.0));
    let expected = "three numbers other than 0 are expected, the voxel spacing in mm";
    let spacing = match fields.get(&["ElementSpacing"], parse, expected)? {
        Some(spacing) => spacing,
        None => match fields.get(&["ElementSize"], parse, expected)? {
            Some(size) => size,
            None => {
                return Err(MetaImageError::Missing { key: "ElementSpacing", expected }.into());
            }
        },
    };

    let linear = directions.transpose() * Matrix3::from_diagonal(&Vector3::from(spacing.value));
    Affine::new(linear, Vector3::from(offset)).map_err(|problem| match problem {
        AffineError::Singular => FileProblem::affine(key, &told)(problem),
        problem => FileProblem::affine(spacing.key, &spacing.value)(problem),
    })
}

/// The names of the types. MetaIO's long has 32 bits on every machine.
const TYPES: [(&str, SampleType); 12] = [
    ("MET_CHAR", SampleType::I8),
    ("MET_UCHAR", SampleType::U8),
    ("MET_SHORT", SampleType::I16),
    ("MET_USHORT", SampleType::U16),
    ("MET_INT", SampleType::I32),
    ("MET_UINT", SampleType::U32),
    ("MET_LONG", SampleType::I32),
    ("MET_ULONG", SampleType::U32),
    ("MET_LONG_LONG", SampleType::I64),
    ("MET_ULONG_LONG", SampleType::U64),
    ("MET_FLOAT", SampleType::F32),
    ("MET_DOUBLE", SampleType::F64),
];

fn layout(fields: &Fields) -> Result<Layout, MetaImageError> {
    let binary = fields.get(&["BinaryData"], truth, TRUTH)?;
    if binary.is_some_and(|field| !field.value) {
        return Err(MetaImageError::Text);
    }
    let sample_type = |text: &str| TYPES.iter().find(|(name, _)| *name == text).map(|t| t.1);
    let expected = "one of MET_CHAR, MET_SHORT, MET_INT, MET_LONG, MET_LONG_LONG, their unsigned forms such as MET_USHORT, MET_FLOAT and MET_DOUBLE is expected";
    let sample_type = fields.require(&["ElementType"], sample_type, expected)?.value;
    // Where nothing is said MetaIO takes the machine's order, and those in use are little-endian.
    let keys = ["BinaryDataByteOrderMSB", "ElementByteOrderMSB"];
    let big = fields.get(&keys, truth, TRUTH)?.is_some_and(|field| field.value);
    let byte_order = if big { ByteOrder::Big } else { ByteOrder::Little };
    Ok(Layout { sample_type, byte_order, scaling: None })
}

/// What is expected of a truth value.
const TRUTH: &str = "True or False is expected";

fn compression(fields: &Fields) -> Result<Option<Compression>, MetaImageError> {
    let expected = "the number of compressed bytes is expected";
    let parse = |text: &str| text.parse::<u64>().ok();
    let bytes = fields.get(&["CompressedDataSize"], parse, expected)?;
    let compressed = fields.get(&["CompressedData"], truth, TRUTH)?;
    Ok(compressed
        .is_some_and(|field| field.value)
        // Zero means unknown to MetaIO.
        .then(|| Compression { bytes: bytes.map(|field| field.value).filter(|&bytes| bytes > 0) }))
}

fn before(fields: &Fields, data_file: &DataFile) -> Result<Before, MetaImageError> {
    let compressed = compression(fields)?.is_some();
    let parse = |text: &str| match text.parse::<i64>().ok()? {
        // What is left before the data is known where the length of the data is.
        -1 => (!compressed).then_some(Before::Rest),
        bytes => {
            let bytes = u64::try_from(bytes).ok()?;
            // A header's own length would count twice in the file that it starts.
            (bytes == 0 || *data_file != DataFile::Local).then_some(Before::Bytes(bytes))
        }
    };
    let expected = "the bytes before the data in a file of their own are expected, 0 if ElementDataFile is LOCAL, or -1 if data that are not compressed end the file";
    Ok(fields.get(&["HeaderSize"], parse, expected)?.map_or(Before::Bytes(0), |f| f.value))
}

/// The header of a file to write, little-endian. No free text.
pub(crate) fn encode(
    dims: [usize; 3],
    sample_type: SampleType,
    world_from_index: &Affine,
    compressed_bytes: Option<usize>,
    data_file: &str,
) -> String {
    let spacing = world_from_index.spacing_mm();
    let directions =
        world_from_index.linear() * Matrix3::from_diagonal(&Vector3::from(spacing.map(f64::recip)));
    // Column by column: each is the direction of an axis.
    let directions = joined(directions.as_slice());
    let offset = joined(world_from_index.translation().as_slice());
    let [spacing, dims] = [joined(&spacing), dims.map(|n| n.to_string()).join(" ")];
    let element = TYPES.iter().find(|(_, kind)| *kind == sample_type).map_or("", |t| t.0);
    let compressed = match compressed_bytes {
        Some(bytes) => format!("True\nCompressedDataSize = {bytes}"),
        None => "False".to_owned(),
    };
    format!(
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n\
         CompressedData = {compressed}\nTransformMatrix = {directions}\nOffset = {offset}\n\
         CenterOfRotation = 0 0 0\nElementSpacing = {spacing}\nDimSize = {dims}\n\
         ElementType = {element}\nElementDataFile = {data_file}\n"
    )
}

/// Numbers with all their digits, and without negative zeros.
fn joined(numbers: &[f64]) -> String {
    numbers.iter().map(|n| (n + 0.0).to_string()).collect::<Vec<_>>().join(" ")
}
