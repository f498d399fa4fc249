//! What a NRRD header means.

use isocenter::volume::Affine;
use nalgebra::{Matrix3, Vector3};

use super::NrrdError;
use super::data::DataFile;
use super::fields::{Fields, numbers, vectors};
use crate::error::FileProblem;
use crate::open::Stream;
use crate::samples::{ByteOrder, SampleType};
use crate::voxels::Layout;

/// What a header says.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    /// Voxels along i, j, k.
    pub(crate) dims: [usize; 3],
    /// Where they lie in the world (LPS, mm).
    pub(crate) world_from_index: Affine,
    /// How they lie in the file.
    pub(crate) layout: Layout,
    /// In which file; the header's own if none.
    pub(crate) data_file: Option<DataFile>,
    pub(super) encoding: Encoding,
    /// Lines to pass over before the data, as they lie in the file.
    pub(super) line_skip: u64,
    /// Bytes to pass over, after decompression; none: the data are the last bytes.
    pub(super) byte_skip: Option<u64>,
}

/// How the data are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Raw,
    Gzip,
    Text,
}

impl Header {
    /// Reads the header from the start of a file; the stream then stands behind it.
    pub(crate) fn read(stream: &mut Stream) -> Result<Self, FileProblem> {
        let fields = Fields::read(stream)?;
        let is_3 = |text: &str| (text == "3").then_some(());
        fields.require("dimension", is_3, "3 is expected, one volume of three dimensions")?;
        let encoding = encoding(&fields)?;
        Ok(Self {
            dims: dims(&fields)?,
            world_from_index: world_from_index(&fields)?,
            layout: layout(&fields, encoding)?,
            data_file: fields
                .get("data file", |text| Some(text.to_owned()), "")?
                .map(|name| DataFile::parse(&name))
                .transpose()?,
            encoding,
            line_skip: skip(&fields, "line skip")?.unwrap_or(0),
            byte_skip: byte_skip(&fields, encoding)?,
        })
    }
}

fn dims(fields: &Fields) -> Result<[usize; 3], NrrdError> {
    let parse = |text: &str| {
        let sides: Option<Vec<usize>> =
            text.split_whitespace().map(|n| n.parse().ok().filter(|&n| n > 0)).collect();
        <[usize; 3]>::try_from(sides?).ok()
    };
    let expected = "three whole numbers above 0 are expected, the voxels along each axis";
    fields.require("sizes", parse, expected)
}

fn encoding(fields: &Fields) -> Result<Encoding, NrrdError> {
    let parse = |text: &str| match text.to_ascii_lowercase().as_str() {
        "raw" => Some(Encoding::Raw),
        "gzip" | "gz" => Some(Encoding::Gzip),
        "ascii" | "text" | "txt" => Some(Encoding::Text),
        _ => None,
    };
    fields.require("encoding", parse, "raw, gzip or ascii is expected")
}

fn skip(fields: &Fields, field: &'static str) -> Result<Option<u64>, NrrdError> {
    fields.get(field, |text| text.parse().ok(), "a whole number is expected")
}

fn byte_skip(fields: &Fields, encoding: Encoding) -> Result<Option<u64>, NrrdError> {
    let is_rest = |text: &str| Some(text == "-1" && encoding == Encoding::Raw);
    if fields.get("byte skip", is_rest, "")? == Some(true) {
        return Ok(None);
    }
    let expected = "a whole number is expected, or -1 if data that are not compressed end the file";
    Ok(Some(fields.get("byte skip", |text| text.parse().ok(), expected)?.unwrap_or(0)))
}

/// How the axes of a space follow from those of LPS.
fn space(text: &str) -> Option<[f64; 3]> {
    match text.to_ascii_lowercase().as_str() {
        "left-posterior-superior" | "lps" => Some([1.0, 1.0, 1.0]),
        "right-anterior-superior" | "ras" => Some([-1.0, -1.0, 1.0]),
        "left-anterior-superior" | "las" => Some([1.0, -1.0, 1.0]),
        _ => None,
    }
}

fn world_from_index(fields: &Fields) -> Result<Affine, FileProblem> {
    let expected =
        "left-posterior-superior, right-anterior-superior or left-anterior-superior is expected";
    let Some(lps_from_space) = fields.get("space", space, expected)? else {
        return without_space(fields);
    };
    let lps_from_space = Matrix3::from_diagonal(&Vector3::from(lps_from_space));
    let expected = "\"mm\" for each axis is expected";
    let is_mm = |text: &str| {
        let mut units = text.split_whitespace().map(|unit| unit.trim_matches('"'));
        units.all(|unit| ["mm", "millimeter", "???", ""].contains(&unit)).then_some(())
    };
    fields.get("space units", is_mm, expected)?;
    let expected = "three vectors are expected, from voxel to voxel along each axis";
    let edges = fields.require("space directions", vectors::<3>, expected)?;
    let expected = "a vector is expected, where the first voxel lies";
    let [origin] = fields.get("space origin", vectors::<1>, expected)?.unwrap_or_default();
    let told = edges.as_flattened();
    let linear = lps_from_space * Matrix3::from_column_slice(told);
    Affine::new(linear, lps_from_space * Vector3::from(origin))
        .map_err(FileProblem::affine("'space directions'", told))
}

