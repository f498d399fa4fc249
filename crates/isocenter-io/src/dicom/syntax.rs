//! Transfer syntaxes: how a file is written.

use std::fmt;

use crate::samples::ByteOrder;

/// How the pixels are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Not at all.
    None,
    /// Run lengths.
    Rle,
    /// JPEG: 8 bits with loss, or lossless.
    Jpeg,
    /// JPEG 2000.
    Jpeg2000,
    /// JPEG-LS.
    JpegLs,
}

/// A way to write a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TransferSyntax {
    /// Its number.
    pub(crate) uid: &'static str,
    /// Its name, in short.
    pub(crate) name: &'static str,
    /// Whether each element says how its value is written.
    pub(crate) explicit: bool,
    /// The order of bytes.
    pub(crate) byte_order: ByteOrder,
    /// Whether all of the data set is deflated.
    pub(crate) deflated: bool,
    /// How the pixels are compressed.
    pub(crate) compression: Compression,
}

impl fmt::Display for TransferSyntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const fn plain(
    uid: &'static str,
    name: &'static str,
    explicit: bool,
    byte_order: ByteOrder,
    deflated: bool,
) -> TransferSyntax {
    let compression = Compression::None;
    TransferSyntax { uid, name, explicit, byte_order, deflated, compression }
}

const fn compressed(
    uid: &'static str,
    name: &'static str,
    compression: Compression,
) -> TransferSyntax {
    let byte_order = ByteOrder::Little;
    TransferSyntax { uid, name, explicit: true, byte_order, deflated: false, compression }
}

/// What is taken where a file names none.
pub(crate) const IMPLICIT_LITTLE: TransferSyntax =
    plain("1.2.840.10008.1.2", "implicit little endian", false, ByteOrder::Little, false);
/// What the beginning of every file is written in.
pub(crate) const EXPLICIT_LITTLE: TransferSyntax =
    plain("1.2.840.10008.1.2.1", "explicit little endian", true, ByteOrder::Little, false);

const KNOWN: [TransferSyntax; 14] = [
    IMPLICIT_LITTLE,
    EXPLICIT_LITTLE,
    plain("1.2.840.10008.1.2.2", "explicit big endian", true, ByteOrder::Big, false),
    plain("1.2.840.10008.1.2.1.99", "deflated little endian", true, ByteOrder::Little, true),
    compressed("1.2.840.10008.1.2.1.98", "encapsulated uncompressed", Compression::None),
    compressed("1.2.840.10008.1.2.5", "RLE lossless", Compression::Rle),
    compressed("1.2.840.10008.1.2.4.50", "JPEG baseline", Compression::Jpeg),
    compressed("1.2.840.10008.1.2.4.51", "JPEG extended", Compression::Jpeg),
    compressed("1.2.840.10008.1.2.4.57", "JPEG lossless", Compression::Jpeg),
    compressed("1.2.840.10008.1.2.4.70", "JPEG lossless SV1", Compression::Jpeg),
    compressed("1.2.840.10008.1.2.4.80", "JPEG-LS lossless", Compression::JpegLs),
    compressed("1.2.840.10008.1.2.4.81", "JPEG-LS near-lossless", Compression::JpegLs),
    compressed("1.2.840.10008.1.2.4.90", "JPEG 2000 lossless", Compression::Jpeg2000),
    compressed("1.2.840.10008.1.2.4.91", "JPEG 2000", Compression::Jpeg2000),
];

/// What the errors list.
pub(crate) const SUPPORTED: &str = "implicit and explicit little endian, explicit big endian, deflated, RLE, JPEG baseline and lossless, JPEG 2000, and JPEG-LS with the feature 'jpeg-ls'";

/// The transfer syntax of a number.
pub(super) fn of_uid(uid: &str) -> Option<TransferSyntax> {
    KNOWN.into_iter().find(|syntax| syntax.uid == uid)
}