/// Without a space the format gives the axes no directions: they are taken along L, P and S with
/// the first voxel at the origin, as ITK does.
fn without_space(fields: &Fields) -> Result<Affine, FileProblem> {
    let none = |_: &str| None::<()>;
    let expected = "a 'space' is expected with it, such as left-posterior-superior";
    for field in ["space directions", "space origin", "space dimension"] {
        fields.get(field, none, expected)?;
    }
    let parse = |text: &str| numbers::<3>(text).filter(|n| n.iter().all(|&n| n != 0.0));
    let expected = "three numbers other than 0 are expected, the voxel spacing in mm, or 'space' with 'space directions'";
    let spacings = fields.require("spacings", parse, expected)?;
    Affine::from_spacing(spacings, [0.0; 3]).map_err(FileProblem::affine("'spacings'", &spacings))
}

/// The names of the types, that which is written first.
const TYPES: [(SampleType, &[&str]); 10] = [
    (SampleType::I8, &["int8", "int8_t", "signed char"]),
    (SampleType::U8, &["uint8", "uint8_t", "uchar", "unsigned char"]),
    (
        SampleType::I16,
        &["int16", "int16_t", "short", "short int", "signed short", "signed short int"],
    ),
    (SampleType::U16, &["uint16", "uint16_t", "ushort", "unsigned short", "unsigned short int"]),
    (SampleType::I32, &["int32", "int32_t", "int", "signed int"]),
    (SampleType::U32, &["uint32", "uint32_t", "uint", "unsigned int"]),
    (
        SampleType::I64,
        &[
            "int64",
            "int64_t",
            "longlong",
            "long long",
            "long long int",
            "signed long long",
            "signed long long int",
        ],
    ),
    (
        SampleType::U64,
        &["uint64", "uint64_t", "ulonglong", "unsigned long long", "unsigned long long int"],
    ),
    (SampleType::F32, &["float"]),
    (SampleType::F64, &["double"]),
];

fn layout(fields: &Fields, encoding: Encoding) -> Result<Layout, NrrdError> {
    let parse = |text: &str| {
        let wanted = text.to_ascii_lowercase();
        TYPES.iter().find(|(_, names)| names.contains(&wanted.as_str())).map(|(kind, _)| *kind)
    };
    let expected = "one of int8, uint8, int16, uint16, int32, uint32, int64, uint64, float and double is expected";
    let sample_type = fields.require("type", parse, expected)?;
    if encoding == Encoding::Text {
        return Ok(super::text::LAYOUT);
    }
    let parse = |text: &str| match text.to_ascii_lowercase().as_str() {
        "little" => Some(ByteOrder::Little),
        "big" => Some(ByteOrder::Big),
        _ => None,
    };
    let expected = "little or big is expected";
    let byte_order = if sample_type.bytes() == 1 {
        ByteOrder::Little
    } else {
        fields.require("endian", parse, expected)?
    };
    Ok(Layout { sample_type, byte_order, scaling: None })
}

/// The header of a file to write, little-endian. No free text.
pub(crate) fn encode(
    dims: [usize; 3],
    sample_type: SampleType,
    world_from_index: &Affine,
    data_file: Option<&str>,
) -> String {
    let vector = |v: [f64; 3]| {
        // Without negative zeros.
        let [x, y, z] = v.map(|n| n + 0.0);
        format!("({x},{y},{z})")
    };
    let linear = world_from_index.linear();
    let edges = [0, 1, 2].map(|axis| vector(linear.column(axis).into_owned().into())).join(" ");
    let origin = vector((*world_from_index.translation()).into());
    let kind = TYPES.iter().find(|(kind, _)| *kind == sample_type);
    let kind = kind.and_then(|(_, names)| names.first()).copied().unwrap_or_default();
    let sizes = dims.map(|n| n.to_string()).join(" ");
    let (encoding, last) = match data_file {
        Some(name) => ("raw", format!("data file: {name}\n")),
        None => ("gzip", "\n".to_owned()),
    };
    format!(
        "NRRD0004\ntype: {kind}\ndimension: 3\nspace: left-posterior-superior\nsizes: {sizes}\n\
         space directions: {edges}\nkinds: domain domain domain\nendian: little\n\
         encoding: {encoding}\nspace origin: {origin}\n{last}"
    )
}
